"""Energy of the quadrant integrals of an image's spectrum, without its spectrum: the heart of the paper's FSDS."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hyra import _native
from hyra.ops.integral_form import SUMS, integral_form
from hyra.ops.quadrant_energy import band_energies, quadrant_energy, quadrant_energy_backward

_BAND_ROWS = 128  # as in csrc/core/integral_energy.hpp


@torch.library.custom_op("hyra::integral_energy", mutates_args=())
def integral_energy(planes: Tensor) -> Tensor:
    """``quadrant_energy(rfft2(planes), "integral")``, from one pass over the pixels.

    A row of zeros is appended where H is odd, as in the paper's FSDS. The energy is a quadratic form of the pixels,
    along each axis a diagonal and a few rank-one terms: it takes weighted sums over the rows and the columns, and the
    transform of four rows, whatever the height. `hyra.ops.integral_form` has the mathematics.

    Sums are float64. Terms of both signs are added: the relative error is 1e-14 on photographs, and 1e-10 on the worst
    pattern we know, a checkerboard.

    Args:
        planes: ``[P, H, W]``, float32 or float64.

    Returns:
        ``[P]``, float64 for either input type (float32 on a device without float64).

    Example:
        >>> planes = torch.rand(2, 5, 6, dtype=torch.float64)
        >>> spectra = torch.fft.rfft2(F.pad(planes, (0, 0, 0, 1)))
        >>> torch.allclose(integral_energy(planes), quadrant_energy(spectra, "integral"))
        True
    """
    energy: Tensor = quadrant_energy(_spectra(planes), "integral")
    return energy


def _spectra(planes: Tensor) -> Tensor:
    spectra: Tensor = torch.fft.rfft2(F.pad(planes, (0, 0, 0, planes.shape[1] % 2)))
    return spectra


def _sums(planes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the rows give by themselves ``[P]``, their sums ``[P, H, 1 + 2 F]``, and the spectra of the sums over rows.

    The spectra ``[4 P, 1, W // 2 + 1]`` are in the form of planes of one row, for `quadrant_energy`.
    """
    count, rows, columns = planes.shape
    form = integral_form(rows, columns, planes.device)
    bands = -(-rows // _BAND_ROWS)
    energy = planes.new_empty(count, dtype=torch.float64)
    row_sums = planes.new_empty((count, rows, 1 + 2 * form.features), dtype=torch.float64)
    column_sums = planes.new_empty((count, SUMS, columns), dtype=torch.complex128)
    partials = planes.new_empty((count, bands, 1 + 5 * columns), dtype=torch.float64)
    outputs = (energy, row_sums, column_sums, partials)
    _native.call("integral_energy", outputs, (planes, form.tables), count, rows, columns, form.features, bands)
    return energy, row_sums, torch.fft.fft(column_sums.view(-1, 1, columns))[..., : columns // 2 + 1]


@_native.register(integral_energy)
def _kernel(planes: Tensor) -> Tensor:
    energy, _, spectra = _sums(planes)
    weights = integral_form(*planes.shape[1:], planes.device).weights
    of_sums = band_energies(spectra, "integral").view(len(planes), SUMS, 2) * weights
    return energy + of_sums.sum((1, 2))


@integral_energy.register_fake
def _fake(planes: Tensor) -> Tensor:
    dtype = torch.float32 if planes.device.type == "mps" else torch.float64
    return planes.new_empty((planes.shape[0],), dtype=dtype)


@torch.library.custom_op("hyra::integral_energy_backward", mutates_args=())
def integral_energy_backward(planes: Tensor, grad: Tensor) -> Tensor:
    """Gradient of `integral_energy` with respect to the pixels, from two passes over them.

    Args:
        planes: ``[P, H, W]``, float32 or float64.
        grad: ``[P]``, the gradient with respect to the energies.

    Returns:
        The shape and dtype of `planes`.
    """
    rows, columns = planes.shape[1:]
    gradient = quadrant_energy_backward(_spectra(planes), grad, "integral")
    full: Tensor = torch.fft.ifft2(F.pad(gradient, (0, columns - gradient.shape[2])), norm="forward")
    return full.real[:, :rows].to(planes.dtype)


@_native.register(integral_energy_backward)
def _backward_kernel(planes: Tensor, grad: Tensor) -> Tensor:
    count, rows, columns = planes.shape
    form = integral_form(rows, columns, planes.device)
    grad = grad.double().expand(count)
    _, row_sums, spectra = _sums(planes)
    spectra_grad = quadrant_energy_backward(spectra, (grad[:, None] * form.weights[:, 0]).flatten(), "integral")
    column_grad = torch.fft.ifft(spectra_grad.view(count, SUMS, columns // 2 + 1), n=columns, norm="forward")
    gradient = planes.new_empty(planes.shape)
    inputs = (planes, row_sums, column_grad, grad, form.tables)
    _native.call("integral_energy_backward", (gradient,), inputs, count, rows, columns, form.features)
    return gradient


@integral_energy_backward.register_fake
def _backward_fake(planes: Tensor, grad: Tensor) -> Tensor:
    return planes.new_empty(planes.shape)


def _setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx: Any, grad: Tensor) -> Tensor:
    gradient: Tensor = integral_energy_backward(*ctx.saved_tensors, grad)
    return gradient


integral_energy.register_autograd(_backward, setup_context=_setup_context)
