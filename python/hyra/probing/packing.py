"""How many impulses one image can hold without their meeting."""

from __future__ import annotations

from torch import Tensor


def pack(positions: Tensor, spacing: int, period: int) -> list[list[int]]:
    """Group positions `[P, 2]` so that those of a group lie `spacing` or more apart, by multiples of `period`.

    Each goes into the first group that has room for it, so a grid in reading order fills its groups as a grid.

    Example:
        >>> import torch
        >>> grid = torch.cartesian_prod(torch.arange(0, 32, 8), torch.arange(0, 32, 8))
        >>> [len(group) for group in pack(grid, spacing=16, period=1)]
        [4, 4, 4, 4]
    """
    groups: list[tuple[list[int], dict[tuple[int, int], tuple[int, int]]]] = []
    for index, (y, x) in enumerate(positions.tolist()):
        cell = y // spacing, x // spacing  # holds at most one position of a group
        for members, taken in groups:
            y0, x0 = next(iter(taken.values()))
            neighbours = (taken.get((cell[0] + i, cell[1] + j)) for i in (-1, 0, 1) for j in (-1, 0, 1))
            far = all(n is None or max(abs(n[0] - y), abs(n[1] - x)) >= spacing for n in neighbours)
            if far and (y - y0) % period == 0 and (x - x0) % period == 0:
                members.append(index)
                taken[cell] = (y, x)
                break
        else:
            groups.append(([index], {cell: (y, x)}))
    return [members for members, _ in groups]
