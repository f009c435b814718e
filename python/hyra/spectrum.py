"""Spectra of images as curves and pictures: radial power, ring correlation, and where in frequency an error lies.

Frequencies are in cycles per pixel of the image given. All radial numbers follow the one ring rule that the op
`hyra.ops.radial_moments` states: rings are isotropic, also in an image that is not square, and ring r has the frequency
``r / min(H, W)``. With ``corners=False`` the rings end at the Nyquist frequency, 0.5; with ``corners=True`` they go on
to 0.71 in the corners of the frequency plane. No ring is empty, since a step of one bin never skips one. Powers are
those of the unscaled DFT, by the library that `hyra.fft_library` names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from hyra import _validate, fft, ops
from hyra.result import Result


@dataclass(frozen=True)
class RadialProfile(Result, figure="radial_profile"):
    """Mean power per ring: what `radial_power` returns.

    ``frequency`` and ``count`` are ``[R]``, the cycles per pixel and the number of bins of each ring; ``power`` is
    ``[..., C, R]`` float64.
    """

    frequency: Tensor
    power: Tensor
    count: Tensor

    def __repr__(self) -> str:
        return f"RadialProfile({_describe(self.power, self.frequency)})"


@dataclass(frozen=True)
class RingCorrelation(Result, figure="ring_correlation"):
    """Correlation of two spectra per ring, -1 to 1: what `fourier_ring_correlation` returns.

    ``frequency`` and ``count`` as in `RadialProfile`; ``correlation`` is ``[..., C, R]`` float64, NaN where one of
    the images has no power in a ring.
    """

    frequency: Tensor
    correlation: Tensor
    count: Tensor

    def __repr__(self) -> str:
        return f"RingCorrelation({_describe(self.correlation, self.frequency)})"


@dataclass(frozen=True)
class BandPSNR(Result, figure="band_psnr"):
    """PSNR in dB per band of frequencies, `[..., B]`, between the `edges`, B + 1 of them: what `band_psnr` returns."""

    edges: tuple[float, ...]
    psnr: Tensor

    def __repr__(self) -> str:
        values = self.psnr.reshape(-1, len(self.edges) - 1).mean(0).tolist()
        bands = zip(pairwise(self.edges), values, strict=True)
        return f"BandPSNR({', '.join(f'{low:g} to {high:g}: {value:.2f} dB' for (low, high), value in bands)})"


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
    image = _image("x", x)
    spectrum = _half_spectrum(image)
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
    x, y = _pair("a", a, "b", b)
    power_x, power_y, cross, count = ops.radial_moments(_half_spectrum(x), _half_spectrum(y), *x.shape[-2:])
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
    x, y = _pair("preds", preds, "target", target)
    return radial_power(x - y, corners=corners)


def band_psnr(
    preds: Tensor,
    target: Tensor,
    *,
    edges: Sequence[float] = (0, 1 / 8, 1 / 4, 3 / 8, 1 / 2),
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
    if len(limits) < 2 or any(low >= high for low, high in pairwise(limits)):
        raise ValueError(f"edges must be two rising frequencies or more, got {limits}")
    white = _validate.positive_number("data_range", data_range)
    error = radial_error(preds, target, corners=True)
    pixels = preds.shape[-2] * preds.shape[-1]
    share = (error.power * error.count).mean(-2) / pixels**2  # of each ring in the mean squared error
    psnr = []
    for low, high in pairwise(limits):
        inside = (error.frequency >= low) & (error.frequency < high)
        if high == limits[-1]:
            inside |= error.frequency == high
        mse = share[..., inside].sum(-1) if inside.any() else share.new_full(share.shape[:-1], torch.nan)
        psnr.append(10 * (white**2 / mse).log10())
    return BandPSNR(limits, torch.stack(psnr, dim=-1))


def log_spectrum(x: Tensor) -> Tensor:
    """Amplitude of the unscaled DFT in dB, zero frequency in the centre (as `torch.fft.fftshift` puts it).

    Args:
        x: ``[C, H, W]`` or ``[N, C, H, W]``, floating-point.

    Returns:
        ``20 log10 |X|``, the shape of `x`; ``-inf`` where the amplitude is zero.

    Raises:
        TypeError, ValueError: as `radial_power`.

    Example:
        >>> log_spectrum(torch.ones(1, 2, 2, dtype=torch.float64)).round(decimals=2).tolist()
        [[[-inf, -inf], [-inf, 12.04]]]
    """
    return 20 * _centred_spectrum(x).abs().log10()


def phase_spectrum(x: Tensor) -> Tensor:
    """Phase of the DFT in radians, -pi to pi, zero frequency in the centre; 0 where the amplitude is zero.

    Args:
        x: ``[C, H, W]`` or ``[N, C, H, W]``, floating-point.

    Returns:
        The shape of `x`.

    Raises:
        TypeError, ValueError: as `radial_power`.

    Example:
        >>> phase_spectrum(torch.tensor([[[0.0, -1.0]]], dtype=torch.float64)).round(decimals=2).tolist()
        [[[0.0, 3.14]]]
    """
    return _centred_spectrum(x).angle()


def _centred_spectrum(x: Tensor) -> Tensor:
    spectrum: Tensor = torch.fft.fftshift(torch.fft.fft2(_image("x", x)), dim=(-2, -1))
    return spectrum


def _image(name: str, x: Tensor) -> Tensor:
    """Checked, and in float32 at least: no FFT library transforms half precision everywhere."""
    image = _validate.images(name, x)
    _validate.finite(name, image)
    return image if image.dtype == torch.float64 else image.float()


def _pair(name: str, x: Tensor, other_name: str, other: Tensor) -> tuple[Tensor, Tensor]:
    first, second = _image(name, x), _image(other_name, other)
    _validate.same_shape(other_name, second, name, first)
    _validate.same_device(other_name, second, name, first)
    dtype = torch.promote_types(first.dtype, second.dtype)
    return first.to(dtype), second.to(dtype)


def _half_spectrum(image: Tensor) -> Tensor:
    """``[planes, H, W // 2 + 1]``."""
    return fft.rfft2(image.flatten(0, -3))


def _frequency(image: Tensor, count: Tensor) -> Tensor:
    return torch.arange(len(count), dtype=torch.float64, device=count.device) / min(image.shape[-2:])


def _describe(values: Tensor, frequency: Tensor) -> str:
    shape = "x".join(str(n) for n in values.shape[:-1])
    return f"{shape} curves over {len(frequency)} rings, 0 to {frequency[-1].item():.3g} cycles per pixel"
