"""What a file must give, and the pixels and encoders that the cases share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

SIZE, LARGE = (11, 13), (50, 70)
TRANSPARENT = "its transparency is ignored"
TURNED = "its orientation"
PROFILE = "its colour profile"
FRAMES = "only the first of its"


@dataclass(frozen=True)
class Case:
    """A file, and what reading it must give."""

    name: str
    make: Callable[[], tuple[bytes, np.ndarray]]
    """the file, and its pixels [H, W, 1 or 3] in 0..white"""
    white: int = 255
    needs: bool = False
    """whether the extra `images` is needed to read it"""
    warns: tuple[str, ...] = ()
    """a part of each warning"""
    refused: str = ""
    """a part of the sentence that refuses it; then the pixels do not count"""
    off_by: int = 0
    """levels that a lossy format may be off"""

    def __str__(self) -> str:
        return self.name


def pixels(white: int, channels: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Noise that uses every level, black and white among them."""
    noise = np.random.default_rng(white + channels).integers(0, white + 1, (*size, channels))
    noise[0, 0], noise[-1, -1] = 0, white
    return noise.astype(np.uint8 if white < 256 else np.uint16)


def reals(channels: int) -> np.ndarray:
    """Noise that goes a little beyond black and white, as a network's output does."""
    return np.random.default_rng(channels).uniform(-0.1, 1.1, (*SIZE, channels))


def smooth(channels: int, size: tuple[int, int] = (24, 40)) -> np.ndarray:
    """A ramp that lossy formats keep to a few levels."""
    ramp = np.add.outer(np.linspace(60, 120, size[0]), np.linspace(0, 60, size[1]))[..., None]
    return np.round(ramp + 15 * np.arange(channels)).astype(np.uint8)


def opaque(image: np.ndarray, white: int) -> np.ndarray:
    """With an alpha channel of white."""
    return np.concatenate([image, np.full((*image.shape[:2], 1), white, image.dtype)], -1)


def half(image: np.ndarray, white: int) -> np.ndarray:
    """With an alpha channel of which one pixel is half transparent."""
    image = opaque(image, white)
    image[2, 3, -1] = white // 2
    return image


def pillow(image: np.ndarray, form: str, mode: str | None = None, **options: Any) -> bytes:
    """A file by Pillow."""
    buffer = BytesIO()
    picture = Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image)
    (picture if mode is None else picture.convert(mode)).save(buffer, form, **options)
    return buffer.getvalue()


def saved(frames: list[Image.Image], form: str, **options: Any) -> bytes:
    """An animation by Pillow."""
    buffer = BytesIO()
    frames[0].save(buffer, form, save_all=True, append_images=frames[1:], **options)
    return buffer.getvalue()


def imagecodecs_file(codec: str, image: np.ndarray, shown: np.ndarray | None = None, **options: Any) -> Any:
    """A file by imagecodecs, and its pixels."""
    import imagecodecs

    squeezed = image.squeeze(-1) if image.shape[-1] == 1 else image
    file = getattr(imagecodecs, f"{codec}_encode")(squeezed, **options)
    return bytes(file), image if shown is None else shown


def tifffile_file(image: np.ndarray, shown: np.ndarray | None = None, *, pages: int = 1, **options: Any) -> Any:
    """A TIFF by tifffile, and its pixels; `image` is [H, W, C], or [C, H, W] where its planes are separate."""
    import tifffile

    buffer = BytesIO()
    with tifffile.TiffWriter(
        buffer, byteorder=options.pop("byteorder", "<"), bigtiff=options.pop("big", False)
    ) as file:
        for _ in range(pages):
            file.write(image.squeeze(-1) if image.shape[-1] == 1 else image, metadata=None, **options)
    separate = options.get("planarconfig") == "separate"
    return buffer.getvalue(), (np.moveaxis(image, 0, -1) if separate else image) if shown is None else shown
