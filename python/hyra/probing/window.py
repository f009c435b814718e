"""The part of a network's output that counts as the response to one of many impulses."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hyra.ops.response_moments import response_moments


@dataclass(frozen=True)
class Window:
    """`size x size` LR pixels around an impulse."""

    scale: int
    size: int

    @property
    def origin(self) -> list[int]:
        """HR index in the window of the first pixel of the lit LR pixel's cell."""
        return [self.scale * (self.size // 2)] * 2

    def empty(self, like: Tensor) -> list[Tensor]:
        """Count, mean and M2 of no response."""
        extent = self.scale * self.size
        count = torch.zeros(extent, extent, dtype=torch.int64, device=like.device)
        mean = torch.zeros(like.shape[-3], extent, extent, dtype=torch.float64, device=like.device)
        return [count, mean, mean]

    def cut(self, output: Tensor, position: Tensor) -> Tensor:
        """The window around one position of one output `[1, C, H, W]`; zero beyond the output."""
        state = self.empty(output)
        nothing = state[1].to(output.dtype)
        origins = self.scale * position[None, None]
        mean: Tensor = response_moments(output, origins, nothing, self.origin, state)[1]
        return mean.to(output.dtype)
