"""Spectra of images as pictures: amplitude and phase over the frequency plane."""

from __future__ import annotations

import torch
from torch import Tensor

from hyra.ops import fourier
from hyra.spectrum.planes import checked


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
    spectrum: Tensor = torch.fft.fftshift(fourier.fft2(checked("x", x)), dim=(-2, -1))
    return spectrum
