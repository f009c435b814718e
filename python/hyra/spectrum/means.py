"""Spectra of many images added up one by one, on one axis for all sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from hyra import ops
from hyra._util import validate
from hyra.spectrum import bands, rings
from hyra.spectrum.bands import EDGES, in_bands
from hyra.spectrum.comparison import PairSpectrum, SpectrumComparison
from hyra.spectrum.correlation import ONE_SEVENTH, correlation, crossing, half_bit_threshold
from hyra.spectrum.planes import WINDOWS, checked, half_spectrum
from hyra.spectrum.radial import distance


@dataclass(frozen=True)
class Target:
    """A reference and its spectrum: what `SpectrumStatistics.target` returns."""

    image: Tensor
    spectrum: Tensor


class SpectrumStatistics:
    """Spectra of methods' results beside their references, added up image by image: memory is that of one image.

    Rings of an image belong to the bins of the common axis in proportion to what they share, so images of all sizes
    have a place there. Every image has the same weight. All channels count together: their powers are added up, the
    half-bit threshold is that of one channel, since colours are no independent measurements.

    Args:
        methods: Their names.
        window: `"hann"` or None, as in `radial_power`.
        edges: Of the bands, as in `band_psnr`.
        bins: F, into how many equal parts the frequencies from 0 to 0.5 are divided.

    Raises:
        TypeError, ValueError: There are no methods, two of one name, or an argument is none of those above.

    Example:
        >>> statistics = SpectrumStatistics(["noisy"])
        >>> for size in (32, 48):
        ...     target = torch.rand(3, size, size)
        ...     _ = statistics.update("noisy", target + 0.01 * torch.randn(3, size, size), target)
        >>> result = statistics.compute()
        >>> result.images, bool((result.correlation[:, 4:] > 0.98).all()), result.crossing("half_bit").tolist()
        ((2,), True, [0.49609375])
    """

    def __init__(
        self,
        methods: Sequence[str],
        *,
        window: str | None = "hann",
        edges: Sequence[float] = EDGES,
        bins: int = 64,
    ) -> None:
        if not methods or len({*methods}) < len(methods):
            raise ValueError(f"methods must be one name or more, all different, got {list(methods)}")
        self._window = window
        if window is not None:
            validate.choice("window", window, WINDOWS)
        self._edges = tuple(float(edge) for edge in edges)
        bands.check(self._edges)
        self._bins = validate.positive_integer("bins", bins)
        self._sums = {method: _Sums() for method in methods}

    @property
    def methods(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._sums)

    def target(self, image: Tensor) -> Target:
        """A reference with its spectrum, for several methods that made the same image.

        Args:
            image: `[C, H, W]`, floating-point in 0..1.

        Raises:
            TypeError, ValueError: It is none, or has NaN or infinite pixels.
        """
        y = checked("target", image)
        if y.ndim != 3:
            raise ValueError(f"target must be one image [C, H, W], got shape {tuple(y.shape)}")
        return Target(y, half_spectrum(y, self._window))

    def update(self, method: str, preds: Tensor, target: Tensor | Target) -> PairSpectrum:
        """Add what a method made of one image.

        Args:
            method: Its name.
            preds: `[C, H, W]`, floating-point in 0..1.
            target: The reference, of the same shape, or what `target` made of it.

        Returns:
            The numbers of this pair.

        Raises:
            TypeError, ValueError: As `radial_power`, the shapes differ, or the name is none of the methods; then
                nothing was added.
        """
        validate.choice("method", method, self._sums)
        reference = target if isinstance(target, Target) else self.target(target)
        x, y = checked("preds", preds), reference.image
        validate.same_shape("preds", x, "target", y)
        validate.same_device("preds", x, "target", y)
        numbers, curves = self._measured(x, y, reference.spectrum)
        self._sums[method].add(*curves)
        return numbers

    def compute(self) -> SpectrumComparison:
        """The means so far.

        Raises:
            ValueError: A method has no image yet.
        """
        for method, sums in self._sums.items():
            if not sums.images:
                raise ValueError(f"there must be an image of each method, got none of {method}")
        means = [[mean.value() for mean in sums.means] for sums in self._sums.values()]
        power, target_power, ring_correlation, half_bit, psnr, apart = map(torch.stack, zip(*means, strict=True))
        return SpectrumComparison(
            tuple(self._sums),
            tuple(sums.images for sums in self._sums.values()),
            tuple(sums.identical for sums in self._sums.values()),
            (torch.arange(self._bins, dtype=torch.float64, device="cpu") + 0.5) / (2 * self._bins),
            power,
            target_power,
            ring_correlation,
            half_bit,
            self._edges,
            psnr,
            apart,
            self._window or "none",
        )

    def _measured(self, x: Tensor, y: Tensor, spectrum_y: Tensor) -> tuple[PairSpectrum, tuple[Tensor, ...]]:
        """The numbers of a pair, and what is added up: four curves, the bands' PSNR and the distance."""
        height, width = x.shape[-2:]
        spectrum_x = half_spectrum(x, self._window).to(spectrum_y.dtype)
        power_x, power_y, cross, count = ops.radial_moments(spectrum_x, spectrum_y, height, width)
        kept = rings.kept(count, height, width, corners=False)
        power_x, power_y, cross, count = (values[..., :kept].cpu() for values in (power_x, power_y, cross, count))
        apart = distance(power_x, power_y)
        psnr = in_bands(x - y, self._edges).cpu()
        power_x, power_y, cross = power_x.sum(0), power_y.sum(0), cross.sum(0)
        agreement, limit = correlation(power_x, power_y, cross), half_bit_threshold(count)
        frequency = rings.frequency(count, height, width)
        numbers = PairSpectrum(
            apart.item(),
            tuple(psnr.tolist()),
            crossing(frequency, agreement, torch.full_like(limit, ONE_SEVENTH)).item(),
            crossing(frequency, agreement, limit).item(),
        )
        bins = count * len(x) * height * width
        curves = torch.stack([power_x / bins, power_y / bins, agreement, limit])
        return numbers, (*rebinned(curves, frequency, self._bins), psnr, apart)


