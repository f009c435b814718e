"""The two parts of a network's output, H and G, and how they share its frequencies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import torch
from torch import Tensor

from hyra._util import validate
from hyra.filters.response import ImpulseResponse
from hyra.ops import fourier
from hyra.ops.boundary import BOUNDARIES
from hyra.ops.radial_moments import radial_moments
from hyra.results.result import Result

BAND_WIDTH = 0.25
"""Of the bands in records and reports, in cycles per LR pixel: half the ideal interpolator's passband."""


@dataclass(frozen=True, eq=False)
class Spectra(Result):
    """Unscaled discrete Fourier transforms, complex, `[(N,) C, rows, columns]`, with zero frequency in the middle.

    `input` has the LR size, the others the HR size. Amplitude is `.abs()`, phase `.angle()`.
    """

    input: Tensor
    linear: Tensor
    nonlinear: Tensor
    output: Tensor

    def __post_init__(self) -> None:
        _check_images(self, validate.COMPLEX)


@dataclass(frozen=True, eq=False)
class BandShares(Result):
    """How H and G make up the energy of the output, per band of frequency: `linear + nonlinear + cross == 1`.

    Attributes:
        frequency: `[bands]`, the bands' middles in cycles per HR pixel; the LR Nyquist frequency is `1 / (2 s)`.
        linear: `[bands]`, energy of H over that of the output.
        nonlinear: `[bands]`, energy of G over that of the output.
        cross: `[bands]`, what is left: twice the product of H and G over the energy of the output, negative where they
            cancel.
        energy: `[bands]`, energy of the output, `sum |X|^2` of the unscaled transform; shares of a band without energy
            are NaN.
        scale: `s`, HR pixels per LR pixel.
    """

    frequency: Tensor
    linear: Tensor
    nonlinear: Tensor
    cross: Tensor
    energy: Tensor
    scale: int | Fraction

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", validate.scale("scale", self.scale))
        bands = len(validate.rising("frequency", self.frequency))
        for name in ("linear", "nonlinear", "cross", "energy"):
            validate.shaped(name, getattr(self, name), [bands])


@dataclass(frozen=True, eq=False)
class CopyCompensation(Result):
    """How G treats what H leaves of the spectral copies: each `[s, s]`, NaN at `[0, 0]`, which is the image itself.

    Entry `[k, l]` is about the cell of half-width `1 / (2 s)` around the frequency `(k / s, l / s)` in cycles per HR
    pixel, where zero insertion puts a copy of the LR spectrum. At a scale p/q there are as many copies on each side,
    k = 0, 1, ... K, -K, ... -1, as begin below the highest frequency of the output, s / 2 cycles per LR pixel, which
    cuts the outermost; what the output folds is counted where it lies.

    Attributes:
        opposition: cosine between H and G over the cell, from -1 (opposite phase) through 0 (unrelated) to 1.
        remaining: energy of H + G over that of H; below 1 the copy is weakened.
        scale: HR pixels per LR pixel, which says which copies these are; None in files of earlier versions, which know
            integers alone.
    """

    opposition: Tensor
    remaining: Tensor
    scale: int | Fraction | None = field(default=None, metadata={"since": 2})

    @property
    def copies(self) -> list[int]:
        """The numbers k of the copies along an axis, in cycles per LR pixel, in the order of the entries."""
        return _copies(self.scale) if isinstance(self.scale, Fraction) else [*range(len(self.opposition))]

    def __post_init__(self) -> None:
        if self.scale is not None:
            validate.scale("scale", self.scale)
        side = len(validate.shaped("opposition", self.opposition, [None, None]))
        validate.shaped("opposition", self.opposition, [side, side])
        validate.shaped("remaining", self.remaining, [side, side])


