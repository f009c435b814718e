"""The window: the part of a network's output around one of many impulses that counts as its response."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

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
    """A square of `side x side` LR pixels around an impulse, or around the block of a scale p/q.

    Attributes:
        scale: HR pixels per LR pixel.
        side: LR pixels, of a scale p/q a multiple of q.
    """

    scale: int | Fraction
    side: int

    @classmethod
    def for_locality(cls, scale: int | Fraction, locality: Locality | None, largest: int) -> Window:
        """The receptive field, within reason and the canvas, whose shorter side is `largest`."""
        field = None if locality is None else locality.receptive_field
        side, q = min(max(field or _USUAL, _SMALLEST), 2 * _USUAL - 1), scale.denominator
        blocks = side if q == 1 else 2 * math.ceil(side / (2 * q)) + 1  # as far, from every place in the middle block
        return cls(scale, min(q * blocks, largest))

    @property
    def block(self) -> int:
        """LR pixels after which a scale p/q repeats: q, and 1 for an integer."""
        return self.scale.denominator

    @property
    def extent(self) -> int:
        """Its side in HR pixels."""
        return int(self.scale * self.side)

    @property
    def origin(self) -> tuple[int, int]:
        """HR index in the window of the first pixel of the impulse's cell, or of the block's."""
        return (self.scale.numerator * (self.side // self.block // 2),) * 2

    def first_pixels(self, positions: Tensor) -> Tensor:
        """HR row and column of the first pixel of the cells or blocks at LR positions `[..., 2]`."""
        return positions.div(self.block, rounding_mode="floor") * self.scale.numerator

    def positions(self, positions: Tensor | str, canvas: tuple[int, int]) -> Tensor:
        """The positions `[P, 2]` given, or with `"grid"` a grid of those whose windows lie inside the canvas.

        At a scale p/q a position stands for its block, and becomes the first of it.
        """
        if isinstance(positions, Tensor):
            if positions.ndim != 2 or positions.shape[1] != 2 or positions.is_floating_point():
                raise ValueError(f"positions must be integers [P, 2], got {positions.dtype} {list(positions.shape)}")
            if len(positions) == 0:
                raise ValueError("positions must hold at least one position, got none")
            outside = ((positions < 0) | (positions >= positions.new_tensor(canvas))).any(1)
            if bool(outside.any()):
                (height, width), first = canvas, positions[outside][0].tolist()
                raise ValueError(f"positions must lie inside the {height}x{width} canvas, got {first}")
            return positions.long() - positions.long() % self.block
        if not isinstance(positions, str) or positions != "grid":
            raise ValueError(f"positions must be 'grid' or a tensor of integers [P, 2], got {validate.kind(positions)}")
        q, blocks = self.block, self.side // self.block
        before, after = blocks // 2, (blocks - 1) // 2
        step = _STEP if q == 1 else 2 * (_STEP // (2 * q)) + 1  # odd, as most periods in blocks are even
        axes = (q * torch.arange(before, max(before + 1, n // q - after), step, device="cpu") for n in canvas)
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
            first = index // self.block * self.scale.numerator - origin
            start, stop = max(first, 0), max(min(first + self.extent, length), 0)
            inside.append(slice(start, stop))
            placed.append(slice(start - first, stop - first))
        window = output.new_zeros(*output.shape[:-2], self.extent, self.extent)
        window[..., placed[0], placed[1]] = output[..., inside[0], inside[1]]
        return window
