"""Energy of the quadrant integrals of an image's spectrum, without its spectrum: the heart of the paper's FSDS."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hyra._native import kernels
from hyra._native.op import op
from hyra.ops import fourier
from hyra.ops.integral_form import SUMS, IntegralForm, integral_form
from hyra.ops.mean_std import accumulator
from hyra.ops.quadrant_energy import band_energies, quadrant_energy, quadrant_energy_backward
from hyra.ops.rfft2 import rfft2, rfft2_adjoint
from hyra.ops.standardized_difference import (
    DIFFERENCE,
    keep_for_backward,
    result_shape,
    standardized_difference,
    standardized_difference_backward,
)

MOST_WORK = 2**20
"""Of a line that a GPU's kernel transforms itself: half of its multiply-adds, see csrc/cuda/line_energy.cuh."""


@op(**{**DIFFERENCE, "preds": "pixels [P, H, W]", "target": "pixels [T, H, W]"})
def integral_energy(
    preds: Tensor, target: Tensor, preds_moments: Tensor, target_moments: Tensor, with_target: bool
) -> Tensor:
    """``quadrant_energy(rfft2(z), "integral")`` of standardised differences z, from one pass over the pixels.

    z is what `standardized_difference` returns; where H is odd, a row of zeros is appended, as in the paper's FSDS. The
    energy is a quadratic form of the pixels, along each axis a diagonal and a few rank-one terms: it takes weighted
    sums over the rows and the columns, and the transform of four rows, whatever the height. `hyra.ops.integral_form`
    has the mathematics. A GPU's kernel transforms these rows itself, by the definition in two steps, where that takes
    less than calls of cuFFT: up to 1021 columns, and wider ones with a factor near the root of their width (2040, 4096;
    not 1031 or 8192). All others, and those on a CPU, take a fast transform, so none costs the square of its width.

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


class _Planes:
    """What a kernel is called with: differences, then the targets if `with_target`."""

    def __init__(
        self, preds: Tensor, target: Tensor, preds_moments: Tensor, target_moments: Tensor, with_target: bool
    ) -> None:
        self.images, self.moments = (preds, target), (preds_moments.double(), target_moments.double())
        self.with_target, self.on_gpu = with_target, kernels.on_gpu(preds)
        self.shape = self.count, rows, columns = result_shape(preds, target, with_target)
        self.form = IntegralForm.to_fill(rows, columns, preds) if self.on_gpu else integral_form(rows, columns)
        self.with_lines = self.on_gpu and columns * _least_steps(columns) <= MOST_WORK

    def new(self, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
        """``[count, *shape]`` to be written."""
        return self.images[0].new_empty((self.count, *shape), dtype=dtype)

    def new_row_sums(self) -> Tensor:
        """Those over the columns."""
        return self.new(self.shape[1], 1 + 2 * self.form.features)

    def call(self, energy: Tensor | None, row_sums: Tensor | None, scores: Tensor | None = None) -> Tensor:
        """Run the kernel for what is wanted, see csrc/core/integral_energy.hpp; the sums over the rows come back."""
        (preds, target), (preds_moments, target_moments) = self.images, self.moments
        _, rows, columns = self.shape
        column_sums = self.new(SUMS, columns, dtype=torch.complex128)
        partials = self.new(kernels.workspace("integral_energy", preds, rows, columns, self.form.features))
        # A GPU's kernel reads dense planes alone: a copy of bytes costs it little.
        pixels = [kernels.Pixels.of((x.contiguous() if self.on_gpu else x).unsqueeze(1)) for x in self.images]
        outputs = (energy, row_sums, column_sums, partials, self.form.tables, scores)
        planes, targets = preds.shape[0], target.shape[0]
        channels = (planes // (preds_moments.shape[0] or 1) or 1, targets // (target_moments.shape[0] or 1) or 1)
        scalars = (planes, targets, *channels, rows, columns, self.form.features, self.with_target, self.with_lines)
        single = scores is not None and scores.dtype == torch.float32
        kernels.call("integral_energy", outputs, [*pixels, preds_moments, target_moments], *scalars, single)
        return column_sums


@lru_cache(maxsize=64)
def _least_steps(columns: int) -> int:
    """The work for an element of a line of ``outer * inner``, split as `line_of` in csrc/cuda/line_energy.cuh does."""
    outers = (outer for outer in range(1, int((2 * columns) ** 0.5) + 1) if columns % outer == 0)
    return min(2 * outer + columns // outer for outer in outers)


def _spectra_of_lines(column_sums: Tensor) -> Tensor:
    """Of the sums over the rows, as planes of one row ``[4 P, 1, W // 2 + 1]``, for `quadrant_energy`."""
    columns = column_sums.shape[2]
    return fourier.fft(column_sums.view(-1, 1, columns))[..., : columns // 2 + 1]


@integral_energy.register_native
def _kernel(preds: Tensor, target: Tensor, preds_moments: Tensor, target_moments: Tensor, with_target: bool) -> Tensor:
    planes = _Planes(preds, target, preds_moments, target_moments, with_target)
    energy = planes.new()
    column_sums = planes.call(energy, None if planes.on_gpu else planes.new_row_sums())
    if planes.with_lines:
        return energy
    of_sums = band_energies(_spectra_of_lines(column_sums), "integral").view(len(energy), SUMS, 2) * planes.form.weights
    return energy + of_sums.sum((1, 2))


def image_scores(
    preds: Tensor, target: Tensor, preds_moments: Tensor, target_moments: Tensor, dtype: torch.dtype
) -> Tensor:
    """``-10 log10`` of the energies' ratio for each image, in that dtype, by a GPU's kernel alone where it can.

    Of plain tensors without a gradient, as many targets as predictions: it is no op of torch.
    """
    planes = _Planes(preds, target, preds_moments, target_moments, with_target=True)
    if planes.with_lines:
        scores = preds.new_empty(len(preds_moments), dtype=dtype)
        planes.call(None, None, scores)
        return scores
    energy = _kernel(preds, target, preds_moments, target_moments, with_target=True)
    images = len(preds_moments)
    difference, reference = energy.view(2, images, len(preds) // (images or 1)).sum(2)
    return (-10 * torch.log10(difference / reference)).to(dtype)


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
    grad = grad.double()
    as_it_is = torch.arange(2, dtype=torch.float64, device=planes.device)[None]
    targets = _Planes(planes[:0], planes, as_it_is[:0], as_it_is, with_target=True)
    form, row_sums = targets.form, targets.new_row_sums()
    spectra = _spectra_of_lines(targets.call(None if targets.on_gpu else targets.new(), row_sums))
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
