"""Images of any size for networks of some sizes: continued at their end by reflection, and the output cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from hyra.network.forward import NetworkError
from hyra.network.sizes import InputSizes
from hyra.ops.boundary import extend


@dataclass(frozen=True)
class Padding:
    """LR pixels that an image is continued by, below and on the right, by reflection about its last pixel.

    Example:
        >>> import torch
        >>> padding = Padding(0, 2)
        >>> padding.extended(torch.arange(3.0).view(1, 1, 1, 3)).tolist(), bool(padding), bool(Padding())
        ([[[[0.0, 1.0, 2.0, 1.0, 0.0]]]], True, False)
    """

    bottom: int = 0
    right: int = 0

    def __bool__(self) -> bool:
        return self.bottom > 0 or self.right > 0

    def __str__(self) -> str:
        return f"{self.bottom} rows below and {self.right} columns on the right, by reflection"

    def extended(self, images: Tensor) -> Tensor:
        """Images `[..., h, w]` continued to `[..., h + bottom, w + right]`."""
        if not self:
            return images
        height, width = images.shape[-2:]
        return extend(images, "reflect", (0, 0), (height + self.bottom, width + self.right))


def least(
    run: Callable[[Tensor], object], images: Tensor, axes: tuple[InputSizes, InputSizes], squares: Iterable[InputSizes]
) -> Padding | None:
    """The least padding with which a network takes images that it failed on; None where there is none.

    Args:
        run: the network.
        images: that it failed on.
        axes: which heights and which widths it takes, as was measured.
        squares: which squares.
    """
    height, width = images.shape[-2:]
    more = [
        {0, *(max(0, sizes.at_least(length) - length) for sizes in (axis, *squares))}
        for axis, length in zip(axes, (height, width), strict=True)
    ]
    paddings = [Padding(*counts) for counts in product(*more)]
    for padding in sorted(paddings, key=lambda p: (height + p.bottom) * (width + p.right)):
        if padding:
            with suppress(NetworkError, ValueError), torch.no_grad():
                run(padding.extended(images))
                return padding
    return None
