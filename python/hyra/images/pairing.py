"""The pairing of two folders by name."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SUFFIXES = frozenset(
    {
        *(".avif", ".bmp", ".gif", ".j2k", ".jp2", ".jpeg", ".jpg", ".npy", ".pbm", ".pgm", ".png", ".pnm", ".ppm"),
        *(".tif", ".tiff", ".webp"),
    }
)
"""Files of a folder that count as images: those that `read` knows. The rest is told of."""

_SCALE = re.compile(r"(?P<name>.+?)(?P<separator>[_-]?)x(?P<scale>\d+(?:\.\d+)?)", re.DOTALL)


@dataclass(frozen=True)
class Pairing:
    """Two folders matched by name: the pairs in the order of their names, and what is left over."""

    pairs: list[tuple[Path, Path]]
    """(SR file, HR file)"""
    unpaired_sr: list[Path]
    unpaired_hr: list[Path]
    skipped: list[Path] = field(default_factory=list)
    """Files of both folders that are no images by their suffix."""


def pair(sr: str | Path, hr: str | Path) -> Pairing:
    """Match the images of two folders by name: ``0801.png``, ``0801x4.png`` and ``0801_x4.jpg`` pair with ``0801.png``.

    A scale at the end of a result's name is no part of it. Where neither a separator nor a digit stands before the
    ``x``, that may be chance: ``box2.png`` is not image ``bo`` at scale 2 unless another result, such as ``catx2.png``,
    pairs in the same way. Names are compared as people read them: in one Unicode form, whichever the file system uses.
    Hidden files are no images.

    Args:
        sr: folder of super-resolved images.
        hr: folder of reference images.

    Raises:
        NotADirectoryError: one of them is no folder.
        ValueError: no names match, or two images of a folder would be the same one's partner.

    Example:
        >>> import tempfile, torch
        >>> from hyra import images
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("sr/0801x4.png", "sr/other.png", "hr/0801.png"):
        ...         images.write(torch.zeros(3, 2, 2), f"{folder}/{name}")
        ...     pairing = pair(f"{folder}/sr", f"{folder}/hr")
        >>> [(sr.name, hr.name) for sr, hr in pairing.pairs], [sr.name for sr in pairing.unpaired_sr]
        ([('0801x4.png', '0801.png')], ['other.png'])
    """
    results, references = _files(sr), _files(hr)
    of_name: dict[str, Path] = {}
    for path in _images(references):
        name = _name(path)
        if name in of_name:
            raise ValueError(f"{of_name[name].name} and {path.name} in {hr} have the same name")
        of_name[name] = path
    agreed = Counter(match["scale"] for name in map(_name, _images(results)) if (match := _with_scale(name, of_name)))
    pairs: dict[Path, Path] = {}
    unpaired = []
    for path in _images(results):
        name = _name(path)
        match = _with_scale(name, of_name)
        if match and (_is_clear(match) or agreed[match["scale"]] > 1):
            name = match["name"]
        reference = of_name.get(name)
        if reference is None:
            unpaired.append(path)
        elif reference in pairs:
            raise ValueError(f"{pairs[reference].name} and {path.name} in {sr} both pair with {reference.name}")
        else:
            pairs[reference] = path
    if not pairs:
        raise ValueError(f"no image of {sr} has the name of one in {hr} (0801.png or 0801x4.png with 0801.png)")
    left = [path for path in of_name.values() if path not in pairs]
    skipped = [path for path in (*results, *references) if path.suffix.lower() not in SUFFIXES]
    return Pairing(sorted((sr, hr) for hr, sr in pairs.items()), unpaired, left, skipped)


def _with_scale(name: str, of_name: Mapping[str, Path]) -> re.Match[str] | None:
    """A result's name as that of a reference with a scale at its end; None for a name that a reference has itself."""
    match = None if name in of_name else _SCALE.fullmatch(name)
    return match if match and match["name"] in of_name else None


def _is_clear(match: re.Match[str]) -> bool:
    return bool(match["separator"]) or match["name"][-1].isdigit()


def _name(path: Path) -> str:
    return unicodedata.normalize("NFC", path.stem)


def _images(files: Iterable[Path]) -> list[Path]:
    return [path for path in files if path.suffix.lower() in SUFFIXES]


def _files(folder: str | Path) -> list[Path]:
    """The files of a folder by name; those that a system hides (`._0801.png`, `.DS_Store`) are not the user's."""
    folder = Path(folder)
    if not folder.is_dir():
        raise NotADirectoryError(f"no such folder: {folder}")
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
