"""What an interpolation kernel does to frequencies: gain, passband, stopband, spectral copies, delay.

Kernels are planes `[kh, kw]` on the HR grid. `center` is the point `(y, x)`, between pixels for an even scale, that an
ideal interpolator is symmetric about; phases refer to it. Frequencies are in cycles per HR pixel, so the LR Nyquist
frequency is `1 / (2 s)`. Gains are divided by `s^2`, the gain of an interpolator that keeps the mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from hyra._util import validate
from hyra.ops import fourier
from hyra.results.result import Result

PASSBAND_EDGE = 0.8
STOPBAND_EDGE = 1.2
"""Edges of pass- and stopband as fractions of the LR Nyquist frequency; between them lies the transition band."""
_MOST_PAIRS = 1 << 24
"""Of rows or columns over the copies, whose matrix is small enough to be made."""


@dataclass(frozen=True, eq=False, repr=False)
class TransferFunction(Result):
    """Fourier transform of an impulse response, `gain[..., i, j]` at `(frequency_y[i], frequency_x[j])`.

    Frequencies ascend, in cycles per HR pixel, with zero at index `size // 2`. `gain` is complex: its modulus is 1
    where the response passes a frequency unchanged, its phase refers to the response's `center` and is 0 for a response
    that is symmetric about it.

    Attributes:
        gain: `[C, kh, kw]` or `[C_out, C_in, kh, kw]` complex128. At a scale p/q frequencies go up to q/2, before each
            q-th sample of the response is taken, which folds what lies beyond 1/2.
        frequency_y: `[kh]` float64.
        frequency_x: `[kw]` float64.
        scale: HR pixels per LR pixel, so that the LR Nyquist frequency is `1 / (2 scale)`.

    Example:
        >>> import torch, hyra
        >>> found = hyra.HyRA(torch.nn.Upsample(scale_factor=2)).impulse_response(16).transfer_function()
        >>> found
        TransferFunction(3x32x32 at x2, gain 1 at zero frequency)
        >>> round(float(found.white[16, 16 + 8].abs()), 4)  # at the LR Nyquist frequency, -3 dB
        0.7071
    """

    gain: Tensor
    frequency_y: Tensor
    frequency_x: Tensor
    scale: int | Fraction

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", validate.scale("scale", self.scale))
        rows, columns = (len(validate.rising(name, getattr(self, name))) for name in ("frequency_y", "frequency_x"))
        validate.shaped("gain", self.gain, [None] * (self.gain.ndim - 2) + [rows, columns], validate.COMPLEX)
        if self.gain.ndim not in (3, 4):
            raise ValueError(f"gain must be [C, kh, kw] or [C_out, C_in, kh, kw], got {self.gain.ndim} dimensions")

    def __repr__(self) -> str:
        shape = "x".join(str(n) for n in self.gain.shape)
        middle = self.white[len(self.frequency_y) // 2, len(self.frequency_x) // 2]
        return f"TransferFunction({shape} at x{self.scale}, gain {float(middle.real):.4g} at zero frequency)"

    @property
    def white(self) -> Tensor:
        """`[kh, kw]` complex128: the mean over the output's colours of the gain of white."""
        return (self.gain.sum(1) if self.gain.ndim == 4 else self.gain).mean(0)


def transfer_function(response: Tensor, center: tuple[float, float], scale: int | Fraction) -> TransferFunction:
    """Transfer function of kernels `[..., kh, kw]` at the frequencies of their own DFT."""
    spectrum = torch.fft.fftshift(fourier.fft2(response.double()), dim=(-2, -1)) / scale.numerator**2
    fy, fx = (
        torch.fft.fftshift(torch.fft.fftfreq(n, dtype=torch.float64, device=response.device))
        for n in response.shape[-2:]
    )
    phase = 2 * math.pi * (fy[:, None] * center[0] + fx * center[1])
    gain, q = spectrum * torch.polar(torch.ones_like(phase), phase), scale.denominator  # samples a HR pixel
    return TransferFunction(gain, q * fy, q * fx, scale)


def gain_at(plane: Tensor, center: tuple[float, float], scale: int, fy: Tensor, fx: Tensor) -> Tensor:
    """Complex gain at any frequencies: `[len(fy), len(fx)]`."""
    waves = []
    for f, n, c in zip((fy, fx), plane.shape, center, strict=True):
        phase = -2 * math.pi * f[:, None] * (torch.arange(n, dtype=torch.float64, device=plane.device) - c)
        waves.append(torch.polar(torch.ones_like(phase), phase))
    return waves[0] @ plane.to(torch.complex128) @ waves[1].mT / scale**2


def passband_ripple_db(plane: Tensor, center: tuple[float, float], scale: int) -> float:
    """Largest over smallest gain within `PASSBAND_EDGE` of the LR Nyquist frequency on both axes, in dB."""
    f = torch.linspace(-1, 1, 129, dtype=torch.float64, device=plane.device) * PASSBAND_EDGE / (2 * scale)
    gain = gain_at(plane, center, scale, f, f).abs()
    return float(20 * torch.log10(gain.max() / gain.min()))


