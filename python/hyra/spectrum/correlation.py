"""Fourier ring correlation: up to which frequency two images agree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hyra import ops
from hyra._util import validate
from hyra.results.result import Result
from hyra.spectrum import rings
from hyra.spectrum.planes import half_spectrum, pair

ONE_SEVENTH = 1 / 7


@dataclass(frozen=True)
class RingCorrelation(Result):
    """Correlation of two spectra per ring, -1 to 1: what `fourier_ring_correlation` returns.

    ``frequency`` and ``count`` as in `RadialProfile`; ``correlation`` is ``[..., C, R]`` float64, NaN where one of
    the images has no power in a ring.
    """

    frequency: Tensor
    correlation: Tensor
    count: Tensor

    def __post_init__(self) -> None:
        rings.check(self.frequency, self.count, correlation=self.correlation)

    def __repr__(self) -> str:
        return f"RingCorrelation({rings.describe(self.correlation, self.frequency)})"

    @property
    def half_bit(self) -> Tensor:
        """The half-bit threshold of each ring, ``[R]`` float64: `half_bit_threshold`."""
        return half_bit_threshold(self.count)

    def crossing(self, threshold: float | str = ONE_SEVENTH) -> Tensor:
        """The frequency at which the correlation first falls below a threshold: up to there the images agree.

        Its inverse is the effective resolution in pixels, 2 at best.

        Args:
            threshold: A number, by default 1/7 as Rosenthal & Henderson 2003 (J. Mol. Biol. 333:721) and
                Nieuwenhuizen et al. 2013 (Nat. Methods 10:557) have it, or `"half_bit"`.

        Returns:
            ``[..., C]`` float64, in cycles per pixel, between rings by linear interpolation: the last ring's
            frequency where the curve never falls below, 0 where it is below from ring 1 on. Ring 0, the means,
            does not count; a ring where an image has no power counts as 0.

        Raises:
            TypeError, ValueError: The threshold is neither `"half_bit"` nor a number.

        Example:
            >>> curve = torch.tensor([[1.0, 1.0, 0.75, 0.25]])
            >>> RingCorrelation(torch.arange(4) / 8, curve, torch.tensor([1, 8, 16, 32])).crossing(0.5)
            tensor([0.3125], dtype=torch.float64)
        """
        return crossing(self.frequency, self.correlation, limit(threshold, self.half_bit))


def fourier_ring_correlation(
    a: Tensor, b: Tensor, *, corners: bool = False, window: str | None = None
) -> RingCorrelation:
    """Normalised correlation of two images per ring: 1 where their phases and relative amplitudes agree, 0 by chance.

    ``sum of a conj(b) / sqrt(sum of |a|^2 * sum of |b|^2)`` over the bins of a ring, which is real (Saxton & Baumeister
    1982, J. Microsc. 127:127). It is meant for two independent measurements of one thing, whose noise then is what
    disagrees. A result and its reference are no such halves: read the frequency where the curve falls as that from
    which on a network invents in place of restoring, and thresholds as conventions that make networks comparable.

    Args:
        a: ``[C, H, W]`` or ``[N, C, H, W]``, floating-point.
        b: The same shape.
        corners: As in `radial_power`.
        window: As there. Without one, borders that do not fit together give both images the same cross in the
            frequency plane, which correlates.

    Returns:
        A `RingCorrelation`, for each channel its own; its `RingCorrelation.crossing` is the frequency up to which the
        images agree.

    Raises:
        TypeError, ValueError: as `radial_power`, or the shapes differ.

    Example:
        >>> x = torch.randn(3, 16, 16)
        >>> bool((fourier_ring_correlation(x, 2 * x).correlation > 0.9999).all())
        True
    """
    x, y = pair("a", a, "b", b)
    height, width = x.shape[-2:]
    spectra = (half_spectrum(image, window) for image in (x, y))
    power_x, power_y, cross, count = ops.radial_moments(*spectra, height, width)
    kept = rings.kept(count, height, width, corners=corners)
    curves = correlation(power_x, power_y, cross).reshape(*x.shape[:-2], len(count))
    return RingCorrelation(rings.frequency(count, height, width)[:kept], curves[..., :kept], count[:kept])


def half_bit_threshold(count: Tensor) -> Tensor:
    """The correlation of two measurements which together hold half a bit of information in each pixel of a ring.

    ``(0.2071 + 1.9102 / sqrt(n)) / (1.2071 + 0.9102 / sqrt(n))``, van Heel & Schatz 2005 (J. Struct. Biol.
    151:250): the signal is ``(sqrt(2) - 1) / 2`` times the noise of each, and chance adds what it adds to n bins.

    Args:
        count: ``[R]``, n, the bins of the full spectrum in each ring, of one channel: colours are no independent
            measurements.

    Returns:
        ``[R]`` float64.

    Example:
        >>> half_bit_threshold(torch.tensor([8, 10**12]))
        tensor([0.5772, 0.1716], dtype=torch.float64)
    """
    chance = count.double().rsqrt()
    return (0.2071 + 1.9102 * chance) / (1.2071 + 0.9102 * chance)


def correlation(power_a: Tensor, power_b: Tensor, cross: Tensor) -> Tensor:
    """The correlation per ring of what `hyra.ops.radial_moments` returns; NaN where an image has no power."""
    return cross.real / (power_a.sqrt() * power_b.sqrt())


def limit(threshold: float | str, half_bit: Tensor) -> Tensor:
    """The threshold that is asked for, by number or by name, as `half_bit` is shaped."""
    if isinstance(threshold, str):
        validate.choice("threshold", threshold, ("half_bit",))
        return half_bit
    height = validate.number("threshold", threshold)
    if not math.isfinite(height):
        raise ValueError(f"threshold must be a finite number or half_bit, got {height}")
    return torch.full_like(half_bit, height)


def crossing(frequency: Tensor, curve: Tensor, threshold: Tensor) -> Tensor:
    """Where curves ``[..., R]`` first fall below a threshold ``[R]``, as `RingCorrelation.crossing` says."""
    if len(frequency) == 1:
        return curve.new_zeros(curve.shape[:-1], dtype=torch.float64)
    above = (curve.nan_to_num(nan=0.0) - threshold).to(torch.float64)
    points = frequency.to(torch.float64)
    below = above[..., 1:] < 0
    first = torch.where(below.any(-1), below.int().argmax(-1) + 1, len(points) - 1)
    last = (first - 1).clamp(min=1)
    start, end = (above.take_along_dim(index[..., None], -1).squeeze(-1) for index in (last, first))
    between = points[last] + (points[first] - points[last]) * start / (start - end)
    found = torch.where(end < 0, between, points[first])
    return torch.where((end < 0) & (first == 1), 0.0, found)
