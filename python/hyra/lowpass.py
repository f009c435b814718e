"""Super-resolution by a low-pass filter alone: what is left of a network when only H remains, and H is ideal."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hyra import _validate
from hyra.interop import accepts_arrays
from hyra.ops.boundary import BOUNDARIES, source_index
from hyra.sinc import WINDOWS

TAPS = 16
KAISER_BETA = 6.0


@accepts_arrays("lr")
def lowpass_upsample(
    lr: Tensor,
    scale: int,
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
    ``k(t) = 2 f sinc(2 f t) w(2 t / taps)``, t in LR pixels. Applied as one matrix per axis, so that the cost is that
    of two matrix products at any number of taps.

    Source: Deng et al. (ICML 2024), super-resolution by low-pass filtering, Fig. 8. Their released code spans the whole
    image with the kernel, leaves the output (s - 1) / 2 pixels off centre, and rescales each channel to its
    input's range; that is ``taps=None, window="rectangular", boundary="zeros", centred=False, normalize=False,
    rescale_range=True`` with ``cutoff=cutoff_from_omega(omega, size)``.

    Args:
        lr: ``[C, h, w]`` or ``[N, C, h, w]``, floating-point; a NumPy or CuPy array works too.
        scale: s, at least 1.
        cutoff: f in cycles per LR pixel, above 0; 0.5 is the LR Nyquist frequency, the ideal interpolator.
        window: w, a name of `hyra.sinc.WINDOWS`: ``"rectangular"``, ``"hann"``, ``"hamming"``, ``"blackman"``,
            ``"kaiser"`` (beta 6) or ``"lanczos"``.
        taps: width of the window in LR pixels; None for the whole image on either side.
        boundary: how the image goes on: ``"reflect"``, ``"replicate"``, ``"zeros"`` or ``"circular"``.
        centred: put the pixels of the output where they belong; without it they lie (s - 1) / 2 pixels too far up and
            left, as zero insertion has them.
        normalize: divide by the kernel's sum at each output pixel, so that a constant image stays what it is.
        rescale_range: map each output channel linearly to the smallest and largest value of its input.

    Returns:
        ``[C, s*h, s*w]`` or ``[N, C, s*h, s*w]``, the dtype of `lr`.

    Raises:
        TypeError: `lr` is not floating-point, or a number is of the wrong type.
        ValueError: an argument is not as above.

    Example:
        >>> lr = torch.ones(1, 4, 4)
        >>> sr = lowpass_upsample(lr, 2)
        >>> sr.shape, bool((sr - 1).abs().max() < 1e-6)
        (torch.Size([1, 8, 8]), True)
    """
    _validate.images("lr", lr)
    _validate.positive_integer("scale", scale)
    _validate.positive_number("cutoff", cutoff)
    _validate.choice("window", window, WINDOWS)
    _validate.choice("boundary", boundary, BOUNDARIES)
    if taps is not None:
        _validate.positive_integer("taps", taps)
    wide = lr.to(torch.promote_types(lr.dtype, torch.float32))
    offset = (scale - 1) / 2 if centred else 0.0
    matrices = []
    for size in lr.shape[-2:]:
        neighbour, kernel = _kernels(size, scale, offset, cutoff, size if taps is None else taps / 2, window)
        if normalize:
            kernel = kernel / kernel.sum(1, keepdim=True)
        matrices.append(_matrix(neighbour, kernel, size, boundary).to(wide))
    rows, columns = matrices
    out = rows @ wide @ columns.mT
    if rescale_range:
        out = _rescaled(out, wide)
    result: Tensor = out.to(lr.dtype)
    return result


def cutoff_from_omega(omega: float, size: int) -> float:
    """The cut-off in cycles per LR pixel of the paper's omega, which counts for an image of `size` LR pixels.

    The ideal interpolator has ``omega = size / 2``, that is a cut-off of 0.5.

    Example:
        >>> cutoff_from_omega(48.0, 96)
        0.5
    """
    return _validate.positive_number("omega", omega) / _validate.positive_integer("size", size)


def _kernels(  # noqa: PLR0917 - the geometry of a line
    size: int, scale: int, offset: float, cutoff: float, radius: float, window: str
) -> tuple[Tensor, Tensor]:
    """For each HR pixel of a line, the LR pixels around it and the kernel's values there, both [scale * size, taps]."""
    reach = math.ceil(radius) + 1
    position = (torch.arange(scale * size, dtype=torch.float64) - offset) / scale
    neighbour = position.floor().long()[:, None] + torch.arange(-reach, reach + 1)
    t = position[:, None] - neighbour
    beta = torch.tensor(KAISER_BETA, dtype=torch.float64)
    kernel = 2 * cutoff * torch.sinc(2 * cutoff * t) * WINDOWS[window](t / radius, beta)
    return neighbour, torch.where(t.abs() <= radius, kernel, 0)


def _matrix(neighbour: Tensor, kernel: Tensor, size: int, boundary: str) -> Tensor:
    """``[scale * size, size]``: what each LR pixel of a line gives to each HR pixel, boundary and all."""
    first = int(neighbour.min())
    source = source_index(boundary, first, int(neighbour.max()) - first + 1, size, neighbour.device)
    source = torch.where(source < 0, size, source)  # zeros go to a spare column, which is cut off
    matrix = kernel.new_zeros(len(kernel), size + 1)
    return matrix.scatter_add_(1, source[neighbour - first], kernel)[:, :size]


def _rescaled(out: Tensor, like: Tensor) -> Tensor:
    """Each channel of `out` on the range of the same channel of `like`; a constant channel gets that constant."""
    low, high = out.amin((-2, -1), keepdim=True), out.amax((-2, -1), keepdim=True)
    target_low, target_high = like.amin((-2, -1), keepdim=True), like.amax((-2, -1), keepdim=True)
    span = torch.where(high > low, high - low, 1)
    return target_low + (out - low) / span * (target_high - target_low)
