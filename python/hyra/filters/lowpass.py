"""Super-resolution by a low-pass filter alone: what is left of a network when only H remains, and H is ideal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.arrays import accepts_arrays
from hyra._util.autocast import outside_autocast
from hyra.filters.windows import WINDOWS, windowed_sinc
from hyra.ops.boundary import BOUNDARIES, source_index
from hyra.ops.polyphase_filter import polyphase_filter
from hyra.ops.rational_filter import rational_filter

TAPS = 16
_MOST_TAPS = 1 << 16
RELEASED: Mapping[str, Any] = {
    "window": "rectangular",
    "taps": None,
    "boundary": "reflect",
    "centred": False,
    "normalize": False,
    "rescale_range": True,
}
"""The options of `lowpass_upsample` that together do what the paper's released code does."""

KAISER_BETA = 6.0


@accepts_arrays("lr")
@outside_autocast
def lowpass_upsample(
    lr: Tensor,
    scale: float | Fraction | str,
    *,
    cutoff: float = 0.5,
    window: str = "hann",
    taps: int | None = TAPS,
    boundary: str = "reflect",
    centred: bool = True,
    normalize: bool = True,
    rescale_range: bool = False,
) -> Tensor:
    r"""Upsample by zero insertion and a separable windowed sinc.

    Along each axis ``out[X] = sum over j of lr[j] k((X - (s - 1) / 2) / s - j)`` with
    ``k(t) = 2 f sinc(2 f t) w(2 t / taps)``, t in LR pixels. Few taps are applied one by one
    (`hyra.ops.polyphase_filter`), many as one matrix per axis, whichever needs fewer multiply-adds.

    Source: Deng et al. (ICML 2024), super-resolution by low-pass filtering, Fig. 8. Their released code makes
    the kernel as wide as the image, leaves the output (s - 1) / 2 pixels off centre, and rescales each channel to its
    input's range: ``lowpass_upsample(lr, s, cutoff=cutoff_from_omega(omega, size), **RELEASED)`` for a square image.

    Args:
        lr: ``[C, h, w]`` or ``[N, C, h, w]``, floating-point; a NumPy or CuPy array works too.
        scale: s, at least 1: an integer, or a fraction p/q (`Fraction(3, 2)`, ``"3/2"``, 1.5).
        cutoff: f in cycles per LR pixel, above 0; 0.5 is the LR Nyquist frequency, the ideal interpolator.
        window: w, a name of `hyra.filters.windows.WINDOWS`: ``"rectangular"``, ``"hann"``, ``"hamming"``,
            ``"blackman"``, ``"kaiser"`` (beta 6) or ``"lanczos"``.
        taps: width of the window in LR pixels; None for that of the image along each axis, to the even number below.
        boundary: how the image goes on: ``"reflect"``, ``"replicate"``, ``"zeros"`` or ``"circular"``.
        centred: put the pixels of the output where they belong; without it they lie (s - 1) / 2 pixels too far up and
            left, as zero insertion has them.
        normalize: divide by the kernel's sum at each output pixel, so that a constant image stays what it is.
        rescale_range: map each output channel linearly to the smallest and largest value of its input.

    Returns:
        ``[C, s*h, s*w]`` or ``[N, C, s*h, s*w]``, the dtype of `lr`; sides between two integers are cut to the lower
        one.

    Raises:
        TypeError: `lr` is not floating-point, or a number is of the wrong type.
        ValueError: an argument is not as above, or cut-off, window and taps together make no finite kernel.

    Example:
        >>> lr = torch.ones(1, 4, 4)
        >>> sr = lowpass_upsample(lr, 2)
        >>> sr.shape, bool((sr - 1).abs().max() < 1e-6)
        (torch.Size([1, 8, 8]), True)
    """
    validate.images("lr", lr)
    s = validate.scale("scale", scale)
    p, q = (s.numerator, s.denominator) if isinstance(s, Fraction) else (s, 1)
    validate.positive_number("cutoff", cutoff)
    validate.choice("window", window, WINDOWS)
    validate.choice("boundary", boundary, BOUNDARIES)
    if taps is not None and validate.positive_integer("taps", taps) > _MOST_TAPS:
        raise ValueError(f"taps must be at most {_MOST_TAPS}, got {taps}")
    wide = lr.to(torch.promote_types(lr.dtype, torch.float32))
    kernel = _Kernel(p, cutoff, window, (p - q) / 2 if centred else 0.0, normalize, wide.dtype)
    h, w = lr.shape[-2:]
    size = p * h // q, p * w // q
    # Multiply-adds per output pixel: taps**2 for the kernel applied tap by tap, h / s + w for a matrix per axis.
    if taps is not None and taps**2 < q * h / p + w:
        line = kernel.samples(taps)
        response = (line[:, None] * line).to(wide).expand(lr.shape[-3], -1, -1)
        origin = (p * -(-taps // 2),) * 2
        batch = wide.reshape(-1, *lr.shape[-3:])
        if isinstance(s, Fraction):
            out = rational_filter(batch, response, s, origin, boundary, size)
        else:
            out = polyphase_filter(batch, response, s, origin, boundary)
        out = out.reshape(*lr.shape[:-2], *size)
    else:
        rows, columns = (
            kernel.matrix(n, max(n // 2, 1) * 2 if taps is None else taps, boundary, wide.device)[::q][:length].to(wide)
            for n, length in zip((h, w), size, strict=True)
        )
        out = rows @ wide @ columns.mT
    if rescale_range:
        out = _rescaled(out, wide)
    result: Tensor = out.to(lr.dtype)
    return result


def cutoff_from_omega(omega: float, size: int) -> float:
    """The cut-off in cycles per LR pixel of the paper's omega, which counts for an image of `size` LR pixels.

    The ideal interpolator has ``omega = size / 2``, that is a cut-off of 0.5. An odd size counts as the even one below,
    since the paper's kernel is that wide.

    Example:
        >>> cutoff_from_omega(48.0, 96)
        0.5
    """
    return validate.positive_number("omega", omega) / (validate.integer("size", size, 2) // 2 * 2)


@dataclass(frozen=True)
class _Kernel:
    """One axis of the filter: a windowed sinc with `scale` samples a LR pixel, `offset` of them off the origin."""

    scale: int
    cutoff: float
    window: str
    offset: float
    normalize: bool
    dtype: torch.dtype

    def samples(self, width: int) -> Tensor:
        """The response of a line to an impulse, float64, with its origin at ``scale * ceil(width / 2)``.

        Raises:
            ValueError: it cannot be filtered with in `dtype`: a value is too large, or the kernel's sum is 0.
        """
        line: Tensor = _samples(
            self.scale, self.cutoff, self.window, self.offset, self.normalize, width, torch.finfo(self.dtype).max
        )
        return line

    def matrix(self, size: int, width: int, boundary: str, device: torch.device) -> Tensor:
        """``[scale * size, size]``: what each LR pixel of a line gives to each sample, boundary and all."""
        phases = self.samples(width).to(device).view(-1, self.scale).flip(0)
        taps = len(phases)
        source = source_index(boundary, -(taps // 2), size + taps - 1, size, device)
        source = torch.where(source < 0, size, source).unfold(
            0, taps, 1
        )  # zeros go to a spare column, which is cut off
        matrix = phases.new_zeros(size, self.scale, size + 1)
        shape = (size, self.scale, taps)
        matrix.scatter_add_(2, source[:, None].expand(shape), phases.mT.expand(shape))
        return matrix.flatten(0, 1)[:, :size]


@torch.library.custom_op("hyra::lowpass_samples", mutates_args=())  # torch.compile looks into it no further
def _samples(
    scale: int, cutoff: float, window: str, offset: float, normalize: bool, width: int, largest: float
) -> Tensor:
    radius, reach = width / 2, -(-width // 2)
    place = torch.arange(scale * (2 * reach + 1), dtype=torch.float64, device="cpu")
    t = (place - offset) / scale - reach
    with np.errstate(all="ignore"):  # what is not finite is told below
        phases = windowed_sinc(t, window, cutoff, radius, KAISER_BETA).view(-1, scale)
    line = (phases / phases.sum(0) if normalize else phases).flatten()
    if not float(line.abs().max()) ** 2 <= largest:  # it is applied along two axes
        raise ValueError(
            "cutoff, window and taps must make a finite kernel whose sum is nowhere 0, "
            f"got {cutoff:g}, {window!r} and {width:g}"
        )
    return line


@_samples.register_fake
def _(scale: int, cutoff: float, window: str, offset: float, normalize: bool, width: int, largest: float) -> Tensor:
    return torch.empty(scale * (2 * (-(-width // 2)) + 1), dtype=torch.float64, device="cpu")


def _rescaled(out: Tensor, like: Tensor) -> Tensor:
    """Each channel of `out` on the range of the same channel of `like`; a constant channel gets that constant."""
    low, high = out.amin((-2, -1), keepdim=True), out.amax((-2, -1), keepdim=True)
    target_low, target_high = like.amin((-2, -1), keepdim=True), like.amax((-2, -1), keepdim=True)
    span = torch.where(high > low, high - low, 1)
    return target_low + (out - low) / span * (target_high - target_low)
