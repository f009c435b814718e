"""How each FFT library is called on a CPU, so that a plane has the same bits alone and in a batch, on any threads.

* torch (MKL on x86): its results depend on the batch for float64 and for rows of at most 32 pixels: there one plane at
  a time, else the whole batch.
* scipy (pocketfft): the vectorised and the scalar code round alike, so batch and threads never matter.
* ducc0: they do not round alike, so every call is made on one thread, and on blocks of lines that depend on the
  shape of a plane alone. The threads share these blocks out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hyra import _native

_BLOCK = 1 << 18  # elements of a plane that one ducc0 call transforms
_SMALL = 1 << 16  # elements below which waking other threads costs more than it saves


def forward(planes: Tensor, library: str) -> Tensor:
    """The half spectra of contiguous real ``[P, H, W]``."""
    return _FORWARD[library](planes)


def adjoint(spectra: Tensor, columns: int, library: str) -> Tensor:
    """The transpose of `forward`, from contiguous complex ``[P, H, K]``."""
    return _ADJOINT[library](spectra, columns)


def weigh_columns(spectra: Tensor, columns: int) -> None:
    """In place: twice the real part of the columns that a real inverse transform counts once, so that all count twice.

    These are column 0 and, for an even width, the last. Only their real part reaches a real row.
    """
    for column in (0, -1) if columns % 2 == 0 else (0,):
        spectra[..., column] = 2 * spectra[..., column].real


def _torch_forward(planes: Tensor) -> Tensor:
    if planes.device.type != "cpu" or len(planes) <= 1 or (planes.dtype == torch.float32 and planes.shape[-1] > 32):
        spectra: Tensor = torch.fft.rfft2(planes)
        return spectra
    return torch.stack([torch.fft.rfft2(plane) for plane in planes])


def _torch_adjoint(spectra: Tensor, columns: int) -> Tensor:
    rows_done = torch.fft.ifft(spectra, dim=-2, norm="forward")
    weigh_columns(rows_done, columns)
    out: Tensor = torch.fft.irfft(rows_done, columns, dim=-1, norm="forward")
    return out.mul_(0.5)


def _scipy_forward(planes: Tensor) -> Tensor:
    import scipy.fft

    return torch.from_numpy(scipy.fft.rfft2(planes.numpy(), workers=_threads_for(planes)))


def _scipy_adjoint(spectra: Tensor, columns: int) -> Tensor:
    import scipy.fft

    workers = _threads_for(spectra)
    rows_done = torch.from_numpy(scipy.fft.ifft(spectra.numpy(), axis=-2, norm="forward", workers=workers))
    weigh_columns(rows_done, columns)
    out = scipy.fft.irfft(rows_done.numpy(), columns, axis=-1, norm="forward", workers=workers)
    return torch.from_numpy(out).mul_(0.5)


def _ducc0_forward(planes: Tensor) -> Tensor:
    import ducc0

    count, rows, columns = planes.shape
    out = planes.new_empty((count, rows, columns // 2 + 1), dtype=planes.dtype.to_complex())
    x, y = planes.numpy(), out.numpy()
    if rows * columns <= _BLOCK:
        _share(planes, [(p,) for p in range(count)], lambda p: ducc0.fft.r2c(x[p], out=y[p]))
    else:
        _share(planes, _blocks(count, rows, columns), lambda p, b: ducc0.fft.r2c(x[p, b], axes=(1,), out=y[p, b]))
        _share(planes, _blocks(count, y.shape[2], rows), lambda p, b: _ducc0_columns(y[p, :, b], forward=True))
    return out


def _ducc0_adjoint(spectra: Tensor, columns: int) -> Tensor:
    count, rows, _ = spectra.shape
    rows_done = spectra.clone()
    out = spectra.new_empty((count, rows, columns), dtype=spectra.dtype.to_real())
    x, y = rows_done.numpy(), out.numpy()
    _share(spectra, _blocks(count, x.shape[2], rows), lambda p, b: _ducc0_columns(x[p, :, b], forward=False))
    weigh_columns(rows_done, columns)
    _share(spectra, _blocks(count, rows, columns), lambda p, b: _ducc0_rows(x[p, b], y[p, b]))
    return out


def _ducc0_rows(block: np.ndarray[Any, Any], out: np.ndarray[Any, Any]) -> None:
    import ducc0

    ducc0.fft.c2r(block, axes=(1,), lastsize=out.shape[1], forward=False, out=out)
    out *= 0.5


def _ducc0_columns(block: np.ndarray[Any, Any], *, forward: bool) -> None:
    import ducc0

    ducc0.fft.c2c(block, axes=(0,), forward=forward, out=block)


def _blocks(planes: int, lines: int, length: int) -> list[tuple[int, slice]]:
    """A plane and a range of its lines, for every call; multiples of 16 lines, which are what vectors hold."""
    step = max(16, _BLOCK // length // 16 * 16)
    return [(plane, slice(first, first + step)) for plane in range(planes) for first in range(0, lines, step)]


def _share(x: Tensor, calls: Iterable[tuple[Any, ...]], f: Callable[..., object]) -> None:
    """Run ``f(*call)`` for every call, the threads taking them from one list."""
    waiting = iter(calls)

    def work() -> None:
        for call in waiting:
            f(*call)

    others = [_pool().submit(work) for _ in range(_threads_for(x) - 1)]
    work()
    for other in others:
        other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="hyra-fft")


def _threads_for(x: Tensor) -> int:
    return _native.threads() if x.numel() > _SMALL else 1


_FORWARD = {"torch": _torch_forward, "scipy": _scipy_forward, "ducc0": _ducc0_forward}
_ADJOINT = {"torch": _torch_adjoint, "scipy": _scipy_adjoint, "ducc0": _ducc0_adjoint}
