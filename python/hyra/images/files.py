"""Image files to and from tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.arrays import to_tensor
from hyra._util.extra import extra
from hyra.images.decoding.decoders import decode


def read(path: str | Path, *, integers: bool = False) -> Tensor:
    """An image file as RGB.

    The rules of `hyra.images` hold: the pixels are taken as stored, grey is repeated, 16 bits are kept, and a warning
    tells what is left out.

    Args:
        path: a file of any of the formats named there.
        integers: leave files of 8 and 16 bits as they are, without a copy: for scores, which read them so.

    Returns:
        ``[3, H, W]`` float32 in 0..1, contiguous (white is 255 in a file of 8 bits, 65535 in one of 16,
        1 in one of floats, which may go a little beyond 0..1). With `integers` uint8 of white 255 or uint16 of white
        65535 where the file has them, in the decoder's layout; the channels of a grey file share their memory.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no image, a broken one, or one that the rules refuse (such as 32-bit integers).
        ModuleNotFoundError: a decoder is missing; the message names the extra to install.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write(torch.full((3, 2, 4), 0.2), f"{folder}/grey.png")
        ...     file = f"{folder}/grey.png"
        ...     read(file).shape, read(file, integers=True)[:, 0, 0]
        (torch.Size([3, 2, 4]), tensor([51, 51, 51], dtype=torch.uint8))
    """
    stored = decode(path)
    if integers:
        pixels = to_tensor(stored.pixels, "pixels")
        if stored.white == validate.WHITE.get(pixels.dtype):
            return pixels.permute(2, 0, 1).expand(3, -1, -1)
    height, width, channels = stored.pixels.shape
    image = np.empty((3, height, width), np.float32)
    for channel in range(channels):
        np.divide(stored.pixels[..., channel], stored.white, out=image[channel], dtype=np.float32)
    image[channels:] = image[0]
    return torch.from_numpy(image)


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
        raise ValueError(f"image must be [3, H, W] or [1, H, W], got the shape {tuple(image.shape)}")
    if image.isnan().any():
        raise ValueError("image must hold finite values, got NaN")
    levels = image.detach().cpu().clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0).squeeze(-1).numpy()
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels).save(path)
