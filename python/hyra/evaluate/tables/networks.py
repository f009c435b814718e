"""What was measured of networks, as a table: how they filter, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hyra._util.table import number
from hyra._util.texts import printable
from hyra.split.parts import BAND_WIDTH

Numbers = Mapping[str, Any]
"""What a run keeps of a network: `hyra.evaluate.inputs.network_numbers.NetworkNumbers` as JSON has it."""

NOTE = (
    "Of the impulse response: ring cosine, its likeness to the ideal sinc outside the main lobe, and the cut-off of "
    "the fitted sinc in cycles per LR pixel (the ideal is 0.5). H at F: the energy of the linear part over the "
    f"output's around F cycles per LR pixel, in bands of {BAND_WIDTH:g}; above 1 where G takes some away. "
    "Multiply-adds, time and memory are of one input of so many LR pixels."
)
_UNITS = {
    "parameters": ("parameters (M)", 1e-6),
    "multiply_adds": ("multiply-adds (G)", 1e-9),
    "seconds": ("time (ms)", 1e3),
    "memory": ("memory (MB)", 1e-6),
}


def network_rows(networks: Sequence[Numbers]) -> list[list[str]]:
    """A heading and a line for each network; bands are named by their middle, in cycles per LR pixel."""
    shares = [list(each.get("linear_shares") or ()) for each in networks]
    bands = max(map(len, shares), default=0)
    names = [f"H at {BAND_WIDTH * (band + 0.5):g}" for band in range(bands)]
    costs = [title for title, _ in _UNITS.values()]
    rows = [["network", "scale", "ring cosine", "cut-off", *names, *costs, "LR pixels"]]
    for each, own in zip(networks, shares, strict=True):
        filtering = [_text(each.get(name)) for name in ("ring_cosine", "cutoff")]
        cells = [_text(each.get(name), factor) for name, (_, factor) in _UNITS.items()]
        of_bands = [*map(_text, own), *[""] * (bands - len(own))]
        pixels = each.get("pixels")
        last = "-" if pixels is None else f"{pixels:.0f}"
        rows.append([printable(each["method"]), f"x{each['scale']:g}", *filtering, *of_bands, *cells, last])
    return rows


def _text(value: float | None, factor: float = 1.0) -> str:
    return "-" if value is None else number(value * factor)
