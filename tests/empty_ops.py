"""What every op makes of no images, planes, positions, channels, rows or columns: a table for the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import hyra

REAL, COMPLEX = "real", "complex"  # of the arguments' precision
F64, C128, I64 = torch.float64, torch.complex128, torch.int64
NO_PIXEL = "must have shape .* at least 1, got"
NO_SAMPLE = f"(image|response) {NO_PIXEL}"
NO_RING = "(height|width) must be at least 1"


@dataclass(frozen=True)
class Given:
    """Makes arguments of the dtype and on the device of a test."""

    dtype: torch.dtype
    device: torch.device

    def real(self, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        return torch.rand(shape, dtype=dtype or self.dtype, device=self.device)

    def complex(self, *shape: int) -> Tensor:
        return self.real(*shape, dtype=self.dtype.to_complex())

    def moments(self, images: int) -> Tensor:
        return torch.tensor([[0.0, 1.0]], dtype=torch.float64, device=self.device).repeat(images, 1)

    def integers(self, *shape: int) -> Tensor:
        return torch.zeros(shape, dtype=torch.int64, device=self.device)

    def state(self, *window: int) -> list[Tensor]:
        return [self.integers(*window[1:]), *torch.zeros(2, *window, dtype=torch.float64, device=self.device)]

    def pair(self, planes: int, targets: int, *size: int) -> tuple[Tensor, ...]:
        return self.real(planes, *size), self.real(targets, *size), self.moments(planes), self.moments(targets)

    def kind(self, of: torch.dtype | str) -> torch.dtype:
        return {REAL: self.dtype, COMPLEX: self.dtype.to_complex()}.get(of, of)


@dataclass(frozen=True)
class Case:
    """Arguments, and shape and dtype of each result, or what the error says."""

    op: str
    what: str
    arguments: Callable[[Given], tuple[Any, ...]]
    results: tuple[tuple[tuple[int, ...], torch.dtype | str], ...] | str

    def __str__(self) -> str:
        return f"{self.op}: {self.what}"


def _transforms(library: str) -> Iterator[Case]:
    for shape in ((0, 4, 6), (0, 3, 5, 7), (2, 0, 5, 7)):
        result = (*shape[:-1], shape[-1] // 2 + 1)
        yield Case("rfft2", f"{shape} {library}", lambda g, s=shape: (g.real(*s), library), ((result, COMPLEX),))
        arguments = lambda g, s=result, n=shape[-1]: (g.complex(*s), n, library)  # noqa: E731 - a row of the table
        yield Case("rfft2_adjoint", f"{result} {library}", arguments, ((shape, REAL),))
    for shape in ((2, 0, 6), (2, 4, 0)):
        yield Case("rfft2", f"{shape} {library}", lambda g, s=shape: (g.real(*s), library), f"x {NO_PIXEL}")
    for shape, columns, error in (((2, 0, 4), 7, f"spectrum {NO_PIXEL}"), ((2, 4, 1), 0, "columns must be at least 1")):
        arguments = lambda g, s=shape, n=columns: (g.complex(*s), n, library)  # noqa: E731 - a row of the table
        yield Case("rfft2_adjoint", f"{shape} {library}", arguments, error)


def _energies(weighting: str) -> Iterator[Case]:
    for shape in ((0, 4, 4), (2, 0, 4), (2, 4, 0)):
        what, count = f"{shape} {weighting}", shape[0]
        pixels, error = 0 not in shape[1:], f"spectrum {NO_PIXEL}"
        results = (((count,), F64),) if pixels else error
        yield Case("quadrant_energy", what, lambda g, s=shape: (g.complex(*s), weighting), results)
        arguments = lambda g, s=shape: (g.complex(*s), g.real(s[0], dtype=F64), weighting)  # noqa: E731 - a row of the table
        yield Case("quadrant_energy_backward", what, arguments, ((shape, COMPLEX),) if pixels else error)


def _pairs(*, with_target: bool) -> Iterator[Case]:
    for planes, targets, *size in ((0, 0, 5, 6), (0, 3, 5, 6), (2, 0, 5, 6), (2, 2, 0, 6), (2, 2, 5, 0)):
        count = planes + targets * with_target
        arguments = lambda g, s=(planes, targets, *size): (*g.pair(*s), with_target)  # noqa: E731 - a row of the table
        difference, energy = (((count, *size), REAL),), (((count,), F64),)
        if targets < planes:
            difference = energy = "T must divide P, got T = 0 of target"
        elif 0 in size:
            difference = energy = f"preds {NO_PIXEL}"
        what = f"{planes} of {targets}, {size}, {with_target}"
        yield Case("standardized_difference", what, arguments, difference)
        yield Case("integral_energy", what, arguments, energy)


def _sums() -> Iterator[Case]:
    for shape in ((0, 3, 4, 5), (2, 0, 4, 5), (2, 3, 0, 5), (2, 3, 4, 0)):
        results = f"preds {NO_PIXEL}" if shape[0] else (((0, 2), F64),)
        yield Case("difference_sums", str(shape), lambda g, s=shape: (g.real(*s), g.real(*s)), results)


def _windows() -> Iterator[Case]:
    settings = lambda g: (g.real(5, dtype=F64), g.real(2, dtype=F64))  # noqa: E731 - a row of the table
    for shape in ((0, 3, 8, 9), (2, 3, 4, 9), (2, 0, 8, 9), (2, 3, 0, 9), (2, 3, 8, 0)):
        pair = lambda g, s=shape: (g.real(*s), g.real(*s), *settings(g))  # noqa: E731 - a row of the table
        pixels, count = 0 not in shape[1:], shape[:2]
        error = f"preds {NO_PIXEL}"
        yield Case("ssim_sums", str(shape), pair, (((*count, 2), F64),) if pixels else error)
        arguments = lambda g, f=pair, n=count: (*f(g), g.real(*n, 2, dtype=F64))  # noqa: E731 - a row of the table
        yield Case("ssim_sums_backward", str(shape), arguments, ((shape, REAL),) if pixels else error)
    no_taps = lambda g: (*g.real(2, 1, 3, 8, 9), g.real(0, dtype=F64), g.real(2, dtype=F64))  # noqa: E731 - a row of the table
    yield Case("ssim_sums", "no taps", no_taps, f"taps {NO_PIXEL}")


def _planes() -> Iterator[Case]:
    for shape in ((0, 5, 6), (0, 4, 7), (2, 0, 6), (2, 5, 0)):
        arguments = lambda g, s=shape: (g.real(*s), g.real(s[0], dtype=F64))  # noqa: E731 - a row of the table
        results = f"planes {NO_PIXEL}" if shape[0] else ((shape, REAL),)
        yield Case("integral_energy_backward", str(shape), arguments, results)
    for shape in ((0, 3, 4, 6), (0,)):
        yield Case("mean_std", str(shape), lambda g, s=shape: (g.real(*s),), (((0, 2), F64),))
    yield Case("mean_std", "pixels", lambda g: (g.real(2, 3, 0, 6),), f"images {NO_PIXEL}")
    for shape in ((0, 3, 4), (0,), (2, 0)):
        arguments = lambda g, s=shape: (g.real(*s), g.real(*s), g.moments(s[0]))  # noqa: E731 - a row of the table
        results = f"grad {NO_PIXEL}" if 0 in shape[1:] else ((shape, REAL),)
        yield Case("standardize_backward", str(shape), arguments, results)


def _rings() -> Iterator[Case]:
    sums = ((0, 4), F64), ((0, 4), F64), ((0, 4), C128), ((4,), I64)
    for planes, height, width, results in ((0, 5, 7, sums), (2, 0, 7, NO_RING), (2, 5, 0, NO_RING), (2, 0, 0, NO_RING)):
        shape, what = (planes, height, width // 2 + 1), f"{planes} of {height}x{width}"
        spectra = lambda g, s=shape: (g.complex(*s), g.complex(*s))  # noqa: E731 - a row of the table
        size = height, width
        yield Case("radial_moments", what, lambda g, f=spectra, s=size: (*f(g), *s), results)
        gains = lambda g, p=planes: (g.real(p, 4, dtype=F64), g.real(p, 4, dtype=C128))  # noqa: E731 - a row of the table
        gradient = results if planes else ((shape, COMPLEX),)
        arguments = lambda g, f=spectra, h=gains, s=size: (*f(g), *h(g), *s)  # noqa: E731 - a row of the table
        yield Case("radial_moments_backward", what, arguments, gradient)


def _impulses() -> Iterator[Case]:
    for images, count, *size in ((0, 2, 3, 4, 5), (2, 0, 3, 4, 5), (2, 1, 0, 4, 5), (2, 1, 3, 0, 5)):
        what = f"{images} images, {count} positions, {size}"
        arguments = lambda g, n=images, m=count, s=size: (g.real(*s), g.integers(n, m, 2), g.real(n, s[0]))  # noqa: E731 - a row of the table
        results = f"background {NO_PIXEL}" if 0 in size else (((images, *size), REAL),)
        yield Case("impulse_batch", what, arguments, results)
        channels = size[0]
        window = channels, 2, 4
        arguments = lambda g, n=images, m=count, s=size, w=window: (  # noqa: E731 - a row of the table
            *(g.real(n, *s), g.integers(n, m, 2), g.real(*w), [0, 0], g.state(*w)),
        )
        results = ((2, 4), I64), (window, F64), (window, F64), ((images, count, 2), F64)
        yield Case("response_moments", what, arguments, f"outputs {NO_PIXEL}" if 0 in size else results)


def _filters(boundary: str) -> Iterator[Case]:
    for image, response in (
        *(
            ((0, 3, 4, 5), (3, 4, 4)),
            ((0, 3, 4, 5), (2, 3, 4, 4)),
            ((2, 0, 4, 5), (0, 4, 4)),
            ((2, 0, 4, 5), (3, 0, 4, 4)),
        ),
        *(((2, 3, 4, 5), (0, 3, 4, 4)), ((2, 3, 0, 5), (3, 4, 4)), ((2, 3, 4, 5), (3, 0, 4))),
    ):
        arguments = lambda g, i=image, r=response: (g.real(*i), g.real(*r), 2, (1, 1), boundary)  # noqa: E731 - a row of the table
        results = NO_SAMPLE if image[0] else (((0, response[0], 8, 10), REAL),)
        yield Case("polyphase_filter", f"{image} {response} {boundary}", arguments, results)


CASES = [
    *(case for library in hyra.fft_library_versions() for case in _transforms(library)),
    *(case for weighting in ("integral", "shift_invariant") for case in _energies(weighting)),
    *(case for flag in (True, False) for case in _pairs(with_target=flag)),
    *(*_sums(), *_windows(), *_planes(), *_rings(), *_impulses()),
    *(case for boundary in ("zeros", "reflect") for case in _filters(boundary)),
]
