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
    "At x1, where no sinc is the ideal: MTF50, the frequency in cycles per pixel that keeps half of its contrast, and "
    "what white noise is amplified by. A response that a network's bounds cut off is measured at grey instead. "
    "Multiply-adds, time and memory are of one input of so many LR pixels."
)
_FILTERS = {
    "ring cosine": "ring_cosine",
    "cut-off": "cutoff",
    "MTF50": "mtf50",
    "noise gain": "noise_gain",
}
_ALWAYS = ("ring cosine", "cut-off")
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
    filters = [title for title in _FILTERS if title in _ALWAYS or any(_known(each, title) for each in networks)]
    cut = any(each.get("bounds") for each in networks)
    rows = [["network", "scale", *filters, *(["measured at"] * cut), *names, *costs, "LR pixels"]]
    for each, own in zip(networks, shares, strict=True):
        filtering = [_text(each.get(_FILTERS[title])) for title in filters]
        if cut:
            filtering.append(_place(each))
        cells = [_text(each.get(name), factor) for name, (_, factor) in _UNITS.items()]
        of_bands = [*map(_text, own), *[""] * (bands - len(own))]
        pixels = each.get("pixels")
        last = "-" if pixels is None else f"{pixels:.0f}"
        rows.append([printable(each["method"]), f"x{each['scale']:g}", *filtering, *of_bands, *cells, last])
    return rows


def _known(numbers: Numbers, title: str) -> bool:
    return numbers.get(_FILTERS[title]) is not None


def _place(numbers: Numbers) -> str:
    """Where the response was measured: away from the paper's operating point, why."""
    bounds = numbers.get("bounds")
    return "white on black" if not bounds else f"grey: output is {bounds}"


def _text(value: float | None, factor: float = 1.0) -> str:
    return "-" if value is None else number(value * factor)
