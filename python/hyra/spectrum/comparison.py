"""Mean spectra of many images beside those of their references, and the numbers of one pair."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hyra._util import validate
from hyra.results.result import Result
from hyra.spectrum.bands import check
from hyra.spectrum.correlation import ONE_SEVENTH, crossing, limit
from hyra.spectrum.planes import WINDOWS


@dataclass(frozen=True)
class PairSpectrum:
    """What `SpectrumStatistics.update` measured of one pair; all channels together.

    Attributes:
        log_spectral_distance: In dB, as `hyra.spectrum.log_spectral_distance`.
        band_psnr: In dB, one for each band, as `hyra.spectrum.band_psnr`.
        one_seventh: Where the Fourier ring correlation falls below 1/7, in cycles per pixel.
        half_bit: Where it falls below the half-bit threshold.
    """

    log_spectral_distance: float
    band_psnr: tuple[float, ...]
    one_seventh: float
    half_bit: float


@dataclass(frozen=True, eq=False, repr=False)
class SpectrumComparison(Result):
    """Means over M methods' images, on one axis of F frequencies for all sizes: what `SpectrumStatistics` gives.

    Attributes:
        methods: Their names.
        images: How many pairs there are of each.
        identical: How many of them have no error; they are not in the mean of `band_psnr`.
        frequency: `[F]`, in cycles per pixel, the middles of bins of equal width from 0 to 0.5.
        power: `[M, F]`, mean power of the DFT by the number of pixels: of white noise the variance, at any size.
        target_power: `[M, F]`, of the references that each method has.
        correlation: `[M, F]`, mean Fourier ring correlation.
        half_bit: `[M, F]`, mean half-bit threshold.
        edges: Where the bands of `band_psnr` begin and end, in cycles per pixel.
        band_psnr: `[M, B]`, mean PSNR in dB of each band.
        log_spectral_distance: `[M]`, mean in dB.
        window: What the images were multiplied by for all but `band_psnr`: `"hann"` or `"none"`.

    All are float64, NaN where no image has a ring (of the lowest frequencies, which only large images have).
    """

    methods: tuple[str, ...]
    images: tuple[int, ...]
    identical: tuple[int, ...]
    frequency: Tensor
    power: Tensor
    target_power: Tensor
    correlation: Tensor
    half_bit: Tensor
    edges: tuple[float, ...]
    band_psnr: Tensor
    log_spectral_distance: Tensor
    window: str = "none"

    def __post_init__(self) -> None:
        check(self.edges)
        count, points = len(self.methods), len(validate.rising("frequency", self.frequency))
        for name in ("images", "identical"):
            if len(getattr(self, name)) != count:
                raise ValueError(
                    f"{name} must have a number for each of {count} methods, got {len(getattr(self, name))}"
                )
            for number in getattr(self, name):
                validate.integer(name, number, 0)
        validate.choice("window", self.window, ("none", *WINDOWS))
        for name in ("power", "target_power", "correlation", "half_bit"):
            validate.shaped(name, getattr(self, name), [count, points])
        validate.shaped("band_psnr", self.band_psnr, [count, len(self.edges) - 1])
        validate.shaped("log_spectral_distance", self.log_spectral_distance, [count])

    def __repr__(self) -> str:
        distances = zip(self.methods, self.images, self.log_spectral_distance.tolist(), strict=True)
        return f"SpectrumComparison({'; '.join(f'{name}: {n} images, {d:.2f} dB apart' for name, n, d in distances)})"

    def crossing(self, threshold: float | str = ONE_SEVENTH) -> Tensor:
        """Where the mean correlation first falls below a threshold, `[M]` in cycles per pixel.

        As `RingCorrelation.crossing`, with the bins in place of rings; `"half_bit"` is the mean threshold.
        """
        found = []
        start = self.frequency.new_zeros(1)  # in place of ring 0, which does not count
        for curve, height in zip(self.correlation, limit(threshold, self.half_bit), strict=True):
            known = ~curve.isnan()
            points = torch.cat([start, self.frequency[known]])
            found.append(crossing(points, torch.cat([start, curve[known]]), torch.cat([start, height[known]])))
        return torch.stack(found)
