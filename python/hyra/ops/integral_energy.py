"""Energy of the quadrant integrals of an image's spectrum, without its spectrum: the heart of the paper's FSDS."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hyra._native import kernels
from hyra._native.op import op
from hyra.ops import fourier
from hyra.ops.integral_form import SUMS, integral_form
from hyra.ops.mean_std import accumulator
from hyra.ops.quadrant_energy import band_energies, quadrant_energy, quadrant_energy_backward
from hyra.ops.rfft2 import rfft2, rfft2_adjoint
from hyra.ops.standardized_difference import (
    DIFFERENCE,
    keep_for_backward,
    per_plane,
    result_shape,
    standardized_difference,
    standardized_difference_backward,
)


@op(**{**DIFFERENCE, "preds": "pixels [P, H, W]", "target": "pixels [T, H, W]"})
def integral_energy(
    preds: Tensor, target: Tensor, preds_moments: Tensor, target_moments: Tensor, with_target: bool
) -> Tensor:
    """``quadrant_energy(rfft2(z), "integral")`` of standardised differences z, from one pass over the pixels.

    z is what `standardized_difference` returns; where H is odd, a row of zeros is appended, as in the paper's FSDS. The
    energy is a quadratic form of the pixels, along each axis a diagonal and a few rank-one terms: it takes weighted
    sums over the rows and the columns, and the transform of four rows, whatever the height. `hyra.ops.integral_form`
    has the mathematics.

    Everything is float64, and z is not stored. Terms of both signs are added: the relative error is 1e-14 on
    photographs, and 1e-10 on the worst pattern we know, a checkerboard. Equal planes with equal moments give exactly 0.

    Args:
        preds: ``[P, H, W]`` planes, uint8, uint16, float32 or float64, of any strides.
        target: ``[T, H, W]``, the dtype of `preds`; P is a multiple of T, and plane p is compared with ``p % T``.
        preds_moments: ``[N, 2]``, mean and standard deviation of each image of P / N planes, see `mean_std`.
        target_moments: ``[M, 2]``, of each image of T / M planes.
        with_target: also return the energies of the standardised target.

    Returns:
        ``[P]``, float64 for any input type (float32 on a device without float64); with `with_target` ``[P + T]``,
        the differences first.

    Raises:
        ValueError: a shape is not as above, planes have no pixel, or moments require a gradient.

    Example:
        Planes by themselves are targets without predictions:

        >>> planes, moments = torch.rand(2, 5, 6, dtype=torch.float64), torch.tensor([[0.0, 1.0], [0.0, 1.0]])
        >>> spectra = torch.fft.rfft2(F.pad(planes, (0, 0, 0, 1)))
        >>> energy = integral_energy(planes[:0], planes, moments[:0], moments, with_target=True)
        >>> torch.allclose(energy, quadrant_energy(spectra, "integral"))
        True
    """
    wide = accumulator(preds)
    z = standardized_difference(preds.to(wide), target.to(wide), preds_moments, target_moments, with_target)
    energy: Tensor = quadrant_energy(_spectra(z), "integral")
    return energy


def _spectra(z: Tensor) -> Tensor:
    spectra: Tensor = rfft2(F.pad(z, (0, 0, 0, z.shape[1] % 2)), "torch")
    return spectra


def _sums(
    preds: Tensor, target: Tensor, preds_moments: Tensor, target_moments: Tensor, with_target: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """What the rows give by themselves ``[P]``, their sums ``[P, H, 1 + 2 F]``, and the spectra of the sums over rows.

    The spectra ``[4 P, 1, W // 2 + 1]`` are in the form of planes of one row, for `quadrant_energy`. P includes the
    targets if `with_target`.
    """
    count, rows, columns = result_shape(preds, target, with_target)
    form = integral_form(rows, columns, preds.device)
    energy = preds.new_empty(count, dtype=torch.float64)
    row_sums = preds.new_empty((count, rows, 1 + 2 * form.features), dtype=torch.float64)
    column_sums = preds.new_empty((count, SUMS, columns), dtype=torch.complex128)
    workspace = kernels.workspace("integral_energy", preds, rows, columns, form.features)
    partials = preds.new_empty((count, workspace), dtype=torch.float64)
    outputs = (energy, row_sums, column_sums, partials)
    moments = (per_plane(preds_moments.double(), preds), per_plane(target_moments.double(), target))
    on_gpu = kernels.backend(preds) == "cuda"  # whose kernel reads dense planes alone: a copy of bytes costs it little
    pixels = [kernels.Pixels.of((x.contiguous() if on_gpu else x).unsqueeze(1)) for x in (preds, target)]
    inputs: list[kernels.Input] = [*pixels, *moments, form.tables]
    scalars = (preds.shape[0], target.shape[0], rows, columns, form.features, with_target)
    kernels.call("integral_energy", outputs, inputs, *scalars)
    lines = column_sums.view(SUMS * count, 1, columns)
    return energy, row_sums, fourier.fft(lines)[..., : columns // 2 + 1]


@integral_energy.register_native
def _kernel(preds: Tensor, target: Tensor, preds_moments: Tensor, target_moments: Tensor, with_target: bool) -> Tensor:
    energy, _, spectra = _sums(preds, target, preds_moments, target_moments, with_target)
    weights = integral_form(*preds.shape[1:], preds.device).weights
    of_sums = band_energies(spectra, "integral").view(len(energy), SUMS, 2) * weights
    return energy + of_sums.sum((1, 2))


@integral_energy.register_fake
def _fake(preds: Tensor, target: Tensor, preds_moments: Tensor, target_moments: Tensor, with_target: bool) -> Tensor:
    count, _, _ = result_shape(preds, target, with_target)
    return preds.new_empty((count,), dtype=accumulator(preds))


@op(planes="real [P, H, W]", grad="any real [P]")
def integral_energy_backward(planes: Tensor, grad: Tensor) -> Tensor:
    """Gradient of `integral_energy` with respect to z, from two passes over it.

    Args:
        planes: z, ``[P, H, W]``, float32 or float64.
        grad: ``[P]``, the gradient with respect to the energies.

    Returns:
        The shape and dtype of `planes`.

    Raises:
        ValueError: planes have no pixel.
    """
    rows, columns = planes.shape[1:]
    gradient = quadrant_energy_backward(_spectra(planes.to(accumulator(planes))), grad, "integral")
    padded: Tensor = rfft2_adjoint(gradient, columns, "torch")
    return padded[:, :rows].to(planes.dtype).contiguous()


@integral_energy_backward.register_native
def _backward_kernel(planes: Tensor, grad: Tensor) -> Tensor:
    count, rows, columns = planes.shape
    gradient = planes.new_empty(planes.shape)
    form = integral_form(rows, columns, planes.device)
    grad = grad.double()
    as_it_is = torch.arange(2, dtype=torch.float64, device=planes.device).expand(count, 2)
    _, row_sums, spectra = _sums(planes[:0], planes, as_it_is[:0], as_it_is, with_target=True)
    spectra_grad = quadrant_energy_backward(spectra, (grad[:, None] * form.weights[:, 0]).flatten(), "integral")
    column_grad = fourier.ifft(spectra_grad.view(count, SUMS, columns // 2 + 1), length=columns)
    inputs = (planes, row_sums, column_grad, grad, form.tables)
    kernels.call("integral_energy_backward", (gradient,), inputs, count, rows, columns, form.features)
    return gradient


@integral_energy_backward.register_fake
def _backward_fake(planes: Tensor, grad: Tensor) -> Tensor:
    return planes.new_empty(planes.shape)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    z = standardized_difference(*ctx.saved_tensors, ctx.with_target)
    return standardized_difference_backward(ctx, integral_energy_backward(z, grad))


integral_energy.register_autograd(_backward, setup_context=keep_for_backward)
