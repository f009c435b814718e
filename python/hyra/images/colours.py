"""Images in as many channels as a network has, and the luma of BT.601."""

from __future__ import annotations

import torch
from torch import Tensor

from hyra._util import validate

_LUMA = (65481, 128553, 24966)
"""Thousandths of what red, green and blue add to Y, black 16 and white 235 of 255: MATLAB's `rgb2ycbcr`."""


def luma(image: Tensor, *, rounded: bool = False) -> Tensor:
    """Y of BT.601, as MATLAB's ``rgb2ycbcr`` has it: ``16 + 65.481 R + 128.553 G + 24.966 B`` of 255, R, G, B in 0..1.

    Black is 16 / 255 and white 235 / 255: by the range of 255, errors in Y count 1.3 dB less than in a luma of the
    full range.

    Args:
        image: ``[..., 3, H, W]``, floating-point in 0..1, uint8 or uint16; of one channel it is taken for Y already.
        rounded: as MATLAB does where the image is uint8 (or uint16): to the nearest integer, halves up.

    Returns:
        ``[..., 1, H, W]``, of white 1: float32 of uint8 and of what is narrower than float32, float64 of uint16, else
        the image's dtype. With `rounded` uint8, or uint16 of uint16.

    Raises:
        TypeError: the image has another dtype.
        ValueError: it has another number of channels.

    Example:
        >>> red = torch.tensor([255, 0, 0], dtype=torch.uint8).view(3, 1, 1)
        >>> luma(red, rounded=True).item(), round(luma(red / 255).item() * 255, 3)
        (81, 81.481)
    """
    validate.pixel_tensor("image", image)
    if image.ndim < 3 or image.shape[-3] not in (1, 3):
        raise ValueError(f"image must have one or three channels [..., C, H, W], got shape {tuple(image.shape)}")
    if image.shape[-3] == 1:
        y = image if rounded else unit(image)
    elif rounded and not image.is_floating_point():
        return _of_integers(image)
    else:
        y = _weighted(image, _unit_dtype(image), 255000 * validate.WHITE.get(image.dtype, 1)).add_(16 / 255)
    return (y * 255 + 0.5).floor().clamp(0, 255).to(torch.uint8) if rounded and y.is_floating_point() else y


def _of_integers(image: Tensor) -> Tensor:
    """Rounded exactly: float64 holds the sums, and a quotient of integers is never rounded up to the next."""
    black = 16 if image.dtype == torch.uint8 else 16 * 257
    return _weighted(image, torch.float64, 1).add_(127500).div_(255000).floor_().add_(black).to(image.dtype)


def _weighted(image: Tensor, dtype: torch.dtype, divisor: int) -> Tensor:
    """The colours by their shares, added up in one plane of that dtype, without a copy of a colour of bytes."""
    colours = [image.narrow(-3, i, 1) for i in range(3)]
    if image.dtype == torch.uint16:  # which torch does not add to others
        colours = [colour.to(dtype) for colour in colours]
    red, green, blue = colours
    shares = [share / divisor for share in _LUMA]
    total = red.to(dtype) * shares[0]
    return total.add_(green, alpha=shares[1]).add_(blue, alpha=shares[2])


def grey(image: Tensor) -> Tensor:
    """The mean of the colours, ``[..., 1, H, W]``: a float of white 1, as `luma` is."""
    return unit(image).mean(-3, keepdim=True)


def unit(image: Tensor) -> Tensor:
    """Of white 1, in float32 at least and float64 for 16 bits."""
    wide = image.to(_unit_dtype(image))
    return wide if image.is_floating_point() else wide / validate.WHITE[image.dtype]


def _unit_dtype(image: Tensor) -> torch.dtype:
    if image.dtype == torch.uint16:
        return torch.float64
    return torch.promote_types(image.dtype, torch.float32) if image.is_floating_point() else torch.float32


def in_colours(image: Tensor, channels: int) -> Tensor:
    """The image `[C, H, W]`, or for networks of one channel its luma: what these are trained and scored on.

    Raises:
        ValueError: it has no pixel, or for one channel neither one nor three colours.
    """
    validate.images("image", image)
    return luma(image) if channels == 1 and image.shape[0] != 1 else image
