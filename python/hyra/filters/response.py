"""The impulse response of a network: the linear, spatially invariant part H of what it does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from hyra import images
from hyra._util import validate
from hyra._util.warnings import warn
from hyra.filters import sinc, transfer
from hyra.filters.sinc import SincFit
from hyra.filters.transfer import TransferFunction
from hyra.ops.boundary import BOUNDARIES
from hyra.ops.polyphase_filter import polyphase_filter
from hyra.ops.rational_filter import rational_filter
from hyra.results.result import Result

FORMS = ("literal", "affine")
MODES = ("finite", "jvp")
_FARTHEST = 2**31


@dataclass(frozen=True)
class BackgroundOutput:
    """How far `N(b)`, what the network makes of the constant background alone, is from `b`, on the 0..1 scale.

    Attributes:
        mean: mean of `N(b) - b`.
        frame: largest `|N(b) - b|` in the outermost LR pixel's frame, where the network's padding rules.
        interior: largest `|N(b) - b|` in the middle half of each axis.
    """

    mean: float
    frame: float
    interior: float

    @classmethod
    def of(cls, output: Tensor, background: float, scale: int | Fraction) -> BackgroundOutput:
        """Summarise an output `[..., H, W]` for a constant background.

        Raises:
            ValueError: the output has no pixel.
        """
        if not output.numel():
            raise ValueError(f"output must have at least one pixel, got shape {tuple(output.shape)}")
        excess = output.double() - background
        frame = torch.ones(excess.shape[-2:], dtype=torch.bool, device=excess.device)
        wide = math.ceil(scale)
        frame[wide:-wide, wide:-wide] = False
        height, width = excess.shape[-2:]
        interior = excess[..., height // 4 : height - height // 4, width // 4 : width - width // 4]
        return cls(float(excess.mean()), float(excess.abs()[..., frame].max()), float(interior.abs().max()))


@dataclass(frozen=True, eq=False, repr=False)
class ImpulseResponse(Result):
    """What a network makes of an impulse, on the HR grid and per unit of amplitude.

    It is made by `HyRA.impulse_response`, or by hand from any interpolation kernel. All measures except `dc_gain` and
    `dc_gain_per_phase` look at `white`, the mean over the output's colours of the response to a white impulse.

    At a scale p/q the output moves by p pixels where the input moves by q, so that impulses in the q x q places of a
    block have q x q responses. Together they are one response with `density` p samples a LR pixel, of which an output
    takes every q-th along an axis: `H(I)[Y] = sum over j of I[j] * response[q Y - p j + origin]`, zero insertion by p,
    this response, and each q-th sample. So all measures are those of a response at scale p, unless they say otherwise.

    Attributes:
        response: `[C, kh, kw]`, one plane per colour (the paper's white impulse), or `[C_out, C_in, kh, kw]`, from each
            colour to each; divided by the amplitude.
        scale: HR pixels per LR pixel: an integer or a fraction p/q.
        origin: index `(y, x)` in `response` of the first HR pixel of the impulse's `scale x scale` cell; of a fraction
            that of the first HR pixel of the image for its first LR pixel.
        amplitude: height of the impulse above the background, on the 0..1 scale; 0 for the limit taken by `mode="jvp"`.
        background: what the impulse was added to: a level, or an image `[C, h, w]`.
        form: `"literal"`, `h = N(a d) / a`; or `"affine"`, `h = (N(b + a d) - N(b)) / a`.
        mode: `"finite"` or `"jvp"`.
        background_output: what the network makes of a constant background alone; None if it was not measured.
        discarded_energy: share of the energy that `cropped`, or the window of a `Probe`, cut off.
        provenance: versions, model, device and type that the response was computed with.
        standard_error: of `response`, of its shape, where it is the mean over several seeds of a network that draws
            random numbers; None for one.
        clipped: share of the network's output that lay at its bounds, where it keeps within 0..1 or ends in a tanh:
            what was to lie beyond, side lobes above all, is lost. 0 where nothing is cut.

    Example:
        Bilinear interpolation at x2, probed by hand:

        >>> import torch, hyra
        >>> impulse = torch.zeros(1, 1, 9, 9, dtype=torch.float64)
        >>> impulse[..., 4, 4] = 1
        >>> response = torch.nn.functional.interpolate(impulse, scale_factor=2, mode="bilinear")[0]
        >>> h = hyra.ImpulseResponse(response, scale=2, origin=(8, 8))
        >>> h.center, h.dc_gain.tolist(), h.white[8:10, 6:12].tolist()[0]
        ((8.5, 8.5), [1.0], [0.0, 0.1875, 0.5625, 0.5625, 0.1875, 0.0])
        >>> h.apply(torch.ones(1, 3, 4, dtype=torch.float64), boundary="replicate").shape
        torch.Size([1, 6, 8])
    """

    response: Tensor
    scale: int | Fraction
    origin: tuple[int, int]
    amplitude: float = 1.0
    background: float | Tensor = 0.0
    form: str = "literal"
    mode: str = "finite"
    background_output: BackgroundOutput | None = None
    discarded_energy: float = 0.0
    provenance: Mapping[str, str] = field(default_factory=dict)
    clipped: float = field(default=0.0, metadata={"since": 2})
    standard_error: Tensor | None = field(default=None, metadata={"since": 2})

    def __post_init__(self) -> None:
        validate.floating_tensor("response", self.response)
        if self.response.ndim not in (3, 4) or 0 in self.response.shape:
            shape = list(self.response.shape)
            raise ValueError(f"response must be [C, kh, kw] or [C_out, C_in, kh, kw], got shape {shape}")
        validate.shaped("response", self.response, [..., None, None, None])
        # NumPy's numbers are taken as Python's, which files can hold.
        object.__setattr__(self, "scale", validate.scale("scale", self.scale))
        validate.choice("form", self.form, FORMS)
        validate.choice("mode", self.mode, MODES)
        if len(self.origin) != 2 or not all(isinstance(o, Integral) and abs(o) < _FARTHEST for o in self.origin):
            raise ValueError(f"origin must be two integers (y, x), got {self.origin!r}")
        object.__setattr__(self, "origin", (int(self.origin[0]), int(self.origin[1])))
        for name in ("amplitude", "discarded_energy", "clipped"):
            object.__setattr__(self, name, validate.number(name, getattr(self, name)))
        if self.standard_error is not None:
            validate.shaped("standard_error", self.standard_error, self.response.shape)
        if isinstance(self.background, Tensor):
            validate.shaped("background", self.background, [None, None, None])
        else:
            object.__setattr__(self, "background", validate.number("background", self.background))
            if not math.isfinite(self.background):
                raise ValueError(f"background must be finite, got {self.background}")
        if not math.isfinite(self.amplitude) or (self.amplitude == 0 and self.mode == "finite"):
            raise ValueError(f"amplitude must be a finite number other than 0, got {self.amplitude}")

    def __repr__(self) -> str:
        shape = "x".join(str(n) for n in self.response.shape)
        background = "an image" if isinstance(self.background, Tensor) else f"{self.background:g}"
        amplitude = "the limit of small amplitudes (jvp)" if self.mode == "jvp" else f"amplitude {self.amplitude:g}"
        discarded = f", {self.discarded_energy:.2g} of the energy cropped" if self.discarded_energy else ""
        clipped = ", clipped" if self.clipped else ""
        return (
            f"ImpulseResponse({shape} at x{self.scale}, {self.form}, {amplitude} on background {background}, "
            f"main lobe {self.main_lobe:.4g}{discarded}{clipped})"
        )

    @property
    def center(self) -> tuple[float, float]:
        """Middle `(y, x)` of the impulse's cell, between pixels for an even scale: for fits, plots and phases.

        At a scale p/q it is `origin + (p - q) / 2`, where HR pixels share the LR pixels' field from edge to edge.
        """
        offset = (self.scale.numerator - self.scale.denominator) / 2
        return self.origin[0] + offset, self.origin[1] + offset

    @property
    def density(self) -> int:
        """Samples of `response` per LR pixel: the scale, and p of a scale p/q."""
        return self.scale.numerator

    @cached_property
    def white(self) -> Tensor:
        """`[kh, kw]` float64: the mean over the output's colours of the response to a white impulse."""
        planes = self.response.double()
        return (planes.sum(1) if planes.ndim == 4 else planes).mean(0)

    @property
    def channels(self) -> str:
        """`"joint"`, one plane per colour, or `"matrix"`, from each colour to each."""
        return "joint" if self.response.ndim == 3 else "matrix"

    @property
    def is_finite(self) -> bool:
        """Whether no value is NaN or infinite; networks can explode, and then nearly every measure is NaN."""
        return bool(self.response.isfinite().all())

    @property
    def relative_error(self) -> float | None:
        """Norm of `standard_error` over that of `response`: what of it is left of random numbers; None for one seed."""
        if self.standard_error is None:
            return None
        return float(self.standard_error.double().norm() / self.response.double().norm())

    # H(I)

    def apply(self, lr: Tensor, boundary: str = "reflect") -> Tensor:
        """H(I), the convolution of the zero-inserted image with the response: no interpolation, no resampling.

        In the affine form this is the part that depends on the image: `H(I) = N(b) + apply(I - b)`.

        Args:
            lr: `[C, h, w]` or `[N, C, h, w]`, in 0..1, any size; smaller than the response is fine.
            boundary: how the image goes on beyond its border: `"reflect"` (without repeating the edge pixel),
                `"zeros"`, `"replicate"` or `"circular"`.

        Returns:
            `[(N,) C_out, s*h, s*w]`, of the response's dtype and device or the image's, whichever is wider; sides
            between two integers are cut to the lower one.

        Raises:
            TypeError: `lr` is no floating-point tensor.
            ValueError: `lr` is no image, its channels are not the response's, or `boundary` is unknown.
        """
        height, width = (math.floor(self.scale * length) for length in validate.images("lr", lr).shape[-2:])
        return self.filtered(lr, boundary, (height, width))

    def filtered(self, lr: Tensor, boundary: str, size: tuple[int, int]) -> Tensor:
        """`apply` for an output of a height and a width, which networks of fractions round in their own ways."""
        validate.images("lr", lr)
        validate.choice("boundary", boundary, BOUNDARIES)
        channels = self.response.shape[-3]
        if lr.shape[-3] != channels:
            raise ValueError(f"lr must have the response's {channels} channels, got shape {list(lr.shape)}")
        dtype = torch.promote_types(torch.promote_types(lr.dtype, self.response.dtype), torch.float32)
        batch = lr.to(self.response.device, dtype)
        batch = batch if lr.ndim == 4 else batch[None]
        response, scale = self.response.to(dtype), self.scale
        filtered: Tensor
        if isinstance(scale, Fraction):
            filtered = rational_filter(batch, response, scale, self.origin, boundary, size)
        else:
            filtered = polyphase_filter(batch, response, scale, self.origin, boundary)
        return filtered if lr.ndim == 4 else filtered[0]

    # The sinc

    def fit_sinc(self) -> SincFit:
        """The windowed sinc nearest to `white`, and the cosines between `white` and the ideal sinc."""
        return sinc.fit_sinc(self.white, self.center, self.density)

    def profile(self, axis: str = "x") -> tuple[Tensor, Tensor]:
        """Section through the centre: positions in LR pixels from the centre, and values of `white`.

        For an even scale the centre lies between two rows, and the section is their mean; NaN where the response does
        not reach its centre.
        """
        validate.choice("axis", axis, ("x", "y"))
        plane = self.white if axis == "x" else self.white.mT
        across, along = self.center if axis == "x" else self.center[::-1]
        rows = [math.floor(across), math.ceil(across)]
        is_inside = rows[0] >= 0 and rows[1] < len(plane)
        section = plane[rows].mean(0) if is_inside else torch.full_like(plane[0], torch.nan)
        t = torch.arange(len(section), dtype=torch.float64, device=section.device)
        return (t - along) / self.density, section

    @property
    def main_lobe(self) -> float:
        """Largest value of `white` within one LR pixel of the centre (ideal sinc: 1, less by sampling: 0.95 at x4)."""
        p = self.density
        near = [slice(max(0, math.floor(c - p) + 1), max(0, math.ceil(c + p))) for c in self.center]
        lobe = self.white[near[0], near[1]]
        return float(lobe.max()) if lobe.numel() else math.nan

    @property
    def side_lobe(self) -> float:
        """Height of the first side lobe: the mean over the four half-axes of the lowest value 1 to 2 LR pixels out."""
        lows = []
        for axis in ("y", "x"):
            t, section = self.profile(axis)
            for side in (t, -t):
                lobe = section[(side >= 1) & (side <= 2)]
                lows.append(float(lobe.min()) if lobe.numel() else math.nan)
        return sum(lows) / len(lows)

    # Frequencies

    def transfer_function(self) -> TransferFunction:
        """Gain of every plane of `response` over frequency, with phases relative to `center`."""
        return transfer.transfer_function(self.response, self.center, self.scale)

    @property
    def dc_gain(self) -> Tensor:
        """`[C]` or `[C_out, C_in]`: gain of a constant image; 1 (or rows that sum to 1) keeps the brightness."""
        return transfer.dc_gain(self.response, self.density)

    @property
    def dc_gain_per_phase(self) -> Tensor:
        """`[C, s, s]` or `[C_out, C_in, s, s]`: the same at each sub-pixel position; unequal gains make a grid.

        At a scale p/q there are `p x p`.
        """
        return transfer.dc_gain_per_phase(self.response, self.origin, self.density)

    @property
    def cross_channel_share(self) -> float | None:
        """Share of the energy in responses from one colour to another: 0 where H filters each colour by itself.

        None unless the response is a matrix with as many colours out as in.
        """
        if self.response.ndim == 3 or self.response.shape[0] != self.response.shape[1]:
            return None
        energy = self.response.double().square().sum((-2, -1))
        total = float(energy.sum())
        return 1 - float(energy.diagonal().sum()) / total if total != 0 else 0.0

    @property
    def passband_ripple_db(self) -> float:
        """Largest over smallest gain up to 0.8 of the LR Nyquist frequency on both axes, in dB (ideal: 0)."""
        return transfer.passband_ripple_db(self.white, self.center, self.density)

    @property
    def stopband_db(self) -> float:
        """Attenuation of what lies beyond 1.2 of the LR Nyquist frequency on either axis, in dB (ideal: infinite)."""
        return transfer.stopband_db(self.white, self.center, self.density)

    @property
    def copy_energy(self) -> Tensor:
        """`[s, s]`: share of the energy at each copy of the LR spectrum; all but `[0, 0]` make the grid.

        At a scale p/q it is `[p, p]`: the copies that zero insertion by p makes, before each q-th sample is taken.
        """
        return transfer.copy_energy(self.white, self.density)

    @property
    def shift(self) -> tuple[float, float]:
        """Off-centre shift `(dy, dx)` in HR pixels, down and right positive: the group delay in the LR passband."""
        dy, dx = transfer.shift(self.white, self.center, self.density)
        return dy / self.scale.denominator, dx / self.scale.denominator

    # Extent

    @property
    def border_energy(self) -> float:
        """Share of the energy in the outermost LR pixel's frame: not negligible means that the canvas was too small."""
        return border_energy(self.white, self.density)

    def cropped(self, size: int) -> ImpulseResponse:
        """The middle `size x size` LR pixels, with the impulse's at index `size // 2`, as on a canvas of that size.

        What is cut off is reported: as a warning, and as `discarded_energy` of the result.

        Raises:
            ValueError: the response has no such part.
        """
        validate.positive_integer("size", size)
        start = [o - self.density * (size // 2) for o in self.origin]
        extent = self.density * size
        if any(a < 0 or a + extent > n for a, n in zip(start, self.response.shape[-2:], strict=True)):
            height, width = (n // self.density for n in self.response.shape[-2:])
            raise ValueError(f"size must leave a part of the {height}x{width} LR pixels around the origin, got {size}")
        part = self.response[..., start[0] : start[0] + extent, start[1] : start[1] + extent]
        cut = energy_outside(part, self.response)
        if cut > 0:
            message = f"cropping to {size}x{size} LR pixels discards {cut:.2g} of the response's energy"
            warn(message)
        discarded = 1 - (1 - self.discarded_energy) * (1 - cut)
        origin = (self.density * (size // 2), self.density * (size // 2))
        rows, columns = (slice(a, a + extent) for a in start)
        error = None if self.standard_error is None else self.standard_error[..., rows, columns].clone()
        return replace(self, response=part.clone(), origin=origin, discarded_energy=discarded, standard_error=error)

    # Files

    @classmethod
    def load(cls, file: str | Path, *, scale: int | None = None) -> Self:
        """Read a file that `save` wrote, or an 8-bit picture of a response.

        A picture has lost the negative lobes and everything above white, so its measures are off (the DC gain by 25 to
        40 %); it is accepted with a warning, needs `scale`, and its impulse is taken to be the middle LR pixel.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it holds no response, or `scale` is missing or does not divide the picture's size.
        """
        if Path(file).suffix.lower() in (".png", ".bmp", ".jpg", ".jpeg"):
            return cls(**_from_picture(Path(file), scale))
        return super().load(file)


def energy_outside(part: Tensor, whole: Tensor) -> float:
    """Share of the energy of `whole` that its `part` lacks; 0 for zeros."""
    total = float(whole.double().square().sum())
    # Not below 0: sums in another order may differ by rounding.
    return max(1 - float(part.double().square().sum()) / total, 0.0) if total != 0 else 0.0


def border_energy(plane: Tensor, scale: int) -> float:
    """Share of the energy of `[..., H, W]` in a frame of `scale` pixels; 0 for a plane of zeros."""
    return energy_outside(plane[..., scale:-scale, scale:-scale], plane)


def _from_picture(file: Path, scale: int | None) -> dict[str, Any]:
    if scale is None:
        raise ValueError(f"scale must be given for a picture of a response, as {file.name!r} does not say it")
    validate.positive_integer("scale", scale)
    response = images.read(file)
    height, width = response.shape[1:]
    if height % scale or width % scale:
        raise ValueError(f"scale must divide the picture's size, {height}x{width}, got {scale}")
    message = f"{file.name}: an 8-bit picture has lost the response's negative lobes; measure the network instead"
    warn(message)
    origin = (scale * (height // scale // 2), scale * (width // scale // 2))
    return {"response": response, "scale": scale, "origin": origin, "provenance": {"file": file.name}}
