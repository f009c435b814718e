"""What a decoder hands back, and the rules that all decoders share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8 | np.uint16 | np.float32 | np.float64]


@dataclass(frozen=True)
class Decoded:
    """The pixels of a file, as they are stored."""

    pixels: Pixels
    """``[H, W, 1]`` (grey) or ``[H, W, 3]`` (RGB), uint8 or uint16, or float32 or float64 of a file of floats; it may
    be a view, and read-only"""
    white: int
    """the value of white: 255 for 8 bits, 1023 for 10, 65535 for 16, 1 for floats"""
    ignored: tuple[str, ...] = ()
    """what the file holds and the pixels leave out, a sentence each"""


def decoded(pixels: Pixels, white: int, ignored: list[str], *, multiplied: bool = False) -> Decoded:
    """Pixels of 1 to 4 channels, the alpha of 2 or 4 taken off; `multiplied`: colours hold their alpha as a factor."""
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.dtype.kind == "u" and white != 256**pixels.itemsize - 1 and pixels.max() > white:
        raise ValueError(f"a value of {pixels.max()} is above white, {white}")
    if pixels.shape[-1] in (2, 4):
        if pixels[..., -1].min() != white:
            if multiplied:
                raise ValueError("its colours are multiplied by its transparency, save it with straight alpha")
            ignored = ["its transparency is ignored, the colours are read as if opaque", *ignored]
        pixels = pixels[..., :-1]
    if pixels.shape[-1] not in (1, 3):
        raise ValueError(f"grey or RGB was expected, got {pixels.shape[-1]} channels")
    return Decoded(pixels, white, tuple(ignored))


def floats(pixels: NDArray[np.floating[Any]]) -> Pixels:
    """Pixels whose white is 1; a network may go a little beyond black and white."""
    low, high = pixels.min(), pixels.max()
    if not (low >= -1 and high <= 2):  # NaN is neither
        raise ValueError(f"floats about 0..1 were expected, got values in {low:g}..{high:g}")
    return pixels.astype(np.float64 if pixels.dtype.itemsize == 8 else np.float32)


def check_size(width: int, height: int) -> None:
    """Refuse an image too large, before anything is decoded."""
    from PIL import Image

    if width < 1 or height < 1:
        raise ValueError(f"it has no pixels: {width}x{height}")
    if Image.MAX_IMAGE_PIXELS is not None and width * height > 2 * Image.MAX_IMAGE_PIXELS:
        limit = 2 * Image.MAX_IMAGE_PIXELS
        raise ValueError(f"{width}x{height} is more than {limit} pixels, set PIL.Image.MAX_IMAGE_PIXELS to allow it")


def rotated(exif: int | None) -> list[str]:
    """The sentence for an orientation of EXIF, where it is not the upright 1."""
    upright = exif is None or exif not in range(2, 9)
    return [] if upright else [f"its orientation (EXIF {exif}) is ignored, the pixels are read as stored"]


def first_of(frames: int) -> list[str]:
    """The sentence for frames or pages beyond the first."""
    return [f"only the first of its {frames} frames is read"] if frames > 1 else []


def coloured(profile: bytes | None) -> list[str]:
    """The sentence for an ICC profile that is not sRGB's."""
    # Version 4 names it in UTF-16.
    plain = profile is None or b"sRGB" in profile.replace(b"\0", b"")
    return [] if plain else ["its colour profile is ignored, the values are read as sRGB"]
