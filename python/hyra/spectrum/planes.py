"""Images on their way into a transform: checked, in float32 at least, as planes."""

from __future__ import annotations

import torch
from torch import Tensor

from hyra._util import validate
from hyra.spectrum import fft


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


def half_spectrum(image: Tensor) -> Tensor:
    """``[planes, H, W // 2 + 1]``."""
    return fft.rfft2(image.flatten(0, -3))
