"""What all curves over rings share: their frequencies, the rings that count, and how they are checked and described."""

from __future__ import annotations

import torch
from torch import Tensor

from hyra._util import validate


def frequency(count: Tensor, height: int, width: int) -> Tensor:
    """Cycles per pixel of each ring, ``[R]`` float64."""
    return torch.arange(len(count), dtype=torch.float64, device=count.device) / min(height, width)


def kept(count: Tensor, height: int, width: int, *, corners: bool) -> int:
    """How many rings: all, or those up to the Nyquist frequency of the shorter side."""
    return len(count) if corners else min(height, width) // 2 + 1


def check(frequency: Tensor, count: Tensor, **curves: Tensor) -> None:
    """Fields of a result fit together: ``[R]``, and curves ``[..., C, R]``."""
    rings = len(validate.rising("frequency", frequency))
    validate.shaped("count", count, [rings], validate.INTEGER)
    for name, curve in curves.items():
        validate.shaped(name, curve, [..., None, rings])


def describe(values: Tensor, frequency: Tensor) -> str:
    """How many curves over which frequencies."""
    shape = "x".join(str(n) for n in values.shape[:-1])
    return f"{shape} curves over {len(frequency)} rings, 0 to {frequency[-1].item():.3g} cycles per pixel"
