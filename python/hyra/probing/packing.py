"""Packing: how many impulses one image can hold without their meeting."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hyra._util.warnings import warn
from hyra.network.locality import TOLERANCE, Locality
from hyra.probing.window import Window

_CHECKED = 4
"""Positions of the fullest image at which packing is checked."""


@dataclass(frozen=True, eq=False)
class Packing:
    """Which positions share an image.

    Attributes:
        members: `[G, M]` int64, indices of the positions in each of G images, -1 where an image holds fewer than M.
        error: largest difference that packing made where it was checked, over the peak; None if it was not.
    """

    members: Tensor
    error: float | None = None

    @classmethod
    def none(cls, count: int, error: float | None = None) -> Packing:
        """An image for each of `count` positions."""
        return cls(torch.arange(count, device="cpu")[:, None], error)

    @property
    def shares(self) -> bool:
        """Whether an image holds several impulses."""
        return self.members.shape[1] > 1

    def impulses(self, positions: Tensor) -> Tensor:
        """The positions of the impulses in each image, `[G, M, 2]`; -1, which is outside, where there is none."""
        members = self.members.to(positions.device)
        return torch.where(members[..., None] < 0, -1, positions[members])


def find_packing(
    responses: Callable[[Tensor], Tensor], window: Window, positions: Tensor, locality: Locality
) -> Packing:
    """As many of the `positions` `[P, 2]` in an image as neither impulses nor windows let meet, if that can be had.

    Whether it changes nothing is checked: `responses`, from positions `[N, M, 2]` to outputs `[N, C, H, W]`, is run on
    the fullest image, and on some of its positions alone. An image for each comes with a warning.
    """
    packing = Packing.none(len(positions))
    if locality.spacing is not None and locality.period is not None:
        spacing = math.ceil(max(locality.spacing, window.side) / locality.period) * locality.period
        members = _as_rows(groups_apart(positions, spacing, locality.period))
        error = _error(responses, window, positions[members[0]])
        packing = Packing(members, error) if error <= TOLERANCE else Packing.none(len(positions), error)
    if len(positions) > 1 and not packing.shares:
        why = _why_not(locality, packing.error)
        warn(f"probing one impulse an image, which takes longer: {why}")
    return packing


def groups_apart(positions: Tensor, spacing: int, period: int) -> list[list[int]]:
    """Group positions `[P, 2]` so that those of a group lie `spacing` or more apart, by multiples of `period`.

    Each goes into the first group that has room for it, so a grid in reading order fills its groups as a grid.

    Example:
        >>> import torch
        >>> grid = torch.cartesian_prod(torch.arange(0, 32, 8), torch.arange(0, 32, 8))
        >>> [len(group) for group in groups_apart(grid, spacing=16, period=1)]
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


def _as_rows(groups: list[list[int]]) -> Tensor:
    """`[G, M]`, the fullest group first, with -1 where a group has fewer."""
    groups = sorted(groups, key=len, reverse=True)
    rows = [group + [-1] * (len(groups[0]) - len(group)) for group in groups]
    return torch.tensor(rows, dtype=torch.int64, device="cpu")


def _error(responses: Callable[[Tensor], Tensor], window: Window, positions: Tensor) -> float:
    """Largest difference, over the peak, that having `positions` `[M, 2]` in one image makes to some responses."""
    together = responses(positions[None])[0]
    count, worst = len(positions), 0.0
    for i in sorted({round(j * (count - 1) / (_CHECKED - 1)) for j in range(_CHECKED)}):
        position = positions[i].tolist()
        alone = window.cut(responses(positions[None, i : i + 1])[0], position)
        if not alone.isfinite().all():
            continue  # left out of all that follows, packed or not
        difference = (window.cut(together, position) - alone).abs().max() / alone.abs().max()
        worst = max(worst, float(difference.nan_to_num(math.inf)))
    return worst


def _why_not(locality: Locality, error: float | None) -> str:
    if error is not None and error > TOLERANCE:
        return f"impulses in one image change each other's responses by {error:.2g} of the peak"
    if locality.reach is None:
        return "one impulse changes the output everywhere"
    if locality.spacing is None:
        return "the response differs at every position"
    return f"no two positions lie {locality.spacing} LR pixels apart, by whole windows"
