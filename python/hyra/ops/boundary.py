"""How an image goes on beyond its border: an index on its own grid, at any distance and any size of image."""

from __future__ import annotations

import torch
from torch import Tensor

BOUNDARIES = ("zeros", "replicate", "reflect", "circular")
"""Zeros; the edge pixel; mirrored about the edge pixel, which is not repeated; periodic."""


def source_index(boundary: str, first: int, count: int, size: int, device: torch.device) -> Tensor:
    """Which of `size` pixels stands at each of the places ``first, ..., first + count - 1``; -1 for a zero.

    Example:
        >>> source_index("reflect", -3, 9, 4, torch.device("cpu")).tolist()
        [3, 2, 1, 0, 1, 2, 3, 2, 1]
    """
    i = torch.arange(first, first + count, device=device)
    if boundary == "replicate":
        return i.clamp(0, size - 1)
    if boundary == "circular":
        return i % size
    if boundary == "reflect":
        period = max(2 * (size - 1), 1)
        i = i % period
        return torch.minimum(i, (period - i) % period)
    return torch.where((i >= 0) & (i < size), i, -1)


def extend(image: Tensor, boundary: str, first: tuple[int, int], count: tuple[int, int]) -> Tensor:
    """The rows ``first[0], ..., first[0] + count[0] - 1`` and likewise the columns of the endless image."""
    for dim in (-2, -1):
        index = source_index(boundary, first[dim], count[dim], image.shape[dim], image.device)
        image = image.index_select(dim, index.clamp(min=0))
        if boundary == "zeros":
            image = image.masked_fill((index < 0).reshape(-1, *[1] * (-1 - dim)), 0)
    return image


def fold(extended: Tensor, boundary: str, first: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """The adjoint of `extend`, by 0/1 matrices: scattered additions differ from run to run on a GPU."""
    rows, columns = (
        source_index(boundary, first[dim], extended.shape[dim], size[dim], extended.device)[:, None]
        == torch.arange(size[dim], device=extended.device)
        for dim in (-2, -1)
    )
    return rows.to(extended.dtype).mT @ extended @ columns.to(extended.dtype)
