"""The detail of a part of an image, and the parts that have most of it."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TypeAlias, TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor

from hyra._util import validate

Window: TypeAlias = tuple[int, int, int]
"""HR row and column of the first pixel of a square, and its side."""


def detail(images: Tensor, window: Window) -> Tensor:
    """`[N]`: the sum of the gradient's magnitude over the window and the colours of images `[N, C, H, W]`.

    The gradient at a pixel is formed of the differences to the next pixel below and to the right. Where both are 0, the
    magnitude has no derivative, and counts as one of derivative 0.

    Source: Gu and Dong, Interpreting Super-Resolution Networks with Local Attribution Maps (CVPR 2021), section 3.3.
    """
    y, x, side = window
    return _magnitude(images[..., y : y + side + 1, x : x + side + 1]).flatten(1).sum(1)


def _magnitude(images: Tensor) -> Tensor:
    here = images[..., :-1, :-1]
    differences = torch.stack([images[..., 1:, :-1] - here, images[..., :-1, 1:] - here])
    magnitude: Tensor = torch.linalg.vector_norm(differences, dim=0)  # whose derivative at 0 is 0
    return magnitude


def most_detailed(image: Tensor, count: int, side: int) -> tuple[Window, ...]:
    """The windows of an image `[C, H, W]` that have most detail, the most detailed first, none over another.

    Raises:
        ValueError: there is no room for so many, or a pixel is not finite.
    """
    height, width = image.shape[-2:]
    if min(height, width) <= side:
        raise ValueError(f"side must be less than {min(height, width)}, the output's smaller side, got {side}")
    if not bool(image.isfinite().all()):
        raise ValueError(
            "window must be (y, x, side) here, since where detail is cannot be told of NaN or infinite pixels"
        )
    sums = F.avg_pool2d(_magnitude(image.double()).sum(0)[None, None], side, stride=1)[0, 0]
    windows: list[Window] = []
    for _ in range(count):
        best = int(sums.argmax())
        y, x = divmod(best, sums.shape[1])
        if not float(sums[y, x]) >= 0:
            raise ValueError(f"window must be at most {len(windows)} windows of {side}x{side} here, got {count}")
        windows.append((y, x, side))
        sums[max(0, y - side + 1) : y + side, max(0, x - side + 1) : x + side] = -1
    return tuple(windows)


def is_count(window: object) -> TypeGuard[Integral]:
    """Whether a caller asks for so many windows, and names none."""
    return isinstance(window, Integral)


def checked_windows(window: object, height: int, width: int) -> tuple[Window, ...]:
    """One window or several, which lie in an output of that size with a pixel to spare below and to the right."""
    if not isinstance(window, Sequence):
        raise TypeError(
            f"window must be (y, x, side) in HR pixels, several such, or a number, got {validate.kind(window)}"
        )
    several = [window] if len(window) == 3 and not isinstance(window[0], Sequence) else list(window)
    if not several:
        raise ValueError("window must hold at least one window, got none")
    return tuple(_checked(one, height, width) for one in several)


def _checked(window: object, height: int, width: int) -> Window:
    if not isinstance(window, Sequence) or len(window) != 3:
        raise ValueError(f"window must be (y, x, side) in HR pixels, got {window!r}")
    y, x = (validate.integer("window", index, 0) for index in window[:2])
    side = validate.positive_integer("window", window[2])
    if y + side >= height or x + side >= width:
        raise ValueError(
            f"window must end before the last row and column of the {height}x{width} output, whose differences to the "
            f"next are taken, got {(y, x, side)}"
        )
    return y, x, side
