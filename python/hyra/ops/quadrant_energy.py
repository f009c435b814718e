"""Energy of the quadrant integrals of a half spectrum: the heart of FSDS."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyra._native import kernels
from hyra._native.op import op

WEIGHTINGS = ("integral", "shift_invariant")


@op(spectrum="complex [P, R, K]", weighting=WEIGHTINGS)
def quadrant_energy(spectrum: Tensor, weighting: str) -> Tensor:
    r"""Sum over both quadrants of the squared magnitude of the integrated spectrum, per plane.

    A half spectrum `X` (rows: all frequencies in FFT order; columns: 0, 1, ... Nyquist) has two quadrants. Quadrant 0
    holds the rows of the frequencies 0, 1, ..., ``ceil(rows / 2) - 1``; quadrant 1 those of -1, -2, ...,
    ``-floor(rows / 2)``, so an even height has the Nyquist row in quadrant 1 and the zero row in quadrant 0 alone. Both
    hold all columns. With (i, j) counted from the quadrant's origin and R x K its size:

    * ``"integral"`` (the paper's FSDS): ``D(i, j) = sum of X(m, n) over m <= i, n <= j``; the result is the sum of
      ``|D|^2``. The sums are complex, so phase counts.
    * ``"shift_invariant"`` (ours): the mean of that energy over all circular shifts of the image, which is exactly
      ``sum of (R - i)(K - j) |X|^2`` and needs no scan.

    Args:
        spectrum: ``[planes, rows, columns]``, complex64 or complex128, unscaled as `torch.fft.rfft2` returns it.
        weighting: ``"integral"`` or ``"shift_invariant"``.

    Returns:
        ``[planes]``, float64 for either input type (float32 on a device without float64).

    Example:
        Quadrant 0 of a 4 x 3 spectrum of ones is 2 x 3 and so is quadrant 1; the integral is (i + 1)(j + 1), and
        2 * (1 + 4) * (1 + 4 + 9) = 140. Shift-invariant: 2 * (2 + 1) * (3 + 2 + 1) = 36.

        >>> ones = torch.ones(1, 4, 3, dtype=torch.complex64)
        >>> quadrant_energy(ones, "integral").item(), quadrant_energy(ones, "shift_invariant").item()
        (140.0, 36.0)
    """
    wide = _wide(spectrum)
    energy = torch.zeros(spectrum.shape[0], dtype=wide.real.dtype, device=spectrum.device)
    for quadrant in _quadrants(wide):
        if weighting == "integral":
            magnitude = quadrant.cumsum(-2).cumsum(-1).abs().square()
        else:
            magnitude = quadrant.abs().square() * _shift_invariant_weights(quadrant)
        energy += magnitude.sum((-2, -1))
    return energy


def _wide(spectrum: Tensor) -> Tensor:
    """The spectrum in double precision, where the device has it."""
    return spectrum if spectrum.device.type == "mps" else spectrum.to(torch.complex128)


def _quadrants(spectrum: Tensor) -> tuple[Tensor, Tensor]:
    """Both quadrants, each with its origin at [0, 0]."""
    middle = (spectrum.shape[-2] + 1) // 2
    return spectrum[..., :middle, :], spectrum[..., middle:, :].flip(-2)


def _shift_invariant_weights(quadrant: Tensor) -> Tensor:
    rows, columns = (
        torch.arange(size, 0, -1, device=quadrant.device, dtype=quadrant.real.dtype) for size in quadrant.shape[-2:]
    )
    return rows[:, None] * columns


@quadrant_energy.register_native
def _kernel(spectrum: Tensor, weighting: str) -> Tensor:
    return band_energies(spectrum, weighting).sum(1)


def band_energies(spectrum: Tensor, weighting: str) -> Tensor:
    """What `quadrant_energy` adds up, by the kernel alone: ``[planes, 2 * bands]``."""
    planes, rows, columns = spectrum.shape
    bands = _bands(rows) if kernels.backend(spectrum) == "cuda" else 1
    partials = spectrum.new_empty((planes, 2, bands), dtype=torch.float64)
    sums = _column_sums(spectrum, weighting, bands)
    kernels.call("quadrant_energy", (partials, sums), (spectrum,), planes, rows, columns, bands, weighting)
    return partials.flatten(1)


def _column_sums(spectrum: Tensor, weighting: str, bands: int) -> Tensor | None:
    """The workspace that carries the sums of each band to the next, where there are several."""
    if weighting != "integral" or bands == 1:
        return None
    planes, _, columns = spectrum.shape
    return spectrum.new_empty((planes, 2, bands, columns), dtype=torch.complex128)


def _bands(rows: int) -> int:
    """Bands of about 32 rows in a quadrant: 132 multiprocessors have work from one DIV2K image."""
    return max(1, rows // 64)


@quadrant_energy.register_fake
def _fake(spectrum: Tensor, weighting: str) -> Tensor:
    dtype = torch.float32 if spectrum.device.type == "mps" else torch.float64
    return spectrum.new_empty((spectrum.shape[0],), dtype=dtype)


@op(spectrum="complex [P, R, K]", grad="any real [P]", weighting=WEIGHTINGS)
def quadrant_energy_backward(spectrum: Tensor, grad: Tensor, weighting: str) -> Tensor:
    """Gradient of `quadrant_energy` with respect to the spectrum, by torch's convention for complex numbers.

    With S the integral from the origin outward, the energy is ``sum |S x|^2`` and its gradient ``2 S^T S x``: the
    integral, then the integral from the far corner back to the origin. ``"shift_invariant"`` multiplies x by twice its
    weights. The integral is stored nowhere but in the result.

    Args:
        spectrum: ``[planes, rows, columns]``, complex64 or complex128.
        grad: ``[planes]``, the gradient with respect to the energies.
        weighting: ``"integral"`` or ``"shift_invariant"``.

    Returns:
        The shape and dtype of `spectrum`.
    """
    parts = []
    for quadrant in _quadrants(_wide(spectrum)):
        if weighting == "integral":
            integral = quadrant.cumsum(-2).cumsum(-1)
            parts.append(integral.flip(-2, -1).cumsum(-2).cumsum(-1).flip(-2, -1))
        else:
            parts.append(quadrant * _shift_invariant_weights(quadrant))
    gradient = 2 * grad[:, None, None] * torch.cat([parts[0], parts[1].flip(-2)], dim=-2)
    return gradient.to(spectrum.dtype)


@quadrant_energy_backward.register_native
def _backward_kernel(spectrum: Tensor, grad: Tensor, weighting: str) -> Tensor:
    planes, rows, columns = spectrum.shape
    bands = _bands(rows) if kernels.backend(spectrum) == "cuda" else 1
    gradient = spectrum.new_empty(spectrum.shape)
    sums = _column_sums(spectrum, weighting, bands)
    extents = (planes, rows, columns, bands)
    kernels.call("quadrant_energy_backward", (gradient, sums), (spectrum, grad.double()), *extents, weighting)
    return gradient


@quadrant_energy_backward.register_fake
def _backward_fake(spectrum: Tensor, grad: Tensor, weighting: str) -> Tensor:
    return spectrum.new_empty(spectrum.shape)


def _setup_context(ctx: Any, inputs: tuple[Tensor, str], output: Tensor) -> None:
    spectrum, ctx.weighting = inputs
    ctx.save_for_backward(spectrum)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
    (spectrum,) = ctx.saved_tensors
    return quadrant_energy_backward(spectrum, grad, ctx.weighting), None


quadrant_energy.register_autograd(_backward, setup_context=_setup_context)
