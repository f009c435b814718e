"""What training, comparison and reports must do alike: the LR image of a photograph, and its bicubic enlargement."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from hyra._util import validate


def resize(image: Tensor, height: int, width: int, *, antialias: bool) -> Tensor:
    """Bicubic resizing of [3, H, W] to [3, height, width], clamped to 0..1.

    Raises:
        ValueError: either has no pixel.
    """
    validate.images("image", image)
    validate.positive_integer("height", height)
    validate.positive_integer("width", width)
    size = (height, width)
    return F.interpolate(image[None], size, mode="bicubic", align_corners=False, antialias=antialias)[0].clamp(0, 1)


def degrade(photograph: Tensor, scale: int) -> tuple[Tensor, Tensor]:
    """The LR image of a photograph [3, H, W], and the photograph cut to multiples of `scale`: (LR, HR).

    Every LR image that is not given is made here, by antialiased bicubic downscaling.

    Raises:
        ValueError: the photograph has not one LR pixel.
    """
    height, width = (side // scale for side in photograph.shape[1:])
    if height < 1 or width < 1:
        raise ValueError(
            f"photograph must be at least {scale} pixels high and wide, got shape {tuple(photograph.shape)}"
        )
    hr = photograph[:, : scale * height, : scale * width]
    return resize(hr, height, width, antialias=True), hr


def enlarge(lr: Tensor, scale: int) -> Tensor:
    """The bicubic enlargement of [3, h, w] that a network has to beat: [3, scale*h, scale*w], clamped to 0..1."""
    return resize(lr, scale * lr.shape[1], scale * lr.shape[2], antialias=False)


def check_size(name: str, hr: Tensor, lr_name: str, lr: Tensor, scale: int) -> None:
    """Whether `hr` has the size of what a network of that `scale` makes of `lr`: better asked before it has run.

    Raises:
        ValueError: it has not.
    """
    expected = tuple(scale * n for n in lr.shape[-2:])
    if tuple(hr.shape[-2:]) != expected:
        sizes = "x".join(map(str, expected)), "x".join(map(str, hr.shape[-2:]))
        raise ValueError(f"{name} must have {scale} times the size of {lr_name}, {sizes[0]}, got {sizes[1]}")
