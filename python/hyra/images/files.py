"""Image files to and from tensors [3, H, W] in 0..1, and the pairing of two folders by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyra._util import validate
from hyra._util.extra import extra
from hyra._util.warnings import warn

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""Files of a folder that count as images; the rest is passed over."""


def read(path: str | Path) -> Tensor:
    """An image file as RGB.

    Grey is repeated into three channels, a palette is looked up, CMYK is converted, 16 bits a channel are kept. An
    alpha channel is dropped, with a warning where it was not opaque. The pixels are taken as stored: no colour
    management, no gamma, no rotation by EXIF.

    Args:
        path: a file that Pillow can read.

    Returns:
        ``[3, H, W]`` float32 in 0..1 (white is 255 in a file of 8 bits, 65535 in one of 16).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no image, a broken one, or one whose range is unknown (32-bit integers, floats).
        ModuleNotFoundError: Pillow is missing; the message names the extra to install.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write(torch.full((3, 2, 4), 0.2), f"{folder}/grey.png")
        ...     read(f"{folder}/grey.png").shape
        torch.Size([3, 2, 4])
    """
    with extra("cli", "reading images"):
        from PIL import Image

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is a folder, not an image file" if path.is_dir() else f"no such file: {path}")
    try:
        pixels = _pixels(path)
    # Pillow reports a broken file in several ways.
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} cannot be read as an image: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if pixels.ndim == 2:
        pixels = pixels[..., None].repeat(3, axis=-1)
    white = np.iinfo(pixels.dtype).max
    if pixels.shape[-1] == 4:
        if (pixels[..., 3] != white).any():
            warn(f"{path}: its transparency is ignored, the colours are read as if opaque")
        pixels = pixels[..., :3]
    return torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32) / white)


def _pixels(path: Path) -> NDArray[np.uint8 | np.uint16]:
    """[H, W], [H, W, 3] or [H, W, 4]."""
    from PIL import Image

    with Image.open(path) as image:
        stored = _raw_mode(image)
        if ";16" not in stored:
            return _eight_bits(image)
        if image.mode.startswith("I;16"):
            return np.asarray(image).astype(np.uint16)
        if image.mode not in ("RGB", "RGBA") or not stored.startswith(f"{image.mode};16"):
            raise ValueError(f"an image of 16 bits must be grey, RGB or RGBA, got one stored as {stored!r}")
        high = np.asarray(image)
    # Pillow holds 8 bits a channel and drops the low byte; it keeps that one if the byte order is named wrongly.
    with Image.open(path) as image:
        image.tile = [tile._replace(args=_swap_bytes(tile.args)) for tile in image.tile]
        low = np.asarray(image)
    both: NDArray[np.uint16] = high.astype(np.uint16) << 8 | low
    return both


def _raw_mode(image: ImageFile) -> str:
    """How the file stores its pixels, such as "RGB;16B" (big-endian); "" where Pillow's decoder does not say."""
    args = image.tile[0].args if image.tile else ""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _swap_bytes(args: Any) -> Any:
    if isinstance(args, tuple):
        return (_swap_bytes(args[0]), *args[1:])
    return args[:-1] + {"B": "L", "L": "B"}[args[-1]]


def _eight_bits(image: ImageFile) -> NDArray[np.uint8]:
    if image.mode in ("I", "F"):
        raise ValueError(f"an image of 8 or 16 bits was expected, got Pillow's mode {image.mode!r}, of unknown range")
    if image.mode in ("L", "RGB", "RGBA"):
        return np.asarray(image)
    return np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))


def write(image: Tensor, path: str | Path) -> None:
    """Write an image at 8 bits a channel; values are clamped to 0..1 and rounded to the nearest level.

    Args:
        image: ``[3, H, W]`` or ``[1, H, W]`` (grey), floating point, white is 1.
        path: the suffix decides the format; folders are made.

    Raises:
        ValueError: wrong shape, NaN pixels, or a suffix that Pillow does not know.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write(torch.full((3, 2, 4), 0.5), f"{folder}/grey.png")
        ...     image = read(f"{folder}/grey.png")
        >>> image.shape, round(255 * image[0, 0, 0].item())
        (torch.Size([3, 2, 4]), 128)
    """
    with extra("cli", "writing images"):
        from PIL import Image

    if image.ndim != 3 or image.shape[0] not in (1, 3) or 0 in image.shape:
        raise ValueError(f"image must be [3, H, W] or [1, H, W] with a pixel, got the shape {tuple(image.shape)}")
    if image.isnan().any():
        raise ValueError("image must hold finite values, got NaN")
    levels = image.detach().cpu().clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0).squeeze(-1).numpy()
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels).save(path)


def in_colours(image: Tensor, channels: int) -> Tensor:
    """The image `[C, H, W]`, or for networks of one channel the mean over its colours.

    Raises:
        ValueError: it has no colour or no pixel.
    """
    validate.images("image", image)
    return image.mean(0, keepdim=True) if channels == 1 else image


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
        ...         write(torch.zeros(3, 2, 2), f"{folder}/{name}")
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
