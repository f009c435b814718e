"""The transforms of `torch.fft`, of no planes too.

Whether a library transforms an empty batch depends on its version (MKL raises with some of torch's), so none is asked:
an empty result is made here. Every call of `torch.fft` in hyra is in this file (but for a module that is handed on, in
`hyra.ops.polyphase_fft`), as every call of another library is in `hyra.ops.transforms`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Concatenate, ParamSpec

import torch
from torch import Tensor

from hyra._util import validate

P = ParamSpec("P")


def _with_reason(transform: Callable[Concatenate[Tensor, P], Tensor]) -> Callable[Concatenate[Tensor, P], Tensor]:
    """`transform`, which says why where it fails in the capture of a CUDA graph."""

    @wraps(transform)
    def call(x: Tensor, /, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        try:
            return transform(x, *args, **kwargs)
        except RuntimeError as error:
            if not _is_captured(x):
                raise
            raise RuntimeError(
                "the first Fourier transform of a shape cannot be captured in a CUDA graph, since cuFFT makes its plan "
                f"then: make the call once before the capture, with images of the same shape (here of {list(x.shape)})"
            ) from error

    return call


def _is_captured(x: Tensor) -> bool:
    return x.is_cuda and torch.cuda.is_current_stream_capturing()


@_with_reason
def rfft2(x: Tensor) -> Tensor:
    """Half spectra ``[..., H, W // 2 + 1]`` of real planes ``[..., H, W]``, unscaled."""
    if is_empty("x", x):
        return _nothing(x, (*x.shape[:-1], x.shape[-1] // 2 + 1))
    spectra: Tensor = torch.fft.rfft2(x)
    return spectra


@_with_reason
def irfft2(spectra: Tensor, size: tuple[int, int]) -> Tensor:
    """Real planes ``[..., H, W]`` of half spectra, over their number of pixels."""
    if is_empty("spectra", spectra):
        return _nothing(spectra, (*spectra.shape[:-2], *size), real=True)
    planes: Tensor = torch.fft.irfft2(spectra, s=size)
    return planes


@_with_reason
def fft2(x: Tensor) -> Tensor:
    """Full spectra of planes ``[..., H, W]``, unscaled."""
    if is_empty("x", x):
        return _nothing(x, x.shape)
    spectra: Tensor = torch.fft.fft2(x)
    return spectra


@_with_reason
def fft(x: Tensor, dim: int = -1) -> Tensor:
    """Spectra of the lines of ``[..., H, W]`` along one of its dimensions, unscaled."""
    if is_empty("x", x):
        return _nothing(x, x.shape)
    spectra: Tensor = torch.fft.fft(x, dim=dim)
    return spectra


@_with_reason
def ifft(spectra: Tensor, dim: int = -1, length: int | None = None) -> Tensor:
    """Lines of `length`, unscaled, of the spectra along one dimension, continued with zeros where they are shorter."""
    if is_empty("spectra", spectra):
        axis = dim % spectra.ndim
        before, after = spectra.shape[:axis], spectra.shape[axis + 1 :]
        return _nothing(spectra, (*before, length or spectra.shape[axis], *after))
    lines: Tensor = torch.fft.ifft(spectra, length, dim=dim, norm="forward")
    return lines


@_with_reason
def irfft(spectra: Tensor, length: int) -> Tensor:
    """Real rows of `length`, unscaled, of half spectra ``[..., H, W // 2 + 1]``."""
    if is_empty("spectra", spectra):
        return _nothing(spectra, (*spectra.shape[:-1], length), real=True)
    rows: Tensor = torch.fft.irfft(spectra, length, dim=-1, norm="forward")
    return rows


def is_empty(name: str, x: Tensor) -> bool:
    """Whether there are no planes ``[..., H, W]`` to transform; decided by the shape alone.

    Raises:
        ValueError: a plane has no pixel, which has no transform.
    """
    if x.numel():
        return False
    validate.planes(name, x)
    return True


def _nothing(x: Tensor, shape: Sequence[int], *, real: bool = False) -> Tensor:
    """An empty result, complex unless `real`, that depends on `x`, so that a gradient finds its way back."""
    total = x.sum()
    if real:
        total = total.real
    elif not x.is_complex():
        total = torch.complex(total, torch.zeros_like(total))
    return x.new_zeros(shape, dtype=total.dtype) + total
