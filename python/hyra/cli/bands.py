"""Images of as many channels as a network takes, from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def read_input(path: Path, channels: int) -> Tensor:
    """An image file as a network of so many channels takes it: of one channel its luma."""
    from hyra.images import in_colours

    return in_colours(read_bands(path, channels), channels)


def read_bands(path: Path, channels: int) -> Tensor:
    """An image file as `[C, H, W]` in 0..1: RGB, or for networks of another number of channels a ``.npy`` of these."""
    import numpy as np
    import torch

    from hyra import images
    from hyra._util import validate

    if channels in {1, 3} or path.suffix.lower() != ".npy":
        return images.read(path)
    try:
        pixels = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is no .npy file of numbers") from error
    if pixels.ndim == 3 and pixels.shape[0] != channels == pixels.shape[-1]:
        pixels = np.moveaxis(pixels, -1, 0)
    if pixels.ndim != 3 or len(pixels) != channels or pixels.dtype.kind not in "uf":
        expected = f"[{channels}, H, W] or [H, W, {channels}] of floats, uint8 or uint16"
        raise ValueError(f"{path} must hold {expected}, got {pixels.dtype} of shape {pixels.shape}")
    image = torch.from_numpy(np.ascontiguousarray(pixels))
    return image.float() / validate.WHITE.get(image.dtype, 1)
