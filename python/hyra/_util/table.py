"""Tables as text, and the numbers in them."""

from __future__ import annotations

import math
from collections.abc import Sequence


def number(value: float | None) -> str:
    """Three decimals, or a power of ten for numbers too long to be read; a dash for what has no meaning."""
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 1000 or not math.isfinite(value) else f"{value:.2e}"


def or_nan(value: float | None) -> float:
    """A value, or NaN where there is none."""
    return math.nan if value is None else value


def in_columns(rows: Sequence[Sequence[str]]) -> str:
    """One line for each row, the cells below each other: the first of a row at the left, the others at the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
