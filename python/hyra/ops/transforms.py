"""How each FFT library is called on a CPU, so that a plane has the same bits alone and in a batch, on any threads.

* torch (MKL on x86): its results depend on the batch for float64 and for rows of at most 32 pixels: there one plane at
  a time, else the whole batch. Back to real rows of 8, 16, 32 or 64 pixels that lie one after the other, they depend on
  the number of threads: rows of up to 64 pixels are laid out pixel by pixel.
* scipy (pocketfft) and ducc0: every call is made on one thread, and on a block of lines that depends on the shape of a
  plane alone (ducc0's vectorised and scalar code do not round alike). The threads of the kernels share the blocks out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy  # loads what is used of it when it is used: the first transform, and not `import hyra`, waits for it
import torch
from torch import Tensor

from hyra._native import threads
from hyra.ops import fourier

try:
    import ducc0
except ImportError:
    ducc0 = None

HAS_DUCC0 = ducc0 is not None
INSTALLED = ("torch", "scipy", "ducc0") if HAS_DUCC0 else ("torch", "scipy")

Array = npt.NDArray[Any]

_GROUP = 1 << 17  # elements of the planes that torch transforms at a time
_BLOCK = 1 << 18  # elements of a plane that one call transforms
_SMALL = 1 << 16  # elements below which waking other threads costs more than it saves


def forward(planes: Tensor, library: str) -> Tensor:
    """The half spectra of contiguous real ``[P, H, W]``."""
    if fourier.is_empty("x", planes):
        return fourier.rfft2(planes)
    return _torch_forward(planes) if library == "torch" else _blockwise_forward(planes, _LINES[library])


def adjoint(spectra: Tensor, columns: int, library: str) -> Tensor:
    """The transpose of `forward`, from contiguous complex ``[P, H, K]``."""
    if fourier.is_empty("spectrum", spectra):
        return fourier.irfft(spectra, columns)
    if library == "torch":
        return _torch_adjoint(spectra, columns)
    return _blockwise_adjoint(spectra, columns, _LINES[library])


def weigh_columns(spectra: Tensor, columns: int) -> None:
    """In place: twice the real part of the columns that a real inverse transform counts once, so that all count twice.

    These are column 0 and, for an even width, the last. Only their real part reaches a real row.
    """
    for column in (0, -1) if columns % 2 == 0 else (0,):
        spectra[..., column] = 2 * spectra[..., column].real


def _torch_forward(planes: Tensor) -> Tensor:
    if planes.device.type != "cpu" or len(planes) <= 1 or (planes.dtype == torch.float32 and planes.shape[-1] > 32):
        return fourier.rfft2(planes)
    return torch.stack([fourier.rfft2(plane) for plane in planes])


def _torch_adjoint(spectra: Tensor, columns: int) -> Tensor:
    """In groups of planes that stay in the cache, side by side: planes in sequence torch would transpose, and back."""
    count, rows, half = spectra.shape
    out = spectra.new_empty((count, rows, columns), dtype=spectra.dtype.to_real())
    step = max(_GROUP // (rows * half), 1)

    @torch.inference_mode()  # the mode is a thread's own, and `out` may have been made in it
    def transform(group: slice) -> None:
        columns_done = fourier.ifft(spectra[group].transpose(0, 1).contiguous(), dim=0)
        weigh_columns(columns_done, columns)
        if columns <= 64:
            columns_done = columns_done.movedim(-1, 0).contiguous().movedim(0, -1)
        rows_done = fourier.irfft(columns_done.flatten(0, 1), columns)
        torch.mul(rows_done.view(rows, -1, columns).transpose(0, 1), 0.5, out=out[group])

    _share(spectra, [(slice(first, first + step),) for first in range(0, count, step)], transform)
    return out


class _Scipy:
    """Transforms of the lines of a block by scipy."""

    @staticmethod
    def rows(block: Array, out: Array) -> None:
        out[:] = scipy.fft.rfft(block, axis=1)

    @staticmethod
    def columns(block: Array, *, forward: bool) -> None:
        transform = scipy.fft.fft if forward else scipy.fft.ifft
        done = transform(block, axis=0, norm="backward" if forward else "forward", overwrite_x=True)
        if not np.may_share_memory(done, block):  # it is free to overwrite or not
            block[:] = done

    @staticmethod
    def inverse_rows(block: Array, out: Array) -> None:
        out[:] = scipy.fft.irfft(block, out.shape[1], axis=1, norm="forward")


class _Ducc0:
    """Transforms of the lines of a block by ducc0."""

    @staticmethod
    def rows(block: Array, out: Array) -> None:
        ducc0.fft.r2c(block, axes=(1,), out=out)

    @staticmethod
    def columns(block: Array, *, forward: bool) -> None:
        ducc0.fft.c2c(block, axes=(0,), forward=forward, out=block)

    @staticmethod
    def inverse_rows(block: Array, out: Array) -> None:
        ducc0.fft.c2r(block, axes=(1,), lastsize=out.shape[1], forward=False, out=out)


_Lines = type[_Scipy] | type[_Ducc0]
_LINES: dict[str, _Lines] = {"scipy": _Scipy, "ducc0": _Ducc0}


def _blockwise_forward(planes: Tensor, lines: _Lines) -> Tensor:
    count, rows, columns = planes.shape
    out = planes.new_empty((count, rows, columns // 2 + 1), dtype=planes.dtype.to_complex())
    x, y = planes.numpy(), out.numpy()

    def transform_rows(plane: int, block: slice) -> None:
        lines.rows(x[plane, block], y[plane, block])

    def transform_columns(plane: int, block: slice) -> None:
        lines.columns(y[plane, :, block], forward=True)

    _share(planes, _blocks(count, rows, columns), transform_rows)
    _share(planes, _blocks(count, y.shape[2], rows), transform_columns)
    return out


def _blockwise_adjoint(spectra: Tensor, columns: int, lines: _Lines) -> Tensor:
    count, rows, _ = spectra.shape
    columns_done = spectra.clone()
    out = spectra.new_empty((count, rows, columns), dtype=spectra.dtype.to_real())
    x, y = columns_done.numpy(), out.numpy()

    def transform_columns(plane: int, block: slice) -> None:
        lines.columns(x[plane, :, block], forward=False)

    def transform_rows(plane: int, block: slice) -> None:
        lines.inverse_rows(x[plane, block], y[plane, block])
        y[plane, block] *= 0.5

    _share(spectra, _blocks(count, x.shape[2], rows), transform_columns)
    weigh_columns(columns_done, columns)
    _share(spectra, _blocks(count, rows, columns), transform_rows)
    return out


def _blocks(planes: int, lines: int, length: int) -> list[tuple[int, slice]]:
    """A plane and a range of its lines, for every call; multiples of 16 lines, which are what vectors hold."""
    step = max(16, _BLOCK // length // 16 * 16)
    return [(plane, slice(first, first + step)) for plane in range(planes) for first in range(0, lines, step)]


def _share(x: Tensor, calls: Sequence[tuple[Any, ...]], f: Callable[..., object]) -> None:
    """Run ``f(*call)`` for every call, the threads taking them from one list."""
    threads.share(lambda index: f(*calls[index]), len(calls), _threads_for(x))


def _threads_for(x: Tensor) -> int:
    return threads.count() if x.numel() > _SMALL else 1