@dataclass(frozen=True, eq=False, repr=False)
class Decomposition(Result):
    """`N(I) = H(I) + G(I)` for one image or a batch: `output = linear + nonlinear`, in 0..1, not clamped.

    Attributes:
        input: I, `[(N,) C, h, w]`.
        output: N(I), `[(N,) C_out, s*h, s*w]`; sides between two integers are rounded as the network does.
        linear: H(I), the image through the impulse response; in the affine form with N(b) added.
        nonlinear: G(I), what is left.
        response: the impulse response that H was made with.
        boundary: how H continued the image beyond its border.
        standard_error: of `output`, where the network draws random numbers and output, H and G are means over several
            seeds; None for one.
        padding: LR pixels, below and on the right, that the network was shown beyond the image, as it does not take the
            image's size: its reflection. Their output is cut off.
    """

    input: Tensor
    output: Tensor
    linear: Tensor
    nonlinear: Tensor
    response: ImpulseResponse
    boundary: str
    padding: tuple[int, int] = field(default=(0, 0), metadata={"since": 2})
    standard_error: Tensor | None = field(default=None, metadata={"since": 2})

    def __post_init__(self) -> None:
        _check_images(self, validate.FLOATING)
        validate.choice("boundary", self.boundary, BOUNDARIES)
        for count in self.padding:
            validate.integer("padding", count, 0)
        if self.standard_error is not None:
            validate.shaped("standard_error", self.standard_error, self.output.shape)
        validate.enlarged("output", self.output, self.response.scale, self.input)

    def __repr__(self) -> str:
        def energy(x: Tensor) -> float:
            return float(x.double().square().mean().sqrt())

        shape = "x".join(str(n) for n in self.output.shape)
        rms = ", ".join(f"{name} {energy(getattr(self, name)):.4g}" for name in ("linear", "nonlinear", "output"))
        padded = f"padded by {self.padding[0]}x{self.padding[1]}, " if any(self.padding) else ""
        return f"Decomposition({shape} at x{self.response.scale}, {padded}{self.boundary} boundary; rms of {rms})"

    def spectra(self) -> Spectra:
        """Spectra of all four images."""

        def centred(x: Tensor) -> Tensor:
            spectrum: Tensor = torch.fft.fftshift(fourier.fft2(x), dim=(-2, -1))
            return spectrum

        return Spectra(*(centred(x) for x in (self.input, self.linear, self.nonlinear, self.output)))

    def band_shares(self, width: float | None = None) -> BandShares:
        """Energy of H, of G and of their cross term in the output, per band of frequency, over all images and colours.

        Args:
            width: of the bands, in cycles per LR pixel: with 0.25, two of them are the passband of the ideal
                interpolator. There are `ceil(s / 2 / width)`, and the last holds the corners of the frequency plane
                too. When not given, a band is a ring: ring r holds the frequencies that `hyra.ops.radial_moments` gives
                it, around `r / min(H, W)`.

        Raises:
            ValueError: `width` is not positive.

        Example:
            >>> import torch, hyra
            >>> split = hyra.HyRA(torch.nn.Upsample(scale_factor=2)).decompose(torch.rand(3, 16, 16), "replicate")
            >>> shares = split.band_shares(width=0.25)
            >>> shares.frequency.tolist(), shares.linear.tolist()  # it is linear: H is all of it
            ([0.0625, 0.1875, 0.3125, 0.4375], [1.0, 1.0, 1.0, 1.0])
        """
        sides, scale = self.output.shape[-2:], self.response.scale
        spectra = (fourier.rfft2(x.double()).flatten(0, -3) for x in (self.linear, self.nonlinear))
        moments = radial_moments(*spectra, *sides)
        h, g, hg = moments[0].sum(0), moments[1].sum(0), 2 * moments[2].real.sum(0)
        ring = torch.arange(len(h), dtype=h.dtype, device=h.device)
        frequency = ring / min(sides)
        if width is not None:
            count = math.ceil(float(scale) / 2 / validate.positive_number("width", width))
            # A ring on an edge belongs to the band above, so the quotient must not be rounded twice.
            lr_pixels = min(sides) // scale if isinstance(scale, int) else min(sides) / float(scale)
            band = (ring / (lr_pixels * width)).long().clamp(max=count - 1)
            h, g, hg = (x.new_zeros(count).index_add(0, band, x) for x in (h, g, hg))
            frequency = (ring.new_tensor(range(count)) + 0.5) * width / float(scale)
        energy = h + g + hg
        return BandShares(frequency, h / energy, g / energy, hg / energy, energy, scale)

    def copy_compensation(self) -> CopyCompensation:
        """How far G cancels the spectral copies that H lets through: the paper's grid, as numbers."""
        s = self.response.scale
        linear, nonlinear = (fourier.fft2(x.double()) for x in (self.linear, self.nonlinear))
        rows, columns = (_cells(n, s, linear.device) for n in linear.shape[-2:])

        def over_cells(x: Tensor) -> Tensor:
            total: Tensor = torch.einsum("kh,nhw,lw->kl", rows, x.flatten(0, -3), columns)
            total[0, 0] = torch.nan
            return total

        h, g = over_cells(linear.abs().square()), over_cells(nonlinear.abs().square())
        cross = over_cells((linear * nonlinear.conj()).real)
        return CopyCompensation(opposition=cross / (h * g).sqrt(), remaining=(h + g + 2 * cross) / h, scale=s)


def _check_images(parts: Spectra | Decomposition, dtypes: Sequence[torch.dtype]) -> None:
    """Input, H, G and output are images or batches, as many of each, and the last three have one shape."""
    batch = validate.shaped("input", parts.input, [..., None, None, None], dtypes).shape[:-3]
    shape = validate.shaped("output", parts.output, [*batch, None, None, None], dtypes).shape
    validate.shaped("linear", parts.linear, shape, dtypes)
    validate.shaped("nonlinear", parts.nonlinear, shape, dtypes)


def _cells(size: int, scale: int | Fraction, device: torch.device) -> Tensor:
    """`[s, size]`, 1 where a DFT frequency lies in the cell around `k / s`, shared where it lies between two."""
    if isinstance(scale, Fraction):
        copies = torch.tensor(_copies(scale), dtype=torch.float64, device=device)
        frequency = torch.fft.fftfreq(size, 1 / float(scale), dtype=torch.float64, device=device)  # cycles per LR pixel
        offset = frequency - copies[:, None]
    else:
        position = torch.arange(size, dtype=torch.float64, device=device) * scale / size
        offset = (position - torch.arange(scale, device=device)[:, None] + scale / 2) % scale - scale / 2
    shares: Tensor = (offset.abs() < 0.5).double() + 0.5 * (offset.abs() == 0.5).double()
    return shares


def _copies(scale: Fraction) -> list[int]:
    """Copies along an axis whose cells begin below the highest frequency, in the order of `CopyCompensation`."""
    last = math.ceil((scale - 1) / 2)
    return [*range(last + 1), *range(-last, 0)]
