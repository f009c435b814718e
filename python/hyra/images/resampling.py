"""What training, comparison and reports must do alike: the LR image of a photograph, and its bicubic enlargement."""

from __future__ import annotations

import math
from fractions import Fraction

from torch import Tensor

from hyra._util import validate
from hyra.images.colours import luma
from hyra.images.resizing import imresize


def degrade(photograph: Tensor, scale: int | Fraction) -> tuple[Tensor, Tensor]:
    """The LR image of a photograph [3, H, W], and the photograph cut to multiples of `scale`: (LR, HR).

    At a scale p/q it is cut to multiples of p, and the LR image has multiples of q.

    Every LR image that is not given is made here, by `imresize`, limited to 0..1.

    Raises:
        ValueError: the photograph has not one LR pixel.
    """
    p, q = scale.numerator, scale.denominator
    height, width = (side // p for side in photograph.shape[1:])
    if height < 1 or width < 1:
        raise ValueError(f"photograph must be at least {p} pixels high and wide, got shape {tuple(photograph.shape)}")
    hr = photograph[:, : p * height, : p * width]
    return imresize(hr, size=(q * height, q * width)).clamp(0, 1), hr


def modcrop(image: Tensor, scale: float) -> Tensor:
    """An image ``[..., H, W]`` without the rows and columns at its end that are no multiple of the scale.

    Of a scale p/q it is cut to multiples of p, as `degrade` does: an LR image of multiples of q is then exactly q/p as
    large on both axes, and no size is rounded. Of a scale that is no such fraction it is the image itself.

    Raises:
        ValueError: nothing would be left.

    Example:
        >>> import torch
        >>> modcrop(torch.zeros(3, 41, 47), 4).shape, modcrop(torch.zeros(3, 41, 47), 2.4).shape
        (torch.Size([3, 40, 44]), torch.Size([3, 36, 36]))
    """
    step = crop_step(scale)
    height, width = (n - n % step for n in image.shape[-2:])
    if not (height and width):
        size = f"{image.shape[-1]}x{image.shape[-2]}"
        raise ValueError(f"scale must be at most a side of the image that is cut to its multiple, {size}, got {step}")
    return image if (height, width) == image.shape[-2:] else image[..., :height, :width]


def crop_step(scale: float) -> int:
    """What sides are cut to multiples of by `modcrop`: the scale, p of a scale p/q, and 1 where it is neither."""
    try:
        return validate.scale("scale", scale).numerator
    except ValueError:
        return 1


def enlarge(lr: Tensor, scale: int | Fraction) -> Tensor:
    """The bicubic enlargement of [3, h, w] that a network has to beat, by `imresize`: clamped to 0..1.

    Sides between two integers become the larger one, and no network's is larger: cut it to the output's.
    """
    return imresize(lr, _factor(scale)).clamp(0, 1)


def recoloured(luma_output: Tensor, lr: Tensor, scale: int | Fraction) -> Tensor:
    """What a network of one channel made of an image's luma, in the colours of its bicubic enlargement.

    As such networks are shown by their authors: Y of BT.601 is the network's, Cb and Cr are interpolated. Y adds the
    same to red, green and blue, so that Y's difference to the enlargement's own does.

    Args:
        luma_output: ``[1, s*h, s*w]``.
        lr: ``[3, h, w]`` in 0..1.
        scale: HR pixels per LR pixel.

    Returns:
        ``[3, s*h, s*w]``, not clamped.

    Example:
        >>> import torch
        >>> lr = torch.rand(3, 8, 8)
        >>> torch.allclose(recoloured(luma(imresize(lr, 2)), lr, 2), imresize(lr, 2), atol=1e-6)
        True
    """
    height, width = luma_output.shape[-2:]
    bicubic = imresize(lr, _factor(scale))[..., :height, :width].to(luma_output)
    return bicubic + (luma_output - luma(bicubic)) * (255 / 219)


def check_size(name: str, hr: Tensor, lr_name: str, lr: Tensor, scale: int | Fraction) -> None:
    """Whether `hr` has the size of what a network of that `scale` makes of `lr`: better asked before it has run.

    Raises:
        ValueError: it has not.
    """
    expected = tuple(math.floor(scale * n) for n in lr.shape[-2:])
    sides = zip(hr.shape[-2:], expected, lr.shape[-2:], strict=True)
    if not all(0 <= got - least <= (scale * length != least) for got, least, length in sides):
        sizes = "x".join(map(str, expected)), "x".join(map(str, hr.shape[-2:]))
        raise ValueError(f"{name} must have {scale} times the size of {lr_name}, {sizes[0]}, got {sizes[1]}")


def _factor(scale: int | Fraction) -> float:
    return scale if isinstance(scale, int) else float(scale)
