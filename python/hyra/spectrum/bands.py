"""Where in frequency an error lies, in bands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from hyra._util import validate
from hyra.results.result import Result
from hyra.spectrum.planes import pair
from hyra.spectrum.radial import profile

EDGES = (0.0, 1 / 8, 1 / 4, 3 / 8, 1 / 2)
"""Four bands up to the Nyquist frequency, in cycles per pixel."""


@dataclass(frozen=True)
class BandPSNR(Result):
    """PSNR in dB per band of frequencies, `[..., B]`, between the `edges`, B + 1 of them: what `band_psnr` returns."""

    edges: tuple[float, ...]
    psnr: Tensor

    def __post_init__(self) -> None:
        check(self.edges)
        validate.shaped("psnr", self.psnr, [..., len(self.edges) - 1])

    def __repr__(self) -> str:
        if not self.psnr.numel():
            return f"BandPSNR(of no image, in {len(self.edges) - 1} bands)"
        values = self.psnr.reshape(-1, len(self.edges) - 1).mean(0).tolist()
        bands = zip(pairwise(self.edges), values, strict=True)
        return f"BandPSNR({', '.join(f'{low:g} to {high:g}: {value:.2f} dB' for (low, high), value in bands)})"


def band_psnr(
    preds: Tensor,
    target: Tensor,
    *,
    edges: Sequence[float] = EDGES,
    data_range: float = 1.0,
) -> BandPSNR:
    """PSNR of what lies in each band of frequencies, over all channels.

    The mean squared error is a sum over frequencies (Parseval); a band's share of it gives the band's PSNR, in dB. With
    bands that cover the whole plane (`edges` from 0 to 1) the shares add up to that of the plain PSNR:
    ``sum of 10^(-psnr / 10) == 10^(-PSNR / 10)``.

    Args:
        preds: ``[C, H, W]`` or ``[N, C, H, W]``, floating-point.
        target: The same shape.
        edges: Where bands begin and end, in cycles per pixel, rising. A ring belongs to the band from its frequency on;
            the last band holds its upper edge too.
        data_range: The difference of white and black.

    Returns:
        A `BandPSNR` with ``psnr`` ``[..., B]`` float64: ``inf`` where a band has no error, NaN where it has no ring.

    Raises:
        TypeError, ValueError: as `radial_power`, the shapes differ, or the edges do not rise.

    Example:
        >>> band_psnr(torch.full((1, 8, 8), 0.1, dtype=torch.float64), torch.zeros(1, 8, 8), edges=(0, 0.25, 1))
        BandPSNR(0 to 0.25: 20.00 dB, 0.25 to 1: inf dB)
    """
    limits = tuple(float(edge) for edge in edges)
    check(limits)
    white = validate.positive_number("data_range", data_range)
    x, y = pair("preds", preds, "target", target)
    return BandPSNR(limits, 20 * math.log10(white) + in_bands(x - y, limits))


def in_bands(difference: Tensor, edges: tuple[float, ...]) -> Tensor:
    """PSNR of each band for the data range 1, of a difference ``[..., C, H, W]`` of images that were checked."""
    error = profile(difference, corners=True)
    pixels = difference.shape[-2] * difference.shape[-1]
    share = (error.power * error.count).mean(-2) / pixels**2  # of each ring in the mean squared error
    psnr = []
    for low, high in pairwise(edges):
        inside = (error.frequency >= low) & (error.frequency < high)
        if high == edges[-1]:
            inside |= error.frequency == high
        mse = share[..., inside].sum(-1) if inside.any() else share.new_full(share.shape[:-1], torch.nan)
        psnr.append(-10 * mse.log10())
    return torch.stack(psnr, dim=-1)


def check(edges: tuple[float, ...]) -> None:
    """The edges of bands rise."""
    if len(edges) < 2 or not all(low < high for low, high in pairwise(edges)):
        raise ValueError(f"edges must be two rising frequencies or more, got {edges}")
