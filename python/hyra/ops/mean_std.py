"""Mean and standard deviation of each image: the first half of standardising it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hyra._native import kernels
from hyra._native.op import op

CHUNK = 4096  # pixels whose moments are taken together; fixed, so that threads never change the bits


@op(images="pixels [N, *S]")
def mean_std(images: Tensor) -> Tensor:
    """Mean and unbiased standard deviation of each image, over all its elements together.

    Accumulated in float64 about the image's first pixel, so that a constant image has a deviation of exactly 0 whatever
    its value; integers, up to 2^32 pixels, by exact sums of them and of their squares. An image of one pixel, or whose
    deviation overflows float64, has the deviation NaN.

    It has no gradient of its own: the ops that take the moments count what goes through them among the images'.

    Args:
        images: ``[N, ...]``, uint8, uint16, float32 or float64, at least one element per image, of any strides.

    Returns:
        ``[N, 2]``: mean and standard deviation, float64 for any input type (float32 on a device without float64).

    Raises:
        ValueError: an image has no element.

    Example:
        The 4x4 image 0, 1, ..., 15 has mean 7.5, and the squared deviations add up to 340, over 15 degrees of freedom:

        >>> mean_std(torch.arange(16.0).reshape(1, 4, 4))
        tensor([[7.5000, 4.7610]], dtype=torch.float64)
    """
    wide = images.reshape(len(images), math.prod(images.shape[1:])).to(accumulator(images))
    first = wide[:, :1]
    mean = (wide - first).mean(1, keepdim=True)
    squares = (wide - first - mean).square().sum(1, keepdim=True)
    variance = squares / (wide.shape[1] - 1)
    return torch.cat([first + mean, torch.where(variance.isfinite(), variance, torch.nan).sqrt()], 1)


def accumulator(x: Tensor) -> torch.dtype:
    """The type that sums are taken in: float64 where the device has it."""
    return torch.float32 if x.device.type == "mps" else torch.float64


@mean_std.register_native
def _kernel(images: Tensor) -> Tensor:
    batch = images if images.ndim == 4 else images.reshape(len(images), 1, 1, math.prod(images.shape[1:]))
    return _measured(batch)


def mean_std_of_pair(images: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """`mean_std` of two batches ``[N, C, H, W]`` of one size and dtype, in one call of the kernel.

    Of plain tensors without a gradient: it is no op of torch.
    """
    moments = _measured(images, others)
    return moments[: len(images)], moments[len(images) :]


def _measured(images: Tensor, others: Tensor | None = None) -> Tensor:
    """By the kernel, of one batch or of two."""
    first, size = images.shape[0], math.prod(images.shape[1:])
    count = first if others is None else first + others.shape[0]
    moments = images.new_empty((count, 2), dtype=torch.float64)
    partials = images.new_empty((count, -(-size // CHUNK), 2), dtype=torch.float64)
    if not images.is_floating_point():
        images, *rest = kernels.in_memory_order(images, *([] if others is None else [others]))
        others = rest[0] if rest else None
    inputs = (kernels.Pixels.of(images), None if others is None else kernels.Pixels.of(others))
    kernels.call("mean_std", (moments, partials), inputs, count, first, *images.shape[1:], CHUNK)
    return moments


@mean_std.register_fake
def _fake(images: Tensor) -> Tensor:
    return images.new_empty((images.shape[0], 2), dtype=accumulator(images))
