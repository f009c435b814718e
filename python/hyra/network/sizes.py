"""Which sizes of input a network takes, found by trying."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

CANVAS_SIDE = 64
"""LR pixels of a canvas for one impulse where nothing else is asked for: wide enough for most networks' ringing."""
LARGEST_SIZE = 128
"""Side in LR pixels up to which sizes that a network takes are looked for."""


@dataclass(frozen=True)
class InputSizes:
    """Which inputs a network takes along an axis, or along both: `smallest` and larger ones in steps of `multiple`.

    `multiple` is 0 where no other size than `smallest` was seen to work. `largest` is None where none was seen to be
    too large; a table of positions, which some networks add, ends somewhere. All in LR pixels.
    """

    smallest: int
    multiple: int
    largest: int | None = None

    def at_least(self, size: int) -> int:
        """The smallest accepted size that is not below `size`, or the largest where there is none.

        Example:
            >>> InputSizes(smallest=16, multiple=8).at_least(61), InputSizes(smallest=15, multiple=1).at_least(11)
            (64, 15)
        """
        if size <= self.smallest or self.multiple == 0:
            return self.smallest
        size = self.smallest + math.ceil((size - self.smallest) / self.multiple) * self.multiple
        return size if self.largest is None else min(size, self.largest)

    @property
    def limit(self) -> int | None:
        """The largest size, None where none was seen to be too large."""
        return self.smallest if self.multiple == 0 else self.largest

    def __str__(self) -> str:
        return described(self, self)


def described(rows: InputSizes, columns: InputSizes) -> str:
    """What a network takes, in words."""
    if rows.multiple == columns.multiple == 0:
        return f"{rows.smallest}x{columns.smallest} is the only size that was seen to work"
    down, right = rows.multiple or 1, columns.multiple or 1
    steps = "" if down == right == 1 else f", in steps of {down if down == right else f'{down}x{right}'}"
    end = "on" if rows.limit is columns.limit is None else f"to {rows.limit or 'any'}x{columns.limit or 'any'}"
    return f"it works from {rows.smallest}x{columns.smallest} {end}{steps}"


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
            sizes = _refined(works, InputSizes(smallest, step), limit)
            return bounded(works, sizes, min(sizes.at_least(CANVAS_SIDE), limit))
        smallest = following  # a size that works by chance, below those that work by rule
    return None


def bounded(works: Callable[[int], bool], sizes: InputSizes, size: int) -> InputSizes:
    """The rule with the largest size that works, where none of the rule's does from there up to `size`."""
    if sizes.limit is not None or size <= sizes.smallest:
        return sizes
    small, large = 0, (size - sizes.smallest) // sizes.multiple
    if works(sizes.smallest + large * sizes.multiple):
        return sizes
    while large - small > 1:
        middle = (small + large) // 2
        small, large = (middle, large) if works(sizes.smallest + middle * sizes.multiple) else (small, middle)
    return replace(sizes, largest=sizes.smallest + small * sizes.multiple)


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