def rebinned(curves: Tensor, frequency: Tensor, bins: int) -> Tensor:
    """Curves over rings ``[..., R]``, ring 0 left out, as means over equal bins from 0 to 0.5, ``[..., bins]``.

    A ring reaches half a step to either side of its frequency; NaN where no ring that has a value reaches.
    """
    if len(frequency) == 1:
        return curves.new_full((*curves.shape[:-1], bins), torch.nan)
    half = frequency[1] / 2
    edges = torch.arange(bins + 1, dtype=torch.float64, device=curves.device) / (2 * bins)
    low = torch.maximum(frequency - half, edges[:-1, None])
    share = (torch.minimum(frequency + half, edges[1:, None]) - low).clamp(min=0)
    share[:, 0] = 0
    known = curves.isfinite()
    weight = known.to(share.dtype) @ share.mT
    return torch.where(weight > 0, curves.where(known, 0.0) @ share.mT / weight, torch.nan)


class _Mean:
    """Mean of arrays, element by element, over what is finite in them; inf where all that is not NaN is inf."""

    def __init__(self) -> None:
        self._sums: Tensor | None = None

    def add(self, values: Tensor) -> None:
        """One more array, of the shape of the first."""
        finite = values.isfinite()
        sums = torch.stack([values.where(finite, 0.0), finite.to(values.dtype), values.isposinf().to(values.dtype)])
        self._sums = sums if self._sums is None else self._sums + sums

    def value(self) -> Tensor:
        """The mean of what was added, which must be something."""
        if self._sums is None:
            raise ValueError("there must be something to take the mean of, got nothing")
        total, count, infinite = self._sums
        mean: Tensor = total / count
        return mean.masked_fill((count == 0) & (infinite > 0), torch.inf)


@dataclass
class _Sums:
    """What is known of a method."""

    images: int = 0
    identical: int = 0
    means: tuple[_Mean, ...] = field(default_factory=lambda: tuple(_Mean() for _ in range(6)))

    def add(self, *values: Tensor) -> None:
        self.images += 1
        self.identical += bool(values[4].isposinf().all())
        for mean, value in zip(self.means, values, strict=True):
            mean.add(value)
