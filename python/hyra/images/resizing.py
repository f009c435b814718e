"""MATLAB's `imresize`: the resizing that makes the LR images of the field, and is called bicubic in its tables."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.arrays import accepts_arrays


@accepts_arrays("image")
def imresize(
    image: Tensor,
    scale: float | tuple[float, float] | None = None,
    *,
    size: tuple[int, int] | None = None,
    antialias: bool = True,
) -> Tensor:
    """Bicubic resizing as MATLAB's ``imresize`` does it, by any factor or to any size.

    The kernel is the cubic convolution with a = -0.5 (torch's `F.interpolate` enlarges with a = -0.75). Where an image
    shrinks, it is as much wider and lower; its weights are made to add up to 1. Pixel centres lie at ``(k + 0.5) /
    scale - 0.5``, and the image goes on beyond its border by reflection with the border pixel repeated. The axis of the
    smaller factor comes first, the rows where both are equal: for integers it matters, since these are rounded, halves
    up, and limited to their range after each axis. Floats are neither.

    Args:
        image: ``[C, H, W]`` or ``[N, C, H, W]``, floating-point, uint8 or uint16; a NumPy or CuPy array, too.
        scale: output pixels per pixel, one number or that of the rows and that of the columns. The output has
            ``ceil(scale * H)`` rows, likewise columns.
        size: rows and columns of the output, in place of `scale`.
        antialias: False: the kernel is never wider.

    Returns:
        The image resized, of the same dtype. Floats are computed in their own, at least float32, integers in float64.

    Raises:
        TypeError: the image, a factor or a size is of another type.
        ValueError: the image has no pixel or another shape, a factor or a size is not above 0, or not one of both is
            given.

    Example:
        A white pixel, twice as wide. At distances of 0.25, 0.75, 1.25 and 1.75 the kernel is 0.8672, 0.2266, -0.0703
        and -0.0234:

        >>> image = torch.tensor([[[0.0, 0, 1, 0, 0, 0]]])
        >>> [round(x, 4) for x in imresize(image, size=(1, 12)).flatten().tolist()][:6]
        [0.0, -0.0234, -0.0703, 0.2266, 0.8672, 0.8672]
    """
    validate.images("image", image, integers=True)
    factors, sides = _factors(image, scale, size)
    wide = (
        image.double() if image.dtype in validate.WHITE else image.to(torch.promote_types(image.dtype, torch.float32))
    )
    for axis in sorted((0, 1), key=factors.__getitem__):
        length, side, factor = image.shape[axis - 2], sides[axis], factors[axis]
        wide = _along(wide, axis - 2, _taps(length, side, factor, factor < 1 and antialias))
        if image.dtype in validate.WHITE:
            wide = (wide + 0.5).floor().clamp(0, validate.WHITE[image.dtype])
    return wide.to(image.dtype)


def _factors(
    image: Tensor, scale: float | tuple[float, float] | None, size: tuple[int, int] | None
) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Of the rows and of the columns: how much larger, and how many there are."""
    if (scale is None) == (size is None):
        raise ValueError(f"scale or size must be given, and not both, got scale={scale} and size={size}")
    lengths = image.shape[-2:]
    if size is not None:
        if len(size) != 2:
            raise ValueError(f"size must be rows and columns, got {size}")
        sides = tuple(validate.positive_integer("size", n) for n in size)
        return tuple(n / length for n, length in zip(sides, lengths, strict=True)), sides
    both = scale if isinstance(scale, (tuple, list)) else (scale, scale)
    if len(both) != 2:
        raise ValueError(f"scale must be one number, or those of rows and columns, got {scale}")
    factors = tuple(validate.positive_number("scale", factor) for factor in both)
    return factors, tuple(math.ceil(factor * length) for factor, length in zip(factors, lengths, strict=True))


@lru_cache(maxsize=64)
def _taps(length: int, side: int, factor: float, shrink: bool) -> tuple[Tensor, Tensor]:
    """Weights and indices ``[taps, side]``, float64 and int64: what each output pixel takes of which pixels."""
    stretch = factor if shrink else 1.0
    centres = (torch.arange(side, dtype=torch.float64, device="cpu") + 0.5) / factor - 0.5
    count = math.ceil(4 / stretch) + 2
    places = (centres - 2 / stretch).floor() + torch.arange(count, dtype=torch.float64, device="cpu")[:, None]
    weights = _cubic((centres - places) * stretch)
    weights /= weights.sum(0)
    used = weights.abs().amax(1) > 0
    reflected = places[used].long().remainder(2 * length)
    return weights[used], torch.minimum(reflected, 2 * length - 1 - reflected)


def _cubic(x: Tensor) -> Tensor:
    """The cubic convolution with a = -0.5 (Keys, 1981)."""
    x = x.abs()
    inside = (1.5 * x - 2.5) * x * x + 1
    outside = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x <= 1, inside, torch.where(x <= 2, outside, 0))


def _along(x: Tensor, dim: int, taps: tuple[Tensor, Tensor]) -> Tensor:
    weights, indices = (tap.to(x.device) for tap in taps)
    shape = (-1, 1) if dim == -2 else (-1,)
    parts = (w.to(x.dtype).view(shape) * x.index_select(dim, i) for w, i in zip(weights, indices, strict=True))
    total: Tensor = next(parts)
    for part in parts:
        total = total + part
    return total
