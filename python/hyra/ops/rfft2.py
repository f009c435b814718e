"""The half spectrum of real planes, by the library that is asked for."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from hyra._native.arguments import LARGEST
from hyra._native.op import op
from hyra.ops import fourier, transforms


@op(x="real [*P, H, W]", library=transforms.INSTALLED)
def rfft2(x: Tensor, library: str) -> Tensor:
    """Unscaled two-dimensional DFT of real planes, the half with the column frequencies 0, 1, ... ``W // 2``.

    An op of its own, so that a traced graph never sees which library computes it. On a CPU every plane has the same
    bits whatever else is in the batch and whatever the number of threads; `hyra.ops.transforms` says how each library
    is called to keep that promise, `hyra.spectrum.fft` chooses one. Other devices always use
    `torch.fft` (cuFFT on CUDA).

    Args:
        x: ``[..., H, W]``, float32 or float64.
        library: ``"torch"``, ``"scipy"`` or ``"ducc0"`` (must be installed).

    Returns:
        ``[..., H, W // 2 + 1]``, complex, the values of ``torch.fft.rfft2(x)``.

    Raises:
        ValueError: a plane has no pixel.

    Example:
        A 4x4 plane with a single 1 at row 1, column 0 has the spectrum ``exp(-2 pi i k1 / 4)`` in every column:

        >>> import torch
        >>> plane = torch.zeros(4, 4)
        >>> plane[1, 0] = 1
        >>> torch.view_as_real(rfft2(plane, "torch")[:, 2]).round().int().tolist()
        [[1, 0], [0, -1], [-1, 0], [0, 1]]
    """
    return fourier.rfft2(x)


@op(spectrum="complex [*P, H, columns//2+1]", columns=range(1, LARGEST), library=transforms.INSTALLED)
def rfft2_adjoint(spectrum: Tensor, columns: int, library: str) -> Tensor:
    """The transpose of `rfft2` as a real-linear map: what its gradient is.

    ``out[m, n] = Re(sum over k1, k2 of spectrum[k1, k2] exp(+2 pi i (k1 m / H + k2 n / columns)))``, each column of the
    half spectrum counted once (an inverse transform would count the inner ones twice and divide by the size). It keeps
    the promise of `rfft2`, so that gradients have the same bits on any number of threads.

    Args:
        spectrum: ``[..., H, columns // 2 + 1]``, complex.
        columns: the width of the planes.
        library: as for `rfft2`.

    Returns:
        ``[..., H, columns]``, real.

    Raises:
        ValueError: a plane has no pixel.
    """
    _check_adjoint(spectrum, columns)
    columns_done = fourier.ifft(spectrum, dim=-2)
    transforms.weigh_columns(columns_done, columns)
    return fourier.irfft(columns_done, columns).mul_(0.5)


def _check_adjoint(spectrum: Tensor, columns: int) -> None:
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")


@rfft2.register_kernel("cpu")
def _rfft2_cpu(x: Tensor, library: str) -> Tensor:
    return transforms.forward(x.contiguous()[None].flatten(0, -3), library).view(*x.shape[:-1], x.shape[-1] // 2 + 1)


@rfft2_adjoint.register_kernel("cpu")
def _rfft2_adjoint_cpu(spectrum: Tensor, columns: int, library: str) -> Tensor:
    _check_adjoint(spectrum, columns)
    planes = spectrum.resolve_conj().resolve_neg().contiguous()[None].flatten(0, -3)
    return transforms.adjoint(planes, columns, library).view(*spectrum.shape[:-1], columns)


@rfft2.register_fake
def _rfft2_fake(x: Tensor, library: str) -> Tensor:
    return x.new_empty((*x.shape[:-1], x.shape[-1] // 2 + 1), dtype=x.dtype.to_complex())


@rfft2_adjoint.register_fake
def _rfft2_adjoint_fake(spectrum: Tensor, columns: int, library: str) -> Tensor:
    return spectrum.new_empty((*spectrum.shape[:-1], columns), dtype=spectrum.dtype.to_real())


def _rfft2_setup(ctx: Any, inputs: tuple[Tensor, str], output: Tensor) -> None:
    ctx.columns, ctx.library = inputs[0].shape[-1], inputs[1]


def _rfft2_backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
    return rfft2_adjoint(grad, ctx.columns, ctx.library), None


def _rfft2_adjoint_setup(ctx: Any, inputs: tuple[Tensor, int, str], output: Tensor) -> None:
    ctx.library = inputs[2]


def _rfft2_adjoint_backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
    return rfft2(grad, ctx.library), None, None


rfft2.register_autograd(_rfft2_backward, setup_context=_rfft2_setup)
rfft2_adjoint.register_autograd(_rfft2_adjoint_backward, setup_context=_rfft2_adjoint_setup)
