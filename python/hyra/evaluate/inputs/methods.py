"""What is to be evaluated: methods with their folders, from a command line, a layout of folders or a manifest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Self

from hyra._util.warnings import warn
from hyra.evaluate.work.sources import File, Source
from hyra.images.pairing import pair


@dataclass(frozen=True)
class Method:
    """Super-resolved images that one method made at one scale.

    Attributes:
        name: what tables call it.
        scale: HR pixels per LR pixel along a side, such as 4 or 2.5.
        sr: the folder of its images.
        hr: the folder of the references.
        template: how a name is made of a reference's, see `hyra.images.pair`.
    """

    name: str
    scale: float
    sr: Path
    hr: Path
    template: str | None = None

    def __post_init__(self) -> None:
        # A folder's name need not be UTF-8, but a database keeps nothing else: other bytes become escapes.
        object.__setattr__(self, "name", self.name.encode("utf-8", "backslashreplace").decode())
        if not self.name.strip():
            raise ValueError(f"name must say what the method of {self.sr} is called, got {self.name!r}")
        if not (isfinite(self.scale) and self.scale >= 1):
            raise ValueError(f"scale of {self.name} must be a number of at least 1, got {self.scale}")
        object.__setattr__(self, "sr", Path(self.sr))  # strings do, too
        object.__setattr__(self, "hr", Path(self.hr))
        object.__setattr__(self, "scale", float(self.scale))  # 4 and 4.0 are one setting, in JSON too

    @classmethod
    def parse(cls, text: str, hr: Path) -> Self:
        """From ``NAME:SCALE:FOLDER``, such as ``EDSR:4:results/EDSR/x4``; a path may hold colons.

        Raises:
            ValueError: it has another form.

        Example:
            >>> Method.parse("EDSR:x4:results/EDSR", Path("DIV2K/HR")).scale
            4.0
        """
        match = re.fullmatch(r"([^:]+):x?(\d+(?:\.\d+)?):(.+)", text)
        if match is None:
            raise ValueError(f"sr must be NAME:SCALE:FOLDER, such as EDSR:4:results/EDSR/x4, got {text!r}")
        return cls(match[1], float(match[2]), Path(match[3]), hr)

    def sources(self, *, allow_missing: bool = False) -> list[tuple[Source, Source]]:
        """Its images with their references, matched by name; what is left out is warned of.

        Raises:
            NotADirectoryError: a folder is not there.
            ValueError: there is no pair, or without `allow_missing` a file has no partner or several.
        """
        pairing = pair(self.sr, self.hr, self.template)
        pairs = pairing.require(allow_missing=allow_missing)
        if left := pairing.left_out():
            warn(f"left out: {left}")
        return [(File(sr), File(hr)) for sr, hr in pairs]


def from_layout(root: Path, hr: Path) -> list[Method]:
    """The methods of a folder laid out as ``root/METHOD/xSCALE/``, by name and scale.

    Raises:
        NotADirectoryError: there is no such folder.
        ValueError: it holds none.
    """
    if not root.is_dir():
        raise NotADirectoryError(f"no such folder: {root}")
    methods = []
    for folder in sorted(root.glob("*/[xX]*")):
        scale = re.fullmatch(r"[xX](\d+(?:\.\d+)?)", folder.name)
        if scale and folder.is_dir() and not folder.parent.name.startswith("."):
            methods.append(Method(folder.parent.name, float(scale[1]), folder, hr))
    if not methods:
        raise ValueError(f"{root} must hold folders METHOD/xSCALE, such as EDSR/x4, got none")
    return sorted(methods, key=lambda method: (method.name, method.scale))


def check_names(methods: Iterable[Method]) -> Sequence[Method]:
    """No two have the same name and scale, and there is one at least."""
    listed = list(methods)
    if not listed:
        raise ValueError("methods must hold at least one method, got none")
    seen: dict[tuple[str, float], Method] = {}
    for method in listed:
        other = seen.get((method.name, method.scale))
        if other is not None:
            raise ValueError(f"{method.name} at x{method.scale:g} is given twice: {other.sr} and {method.sr}")
        seen[method.name, method.scale] = method
    return listed
