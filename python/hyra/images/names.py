"""What the name of an image file may stand for: itself, or an image of which it is a result, a reference or a copy."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

SUFFIXES = frozenset(
    {
        *(".avif", ".bmp", ".gif", ".j2k", ".jp2", ".jpeg", ".jpg", ".jxl", ".npy", ".pbm", ".pgm", ".png", ".pnm"),
        *(".ppm", ".tif", ".tiff", ".webp"),
    }
)
"""Files of a folder that count as images: those that `hyra.images.read` knows. The rest is told of."""

_NUMBER = r"\d+(?:\.\d+)?"
_WORD = re.compile(r"(.+)[_-](SR|HR|GT|out|output|rlt)", re.DOTALL | re.IGNORECASE)
_SCALE = re.compile(
    rf"(.+?)(?:(?P<separator>[_-](?:SR)?)?x(?P<scale>{_NUMBER})|[_-]SRF_(?P<factor>{_NUMBER}))",
    re.DOTALL | re.IGNORECASE,
)
_METHOD = re.compile(rf"(.+(?:x|[_-]SRF_){_NUMBER})[_-](?!LR\Z)[^\W\d_][\w.+-]*", re.DOTALL | re.IGNORECASE)
_LR = re.compile(r".+[_-]LR", re.DOTALL | re.IGNORECASE)
_REFERENCE = ("hr", "gt")


@dataclass(frozen=True)
class Candidate:
    """A name that a file may stand for, and what had to be taken off its own to get there."""

    name: str
    scales: frozenset[float] = frozenset()
    method: bool = False
    """Whether a word was taken off that may be any."""
    doubt: str = ""
    """All that was taken off, where it may be a part of the name: `x2` of `box2`."""

    def agrees(self, other: Candidate) -> bool:
        """Whether files of these names may be a pair: of scales and methods, two that differ are two images."""
        same = not (self.scales and other.scales) or self.scales == other.scales
        return same and not (self.method and other.method)


def candidates(stem: str) -> Iterator[Candidate]:
    """The name of a file without its suffix, in one Unicode form, and what is left of it step by step.

    Taken off its end are, again and again: the words `SR`, `HR`, `GT`, `out`, `output` and `rlt` after a separator, a
    scale (`x4`, `_x4`, `_SRx4`, `x2.5`, `_SRF_4`), and any word that follows a scale, such as the method's
    (`_x2_SwinIR`).

    Example:
        >>> [candidate.name for candidate in candidates("img_001_SRF_4_SR")]
        ['img_001_SRF_4_SR', 'img_001_SRF_4', 'img_001']
    """
    whole = unicodedata.normalize("NFC", stem)
    last = Candidate(whole)
    while True:
        yield last
        scales, method, clear = last.scales, last.method, True
        scale, after = _SCALE.fullmatch(last.name), _METHOD.fullmatch(last.name)
        if match := _WORD.fullmatch(last.name):
            pass
        elif (match := after) and not (scale and _is_clear(scale)):  # `_x4_EDSR_Lx4`: the second is the method's
            method, clear = True, _is_clear(_SCALE.fullmatch(match[1]))
        elif match := scale:
            scales, clear = scales | {float(match["scale"] or match["factor"])}, _is_clear(match)
        else:
            return
        doubt = whole[len(match[1]) :] if last.doubt or not clear else ""
        last = Candidate(match[1], scales, method, doubt)


def is_reference(stem: str) -> bool:
    """Whether a name says at its end that it is a reference's: `baby_HR`, `img_001_SRF_4_HR`, `a_gt`."""
    match = _WORD.fullmatch(stem)
    return match is not None and match[2].lower() in _REFERENCE


def is_input(stem: str) -> bool:
    """Whether a name says at its end that it is a network's input, neither result nor reference: `baby_LR`."""
    return _LR.fullmatch(stem) is not None


def _is_clear(scale: re.Match[str] | None) -> bool:
    """Whether a scale was set apart from the name: without a separator or a digit before it, `x2` ends a word, too."""
    return scale is None or bool(scale["separator"] or scale["factor"]) or scale[1][-1].isdigit()


def template_of(text: str) -> Callable[[Path], Candidate | None]:
    """What tells of a file whether its name is of a template, and for which image it then stands.

    Raises:
        ValueError: the template has no `{name}`, one of its fields twice, or others than `{name}` and `{scale}`.

    Example:
        >>> template_of("{name}x{scale}")(Path("0801x4.png"))
        Candidate(name='0801', scales=frozenset({4.0}), method=False, doubt='')
    """
    groups = {"name": "(?P<name>.+)", "scale": f"(?P<scale>{_NUMBER})"}
    pattern, fields = "", []
    suffix = next((end for end in SUFFIXES if text.lower().endswith(end)), "")
    names = unicodedata.normalize("NFC", text[: len(text) - len(suffix)])
    try:
        for literal, field, form, conversion in Formatter().parse(names):
            pattern += re.escape(literal)
            if field is not None:
                pattern += "" if form or conversion else groups[field]
                fields.append("" if form or conversion else field)
    except (KeyError, ValueError):
        fields = []
    if sorted(fields) not in (["name"], ["name", "scale"]):
        expected = "template must hold {name} once, and may hold {scale} once, as {name}x{scale} does"
        raise ValueError(f"{expected}, got {text!r}")
    expression = re.compile(pattern, re.DOTALL)

    def candidate(path: Path) -> Candidate | None:
        match = expression.fullmatch(unicodedata.normalize("NFC", path.stem))
        if match is None or (suffix and path.suffix.lower() != suffix):
            return None
        return Candidate(match["name"], frozenset({float(match["scale"])} if "scale" in fields else ()))

    return candidate
