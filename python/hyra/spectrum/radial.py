"""Spectra of images as curves over the rings of the frequency plane: radial power, ring correlation, radial error."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hyra import ops
from hyra._util import validate
from hyra.results.result import Result
from hyra.spectrum.planes import checked, half_spectrum, pair


@dataclass(frozen=True)
class RadialProfile(Result):
    """Mean power per ring: what `radial_power` returns.

    ``frequency`` and ``count`` are ``[R]``, the cycles per pixel and the number of bins of each ring; ``power`` is
    ``[..., C, R]`` float64.
    """

    frequency: Tensor
    power: Tensor
    count: Tensor

    def __post_init__(self) -> None:
        _check(self.frequency, self.count, power=self.power)

    def __repr__(self) -> str:
        return f"RadialProfile({_describe(self.power, self.frequency)})"


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
        _check(self.frequency, self.count, correlation=self.correlation)

    def __repr__(self) -> str:
        return f"RingCorrelation({_describe(self.correlation, self.frequency)})"


def radial_power(x: Tensor, *, corners: bool = False) -> RadialProfile:
    """Mean power of the DFT per ring.

    Args:
        x: ``[C, H, W]`` or ``[N, C, H, W]``, floating-point.
        corners: Whether to go on beyond 0.5 cycles per pixel, into the corners of the frequency plane.

    Returns:
        A `RadialProfile` with ``power`` ``[..., C, R]``. Parseval's theorem holds over all rings: with
        ``corners=True``, ``(power * count).sum(-1) == H * W * x.square().sum((-2, -1))``.

    Raises:
        TypeError, ValueError: `x` is no floating-point image, or has NaN or infinite pixels.

    Example:
        One cycle of a cosine across 8 pixels has the frequency 1/8, and its two bins share a ring of 8.

        >>> import math
        >>> x = torch.cos(2 * math.pi * torch.arange(8, dtype=torch.float64) / 8).expand(1, 8, 8)
        >>> profile = radial_power(x)
        >>> profile.frequency.tolist()
        [0.0, 0.125, 0.25, 0.375, 0.5]
        >>> (profile.power * profile.count).round(decimals=6).abs().tolist()
        [[0.0, 2048.0, 0.0, 0.0, 0.0]]
    """
    image = checked("x", x)
    spectrum = half_spectrum(image)
    power, _, _, count = ops.radial_moments(spectrum, spectrum, *image.shape[-2:])
    frequency = _frequency(image, count)
    kept = len(count) if corners else min(image.shape[-2:]) // 2 + 1
    mean = (power / count).unflatten(0, image.shape[:-2])
    return RadialProfile(frequency[:kept], mean[..., :kept], count[:kept])


def fourier_ring_correlation(a: Tensor, b: Tensor, *, corners: bool = False) -> RingCorrelation:
    """Normalised correlation of two images per ring: 1 where their phases and relative amplitudes agree, 0 by chance.

    ``sum of a conj(b) / sqrt(sum of |a|^2 * sum of |b|^2)`` over the bins of a ring, which is real.

    Args:
        a: ``[C, H, W]`` or ``[N, C, H, W]``, floating-point.
        b: The same shape.
        corners: As in `radial_power`.

    Returns:
        A `RingCorrelation`, for each channel its own.

    Raises:
        TypeError, ValueError: as `radial_power`, or the shapes differ.

    Example:
        >>> x = torch.randn(3, 16, 16)
        >>> bool((fourier_ring_correlation(x, 2 * x).correlation > 0.9999).all())
        True
    """
    x, y = pair("a", a, "b", b)
    power_x, power_y, cross, count = ops.radial_moments(half_spectrum(x), half_spectrum(y), *x.shape[-2:])
    kept = len(count) if corners else min(x.shape[-2:]) // 2 + 1
    correlation = cross.real / (power_x.sqrt() * power_y.sqrt())
    shaped = correlation.unflatten(0, x.shape[:-2])
    return RingCorrelation(_frequency(x, count)[:kept], shaped[..., :kept], count[:kept])


def radial_error(preds: Tensor, target: Tensor, *, corners: bool = False) -> RadialProfile:
    """Mean power of the error per ring: `radial_power` of ``preds - target``.

    Args:
        preds: ``[C, H, W]`` or ``[N, C, H, W]``, floating-point.
        target: The same shape.
        corners: As in `radial_power`.

    Raises:
        TypeError, ValueError: as `radial_power`, or the shapes differ.

    Example:
        >>> error = radial_error(torch.full((1, 8, 8), 0.5), torch.zeros(1, 8, 8))  # all of it at zero frequency
        >>> error.power.tolist()
        [[1024.0, 0.0, 0.0, 0.0, 0.0]]
    """
    x, y = pair("preds", preds, "target", target)
    return radial_power(x - y, corners=corners)


def _frequency(image: Tensor, count: Tensor) -> Tensor:
    return torch.arange(len(count), dtype=torch.float64, device=count.device) / min(image.shape[-2:])


def _check(frequency: Tensor, count: Tensor, **curves: Tensor) -> None:
    rings = len(validate.rising("frequency", frequency))
    validate.shaped("count", count, [rings], validate.INTEGER)
    for name, curve in curves.items():
        validate.shaped(name, curve, [..., None, rings])


def _describe(values: Tensor, frequency: Tensor) -> str:
    shape = "x".join(str(n) for n in values.shape[:-1])
    return f"{shape} curves over {len(frequency)} rings, 0 to {frequency[-1].item():.3g} cycles per pixel"