def stopband_db(plane: Tensor, center: tuple[float, float], scale: int) -> float:
    """Attenuation, from zero frequency to the largest gain beyond `STOPBAND_EDGE` on either axis, in dB; NaN at x1."""
    edge = STOPBAND_EDGE / (2 * scale)
    if edge >= 0.5:
        return math.nan
    axes = []
    for n in plane.shape:
        grid = torch.linspace(-0.5, 0.5, 2 * n + 1, dtype=torch.float64, device=plane.device)
        axes.append(torch.cat([grid, grid.new_tensor([-edge, edge])]))
    outside = torch.maximum(axes[0].abs()[:, None], axes[1].abs()) >= edge
    largest = gain_at(plane, center, scale, *axes).abs()[outside].max()
    return float(-20 * torch.log10(largest / dc_gain(plane, scale).abs()))


def dc_gain(response: Tensor, scale: int) -> Tensor:
    """Gain at zero frequency of kernels `[..., kh, kw]`: 1 where the mean is kept."""
    return response.sum((-2, -1), dtype=torch.float64) / scale**2


def dc_gain_per_phase(response: Tensor, origin: tuple[int, int], scale: int) -> Tensor:
    """Gain of a constant image at each of the `s x s` sub-pixel positions: `[..., s, s]`; unequal gains make a grid."""
    top, left = (-o % scale for o in origin)
    bottom, right = (-(size + pad) % scale for size, pad in zip(response.shape[-2:], (top, left), strict=True))
    padded = torch.nn.functional.pad(response.double(), (left, right, top, bottom))
    rows, columns = (size // scale for size in padded.shape[-2:])
    return padded.reshape(*response.shape[:-2], rows, scale, columns, scale).sum((-4, -2))


def copy_energy(plane: Tensor, scale: int) -> Tensor:
    """Share of the kernel's energy in each of the `s x s` cells that the copies of the LR spectrum fall into.

    Zero insertion repeats the LR spectrum around the frequencies `(k / s, l / s)`; entry `[k, l]` is the share of
    `|gain|^2` within half an LR Nyquist band, `1 / (2 s)`, of that frequency on both axes, integrated exactly. Entry
    `[0, 0]` is the image itself, all others are copies that an ideal low-pass filter removes. The sum is 1.
    """
    if scale * max(plane.shape) ** 2 > _MOST_PAIRS:
        energy = _energy_by_lags(plane.double(), scale)
    else:
        h = plane.to(torch.complex128)
        rows, columns = (_cell_integrals(n, scale, plane.device) for n in plane.shape)
        energy = torch.einsum("knq,lnq->kl", rows @ h, h @ columns).real
    return energy / energy.sum()


def _energy_by_lags(plane: Tensor, scale: int) -> Tensor:
    """The same energies of a large plane: pairs of samples at one distance count alike, as its autocorrelation does."""
    height, width = (2 * n - 1 for n in plane.shape)
    spectrum = fourier.rfft2(torch.nn.functional.pad(plane, (0, width // 2, 0, height // 2)))
    correlation = fourier.irfft2(spectrum * spectrum.conj(), (height, width)).to(spectrum.dtype)
    weights = []
    for n in correlation.shape:
        lag = torch.fft.fftfreq(n, 1 / n, dtype=torch.float64, device=plane.device)
        copy = torch.arange(scale, dtype=torch.float64, device=plane.device)[:, None]
        weights.append(torch.polar(torch.sinc(lag / scale) / scale + 0 * copy, -2 * math.pi / scale * copy * lag))
    energy: Tensor = (weights[0] @ correlation @ weights[1].mT).real
    return energy


def _cell_integrals(size: int, scale: int, device: torch.device) -> Tensor:
    """`[s, size, size]`: the integral over cell k of `exp(-2 pi i f (m - n))`, whose quadratic form is an energy."""
    index = torch.arange(size, dtype=torch.float64, device=device)
    lag = index[:, None] - index
    phase = -2 * math.pi / scale * torch.arange(scale, dtype=torch.float64, device=device)[:, None, None] * lag
    return torch.polar((torch.sinc(lag / scale) / scale).expand_as(phase), phase)


def shift(plane: Tensor, center: tuple[float, float], scale: int) -> tuple[float, float]:
    """How far `(dy, dx)`, in HR pixels, the kernel lies down and right of `center`.

    It is the group delay: the slope of the phase over half the LR Nyquist band, weighted with the energy there.
    """
    f = torch.linspace(-0.25, 0.25, 33, dtype=torch.float64, device=plane.device) / scale
    gain = gain_at(plane, center, scale, f, f)
    phase = torch.angle(gain / gain[16, 16]) / (-2 * math.pi)
    weight = gain.abs().square()
    fy, fx = f[:, None], f
    yy, xx, yx = (float((weight * a).sum()) for a in (fy * fy, fx * fx, fy * fx))
    y, x = (float((weight * phase * a).sum()) for a in (fy, fx))
    determinant = yy * xx - yx * yx
    if determinant == 0:
        return math.nan, math.nan
    return (y * xx - x * yx) / determinant, (x * yy - y * yx) / determinant
