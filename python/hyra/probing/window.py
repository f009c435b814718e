"""The window: the part of a network's output around one of many impulses that counts as its response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hyra._util import validate
from hyra.filters.sinc import SIMILARITY_RADIUS
from hyra.network.locality import Locality

_USUAL = 33
"""Side where the network's reach is not known; at most twice as much where it is."""
_SMALLEST = 2 * SIMILARITY_RADIUS + 1
"""At least what the likeness to the sinc looks at, so that it does not depend on the network's reach."""

_STEP = 7
"""LR pixels between the positions of a grid: prime to most periods, so that every place in a period is seen."""


@dataclass(frozen=True)
class Window:
    """A square of `side x side` LR pixels around an impulse.

    Attributes:
        scale: HR pixels per LR pixel.
        side: LR pixels.
    """

    scale: int
    side: int

    @classmethod
    def for_locality(cls, scale: int, locality: Locality | None, largest: int) -> Window:
        """The receptive field, within reason and the canvas, whose shorter side is `largest`."""
        field = None if locality is None else locality.receptive_field
        return cls(scale, min(max(field or _USUAL, _SMALLEST), 2 * _USUAL - 1, largest))

    @property
    def extent(self) -> int:
        """Its side in HR pixels."""
        return self.scale * self.side

    @property
    def origin(self) -> tuple[int, int]:
        """HR index in the window of the first pixel of the cell that belongs to the impulse's LR pixel."""
        return (self.scale * (self.side // 2),) * 2

    def positions(self, positions: Tensor | str, canvas: tuple[int, int]) -> Tensor:
        """The positions `[P, 2]` given, or with `"grid"` a grid of those whose windows lie inside the canvas."""
        if isinstance(positions, Tensor):
            if positions.ndim != 2 or positions.shape[1] != 2 or positions.is_floating_point():
                raise ValueError(f"positions must be integers [P, 2], got {positions.dtype} {list(positions.shape)}")
            if len(positions) == 0:
                raise ValueError("positions must hold at least one position, got none")
            outside = ((positions < 0) | (positions >= positions.new_tensor(canvas))).any(1)
            if bool(outside.any()):
                (height, width), first = canvas, positions[outside][0].tolist()
                raise ValueError(f"positions must lie inside the {height}x{width} canvas, got {first}")
            return positions.long()
        if not isinstance(positions, str) or positions != "grid":
            raise ValueError(f"positions must be 'grid' or a tensor of integers [P, 2], got {validate.kind(positions)}")
        before, after = self.side // 2, (self.side - 1) // 2
        axes = (torch.arange(before, max(before + 1, n - after), _STEP, device="cpu") for n in canvas)
        return torch.cartesian_prod(*axes)

    def no_moments(self, like: Tensor) -> list[Tensor]:
        """Count, mean and M2 of no response, for `response_moments`; channels and device are those of `like`."""
        count = torch.zeros(self.extent, self.extent, dtype=torch.int64, device=like.device)
        mean = torch.zeros(like.shape[-3], self.extent, self.extent, dtype=torch.float64, device=like.device)
        return [count, mean, mean]

    def cut(self, output: Tensor, position: Sequence[int]) -> Tensor:
        """The window `[C, kh, kw]` around an LR position of an output `[C, H, W]`; zero beyond the output.

        Example:
            >>> output = torch.arange(1.0, 17).view(1, 4, 4)
            >>> Window(scale=1, side=3).cut(output, (0, 2)).tolist()
            [[[0.0, 0.0, 0.0], [2.0, 3.0, 4.0], [6.0, 7.0, 8.0]]]
        """
        inside, placed = [], []
        for index, origin, length in zip(position, self.origin, output.shape[-2:], strict=True):
            first = self.scale * index - origin
            start, stop = max(first, 0), max(min(first + self.extent, length), 0)
            inside.append(slice(start, stop))
            placed.append(slice(start - first, stop - first))
        window = output.new_zeros(*output.shape[:-2], self.extent, self.extent)
        window[..., placed[0], placed[1]] = output[..., inside[0], inside[1]]
        return window
