"""The pairing of two folders by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""Files of a folder that count as images; the rest is passed over."""


@dataclass(frozen=True)
class Pairing:
    """Two folders matched by name: the pairs in the order of their names, and what is left over."""

    pairs: list[tuple[Path, Path]]
    """(SR file, HR file)"""
    unpaired_sr: list[Path]
    unpaired_hr: list[Path]


def pair(sr: str | Path, hr: str | Path) -> Pairing:
    """Match the images of two folders by name: ``0801.png``, ``0801x4.png`` and ``0801_x4.jpg`` pair with ``0801.png``.

    Args:
        sr: folder of super-resolved images.
        hr: folder of reference images.

    Raises:
        NotADirectoryError: one of them is no folder.
        ValueError: no names match, or two images of a folder would be the same one's partner.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("sr/0801x4.png", "sr/other.png", "hr/0801.png"):
        ...         path = Path(folder, name)
        ...         path.parent.mkdir(exist_ok=True)
        ...         path.touch()
        ...     found = pair(f"{folder}/sr", f"{folder}/hr")
        >>> [(sr.name, hr.name) for sr, hr in found.pairs], [sr.name for sr in found.unpaired_sr]
        ([('0801x4.png', '0801.png')], ['other.png'])
    """
    references: dict[str, Path] = {}
    for path in _images(hr):
        if path.stem in references:
            raise ValueError(f"{references[path.stem].name} and {path.name} in {hr} have the same name")
        references[path.stem] = path
    pairs: dict[Path, Path] = {}
    unpaired = []
    for path in _images(sr):
        reference = references.get(path.stem) or references.get(re.sub(r"[_-]?x\d+$", "", path.stem))
        if reference is None:
            unpaired.append(path)
        elif reference in pairs:
            raise ValueError(f"{pairs[reference].name} and {path.name} in {sr} both pair with {reference.name}")
        else:
            pairs[reference] = path
    if not pairs:
        raise ValueError(f"no image of {sr} has the name of one in {hr} (0801.png or 0801x4.png with 0801.png)")
    left = [path for path in references.values() if path not in pairs]
    return Pairing(sorted((sr, hr) for hr, sr in pairs.items()), unpaired, left)


def _images(folder: str | Path) -> list[Path]:
    folder = Path(folder)
    if not folder.is_dir():
        raise NotADirectoryError(f"no such folder: {folder}")
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
