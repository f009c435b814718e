"""Files of 8 bits a channel: their headers by Pillow, and the pixels of the usual ones by imagecodecs where it is."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hyra.images.decoding.decoded import Decoded, check_size, coloured, decoded, first_of, rotated

if TYPE_CHECKING:
    from PIL.Image import Image

_MODES = frozenset({"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr"})
"""Pillow's modes of 8 bits and fewer whose colours `convert` knows; the others hold more, or no colours."""


def decode(path: Path) -> Decoded:
    """A JPEG, WebP, GIF or BMP."""
    from PIL import Image

    # An explicit list, so that no file can choose one of Pillow's other decoders.
    with Image.open(path, formats=("JPEG", "WEBP", "GIF", "BMP")) as image:
        check_size(*image.size)
        frames = first_of(getattr(image, "n_frames", 1))
        image.seek(0)
        ignored = [*rotated(orientation(image.getexif)), *coloured(image.info.get("icc_profile")), *frames]
        fast = None if frames or image.mode not in ("L", "RGB") else _by_imagecodecs(path.read_bytes(), image.format)
        return decoded(pixels(image) if fast is None else fast, 255, ignored)


def _by_imagecodecs(data: bytes, form: str | None) -> NDArray[np.uint8] | None:
    """The same pixels in less time; None where it is not installed, or would read another format or half a file."""
    if find_spec("imagecodecs") is None:
        return None
    import imagecodecs

    if form == "JPEG" and data.endswith(b"\xff\xd9"):  # what a JPEG lacks is filled up without a word
        pixels: NDArray[np.uint8] = imagecodecs.jpeg8_decode(data)
    elif form == "WEBP":
        pixels = imagecodecs.webp_decode(data)
    else:
        return None
    return pixels


def pixels(image: Image) -> NDArray[np.uint8]:
    """[H, W] or [H, W, C], C of 2 and 4 with alpha."""
    if image.mode not in _MODES:
        raise ValueError(f"8 bits a channel were expected, got Pillow's mode {image.mode!r}")
    image.load()
    if image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in image.info:
        return np.asarray(image)
    if image.mode == "1" and "transparency" not in image.info:
        return np.asarray(image.convert("L"))
    return np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))


def orientation(exif: Callable[[], Image.Exif]) -> int | None:
    """EXIF's tag of that name; a damaged block says nothing."""
    try:
        value = exif().get(0x0112)
    # Pillow reports one in several ways.
    except Exception:
        return None
    return value if isinstance(value, int) else None
