"""Images on their way into a transform: checked, in float32 at least, as planes."""

from __future__ import annotations

import torch
from torch import Tensor

from hyra._util import validate
from hyra.spectrum import fft

WINDOWS = ("hann",)
"""What an image can be multiplied by before its transform, so that its opposite borders need not fit together."""


def checked(name: str, x: Tensor) -> Tensor:
    """Checked, and in float32 at least: no FFT library transforms half precision everywhere."""
    image = validate.images(name, x)
    validate.finite(name, image)
    return image if image.dtype == torch.float64 else image.float()


def pair(name: str, x: Tensor, other_name: str, other: Tensor) -> tuple[Tensor, Tensor]:
    """Two images of one shape and device, checked, in their common dtype."""
    first, second = checked(name, x), checked(other_name, other)
    validate.same_shape(other_name, second, name, first)
    validate.same_device(other_name, second, name, first)
    dtype = torch.promote_types(first.dtype, second.dtype)
    return first.to(dtype), second.to(dtype)


def half_spectrum(image: Tensor, window: str | None = None) -> Tensor:
    """``[planes, H, W // 2 + 1]``, of the image as it is or apodised.

    Raises:
        ValueError: there is no such window.
    """
    if window is not None:
        validate.choice("window", window, WINDOWS)
        image = _apodised(image)
    return fft.rfft2(image.flatten(0, -3))


def _apodised(image: Tensor) -> Tensor:
    """The difference from each plane's mean times a periodic Hann window of mean square 1 along rows and columns.

    The mean is put back: it stays in ring 0, and the power of white noise is what it was.
    """
    mean = image.mean((-2, -1), keepdim=True)
    column, row = (_hann(size, image) for size in image.shape[-2:])
    return (image - mean) * column[:, None] * row + mean


def _hann(size: int, like: Tensor) -> Tensor:
    taper = torch.hann_window(size, dtype=torch.float64, device="cpu")
    return (taper / taper.square().mean().sqrt()).to(like)
