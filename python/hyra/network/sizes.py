"""Which sizes of input a network takes, found by trying."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

CANVAS_SIDE = 64
"""LR pixels of a canvas for one impulse where nothing else is asked for: wide enough for most networks' ringing."""
LARGEST_SIZE = 128
"""Side in LR pixels up to which sizes that a network takes are looked for."""


@dataclass(frozen=True)
class InputSizes:
    """Which inputs a network takes along an axis, or along both: `smallest` and larger ones in steps of `multiple`.

    `multiple` is 0 where no other size than `smallest` was seen to work. All in LR pixels.
    """

    smallest: int
    multiple: int

    def at_least(self, size: int) -> int:
        """The smallest accepted size that is not below `size`.

        Example:
            >>> InputSizes(smallest=16, multiple=8).at_least(61), InputSizes(smallest=15, multiple=1).at_least(11)
            (64, 15)
        """
        if size <= self.smallest or self.multiple == 0:
            return self.smallest
        return self.smallest + math.ceil((size - self.smallest) / self.multiple) * self.multiple

    def __str__(self) -> str:
        return described(self, self)


def described(rows: InputSizes, columns: InputSizes) -> str:
    """What a network takes, in words."""
    if rows.multiple == columns.multiple == 0:
        return f"{rows.smallest}x{columns.smallest} is the only size that was seen to work"
    multiples = str(rows.multiple) if rows.multiple == columns.multiple else f"{rows.multiple}x{columns.multiple}"
    steps = "" if multiples == "1" else f", in steps of {multiples}"
    return f"it works from {rows.smallest}x{columns.smallest} on{steps}"


def search(works: Callable[[int], bool], limit: int) -> InputSizes | None:
    """The rule of the sizes that work, up to `limit`; None where none does.

    Sizes are tried from 1 on, until three steps in a row confirm the distance of two that work. Where some sizes work
    beside the rule, such as 17 to 19 and then all from 32 on, the rule is that of the larger sizes.
    """
    smallest = next((size for size in range(1, limit + 1) if works(size)), None)
    while smallest is not None:
        following = next((size for size in range(smallest + 1, limit + 1) if works(size)), None)
        if following is None:
            return InputSizes(smallest, 0)
        step = following - smallest
        if all(works(size) for size in range(following + step, min(following + 3 * step, limit) + 1, step)):
            return _refined(works, InputSizes(smallest, step), limit)
        smallest = following  # a size that works by chance, below those that work by rule
    return None


def _refined(works: Callable[[int], bool], sizes: InputSizes, limit: int) -> InputSizes:
    """The finest rule that holds between two sizes of a rule, from where on it holds."""
    top = sizes.smallest + 2 * sizes.multiple
    if top + sizes.multiple > limit:
        return sizes
    for step in (d for d in range(1, sizes.multiple) if sizes.multiple % d == 0):
        if all(works(size) for size in range(top + step, top + sizes.multiple, step)):
            smallest = top
            while smallest > step and works(smallest - step):
                smallest -= step
            return InputSizes(smallest, step)
    return sizes
