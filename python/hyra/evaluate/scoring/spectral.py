"""Scores of spectra: how far radial powers are apart, and the PSNR of a band of frequencies."""

from __future__ import annotations

import math
import re
from functools import partial

from hyra.evaluate.scoring.pairs import Pair
from hyra.evaluate.scoring.score import Score
from hyra.spectrum import band_psnr, log_spectral_distance

FAMILIES = ("spectrum", "band_psnr")
"""First parts of the names of these scores."""
_WINDOWS = {"spectrum:distance": None, "spectrum:distance-hann": "hann"}


def spectral(name: str) -> Score:
    """Of ``spectrum:distance``, or of ``band_psnr:LOW-HIGH`` in cycles per pixel: 0.5 is Nyquist, 0.71 the corners'.

    ``spectrum:distance-hann`` is the distance under a Hann window, that of `hyra spectrum`: borders that do not fit
    together leave no trace in it. Both are 0 for equal radial powers, infinite where one image has none of a frequency
    that the other has. As in `hyra.spectrum.band_psnr`, a ring belongs to the band from its frequency on, that of 0.5
    to a band that ends there, too.

    Raises:
        ValueError: it is neither, or these are no two frequencies that rise.

    Example:
        >>> spectral("band_psnr:0.25-0.5").title
        'PSNR of band 0.25-0.5 (dB)'
    """
    if name in _WINDOWS:
        return Score(name, partial(_distance, _WINDOWS[name]), higher_is_better=False, unit="dB", digits=2)
    match = re.fullmatch(r"band_psnr:(\d+\.?\d*)-(\d+\.?\d*)", name)
    low, high = (float(match[1]), float(match[2])) if match else (0.0, 0.0)
    if not low < high:
        text = f"{', '.join(_WINDOWS)} or band_psnr:LOW-HIGH in cycles per pixel, such as band_psnr:0.25-0.5"
        raise ValueError(f"score must be {text}, got {name!r}")
    return Score(name, partial(_band, (low, high)), unit="dB", digits=2)


def _band(edges: tuple[float, float], pair: Pair) -> float:
    limits = (*edges, 1.0) if edges[1] < 0.5 else edges
    value = float(band_psnr(*pair.floats, edges=limits).psnr[..., 0])
    if math.isnan(value):
        raise ValueError(f"no ring of the spectrum lies between {edges[0]:g} and {edges[1]:g} cycles per pixel")
    return value


def _distance(window: str | None, pair: Pair) -> float:
    return float(log_spectral_distance(*pair.floats, window=window))
