"""Power and cross power of two half spectra per ring: everything radial derives from these four numbers."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from hyra._native import kernels
from hyra._native.op import op

SIDES = range(1, (1 << 31) + 1)


def ring_count(height: int, width: int) -> int:
    """Number of rings of an H x W transform: that of its corner (H // 2, W // 2), and ring 0."""
    if height * width > 2**31:
        raise ValueError(f"height and width must give at most 2^31 pixels, got {height} x {width}")
    corner = 4 * ((height // 2) ** 2 * width**2 + (width // 2) ** 2 * height**2)
    return (math.isqrt(corner // max(height, width) ** 2) + 1) // 2 + 1


@op(
    a="complex [P, height, width//2+1]",
    b="complex [P, height, width//2+1]",
    height=SIDES,
    width=SIDES,
    derived={"rings": ring_count},
)
def radial_moments(a: Tensor, b: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    r"""Sums of ``|a|^2``, ``|b|^2`` and ``a * conj(b)`` over the rings of the full spectrum, per plane.

    The ring rule: bin (ky, kx), signed frequencies, lies at ``rho = min(H, W) * sqrt((ky / H)^2 + (kx / W)^2)`` and
    belongs to ring ``floor(rho + 1/2)``. Rings are isotropic in cycles per pixel, also in an image that is not square,
    and ring r has the frequency ``r / min(H, W)``. It is decided in integers, as
    ``4 (ky^2 W^2 + kx^2 H^2) >= (2 r - 1)^2 max(H, W)^2``, so no rounding moves a bin. All bins count, the corners
    beyond the Nyquist frequency too; ring 0 is the mean of the image (DC) and, where one side is more than twice the
    other, the bins next to it along the longer one.

    A half spectrum leaves out the mirror images of its inner columns: these count twice, column 0 and (for an even
    width) the Nyquist column once. So ``power.sum() == H * W * image.square().sum()``, which is Parseval's theorem.
    For ``cross`` the mirror image would be the conjugate, and the sum over the full spectrum is real; the imaginary
    part is that of the half spectrum, weighted in the same way, and says how far b's phase lags behind a's.

    Args:
        a: ``[planes, H, W // 2 + 1]``, complex64 or complex128, unscaled as `torch.fft.rfft2` returns it.
        b: The same shape and dtype; it may be `a` itself, where ``power_a`` is all there is to know.
        height: H of the images, up to ``H * W = 2^31``.
        width: W of the images, which the half spectrum leaves open by one.

    Returns:
        ``power_a`` and ``power_b``, ``[planes, rings]`` float64; ``cross``, ``[planes, rings]`` complex128; and
        ``count``, ``[rings]`` int64, the bins of the full spectrum in each ring. It sums to ``H * W`` and is never
        zero, since a step of one bin never skips a ring. Products are formed in the type of the spectra and added up in
        float64; on a device without float64 the sums have the type of the spectra. The first three are differentiable.

    Example:
        A 4 x 4 spectrum of ones: 1 bin at DC, 8 around it at distances 1 and 1.41, then the axes' Nyquist bins (2) and
        those at 2.24, and the corner at 2.83.

        >>> ones = torch.ones(1, 4, 3, dtype=torch.complex64)
        >>> power, _, _, count = radial_moments(ones, ones, 4, 4)
        >>> power.tolist(), count.tolist()
        ([[1.0, 8.0, 6.0, 1.0]], [1, 8, 6, 1])
    """
    ring = _ring_map(height, width, a.device)
    weight = _hermitian_weight(width, a.device)
    rings = ring_count(height, width)

    def per_ring(values: Tensor) -> Tensor:
        sums = values.new_zeros((len(values), rings))
        return sums.index_add_(1, ring.flatten(), (values * weight).flatten(1))

    # In real arithmetic: a lazily conjugated tensor loses its conjugation where torch.compile calls this body.
    (ar, ai), (br, bi) = (torch.view_as_real(_wide(x).resolve_conj()).unbind(-1) for x in (a, b))
    count = torch.zeros(rings, dtype=torch.int64, device=a.device)
    count.index_add_(0, ring.flatten(), weight.expand_as(ring).flatten())
    return (
        per_ring(ar.square() + ai.square()),
        per_ring(br.square() + bi.square()),
        torch.complex(per_ring(ar * br + ai * bi), per_ring(ai * br - ar * bi)),
        count,
    )


def _ring_map(height: int, width: int, device: torch.device) -> Tensor:
    """``[H, W // 2 + 1]`` int64: the ring of every bin of the half spectrum."""
    ky = torch.arange(height, device=device)
    ky = torch.minimum(ky, height - ky)[:, None]
    kx = torch.arange(width // 2 + 1, device=device)
    odd = 2 * torch.arange(1, ring_count(height, width), device=device) - 1
    return torch.searchsorted(odd.square(), _squares(ky, height, width) + _squares(kx, width, height), right=True)


def _squares(k: Tensor, side: int, other: int) -> Tensor:
    """What frequencies along a side add to ``(2 rho)^2``, rounded down.

    The edges of rings are integers, so that the sum of two, of which one is an integer, reaches an edge or not as it
    would without rounding; and no number is larger than the square of the pixels.
    """
    shorter = min(side, other)
    return (2 * shorter * k).square() // side**2


def _hermitian_weight(width: int, device: torch.device) -> Tensor:
    """``[W // 2 + 1]`` int64: how many bins of the full spectrum a column stands for."""
    kx = torch.arange(width // 2 + 1, device=device)
    return torch.where((kx == 0) | (2 * kx == width), 1, 2)


def _wide(spectrum: Tensor) -> Tensor:
    """The spectrum in double precision, where the device has it."""
    return spectrum if spectrum.device.type == "mps" else spectrum.to(torch.complex128)


@radial_moments.register_native
def _kernel(a: Tensor, b: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rings, bands, planes = ring_count(height, width), _bands(height), len(a)
    outputs = _new_outputs(a, rings)
    partials = a.new_empty((bands, planes, rings, 4), dtype=torch.float64)
    partial_counts = a.new_empty((bands, rings), dtype=torch.int64)
    extents = (planes, height, width, rings, bands)
    kernels.call("radial_moments", (*outputs, partials, partial_counts), (a, b), *extents)
    return outputs


def _bands(height: int) -> int:
    """Bands of about 32 pairs of rows, whatever the device."""
    return 1 + height // 64


@radial_moments.register_fake
def _fake(a: Tensor, b: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return _new_outputs(a, ring_count(int(height), int(width)))


def _new_outputs(a: Tensor, rings: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    real = a.dtype.to_real() if a.device.type == "mps" else torch.float64
    power_a, power_b = (a.new_empty((len(a), rings), dtype=real) for _ in "ab")
    cross = a.new_empty((len(a), rings), dtype=real.to_complex())
    return power_a, power_b, cross, a.new_empty((rings,), dtype=torch.int64)


@op(
    a="complex [P, height, width//2+1]",
    b="complex [P, height, width//2+1]",
    gain_a="any real [P, rings]",
    gain_b="any complex [P, rings]",
    height=SIDES,
    width=SIDES,
    derived={"rings": ring_count},
)
def radial_moments_backward(a: Tensor, b: Tensor, gain_a: Tensor, gain_b: Tensor, height: int, width: int) -> Tensor:
    """The gradient of `radial_moments` with respect to one of its spectra, by torch's convention for complex numbers.

    Both have the form ``weight * (gain_a[ring] * a + gain_b[ring] * b)``, with the weights 1 and 2 of the columns: for
    a, the gains are twice the gradient of ``power_a``, and that of ``cross``; for b, with a in the second place, twice
    that of ``power_b``, and the conjugate of that of ``cross``.

    Args:
        a: ``[planes, H, W // 2 + 1]``, complex64 or complex128.
        b: likewise.
        gain_a: ``[planes, rings]``, real.
        gain_b: ``[planes, rings]``, complex.
        height: H of the images.
        width: W of the images.

    Returns:
        The shape and dtype of `a`.
    """
    ring = _ring_map(height, width, a.device)
    weight = _hermitian_weight(width, a.device)
    return (weight * (gain_a[:, ring] * _wide(a) + gain_b[:, ring] * _wide(b))).to(a.dtype)


@radial_moments_backward.register_native
def _backward_kernel(a: Tensor, b: Tensor, gain_a: Tensor, gain_b: Tensor, height: int, width: int) -> Tensor:
    gradient = a.new_empty(a.shape)
    inputs = (a, b, gain_a.double(), gain_b.to(torch.complex128))
    kernels.call("radial_moments_backward", (gradient,), inputs, len(a), height, width, ring_count(height, width))
    return gradient


@radial_moments_backward.register_fake
def _backward_fake(a: Tensor, b: Tensor, gain_a: Tensor, gain_b: Tensor, height: int, width: int) -> Tensor:
    return a.new_empty(a.shape)


def _setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int, int], output: tuple[Tensor, ...]) -> None:
    a, b, ctx.height, ctx.width = inputs
    ctx.save_for_backward(a, b)
    ctx.mark_non_differentiable(output[3])


def _backward(
    ctx: Any, power_a: Tensor, power_b: Tensor, cross: Tensor, count: None
) -> tuple[Tensor | None, Tensor | None, None, None]:
    a, b = ctx.saved_tensors
    size = ctx.height, ctx.width
    grad_a = grad_b = None
    if ctx.needs_input_grad[0]:
        grad_a = radial_moments_backward(a, b, 2 * power_a, cross, *size)
    if ctx.needs_input_grad[1]:
        grad_b = radial_moments_backward(b, a, 2 * power_b, cross.conj_physical(), *size)
    return grad_a, grad_b, None, None


radial_moments.register_autograd(_backward, setup_context=_setup_context)
