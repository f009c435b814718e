"""What every call of a CUDA kernel on the CPU has to stand, whichever test makes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from unittest import mock

import torch
from torch import Tensor

from hyra._native import kernels

SCHEDULES = ("forward", "reverse", "random:1", "random:2", "random:3")
LARGE = 1_000_000


@contextmanager
def checked_calls(module: ModuleType, schedules: Sequence[str] = SCHEDULES) -> Iterator[None]:
    """While in force, kernels of `module` start from outputs full of NaN and give the same bits in every schedule.

    Calls that differ from an earlier one only in their values (a gradcheck makes hundreds) run in the first schedule,
    and those of a million elements in two: the same kernels run in all of them at sizes of several blocks, too.
    Under AddressSanitizer the host side of a launcher may not touch any tensor of the call, as on a GPU.
    """
    call = kernels.call
    seen = set()

    def checked(
        op: str, outputs: Sequence[Tensor | None], inputs: Sequence[kernels.Input], *scalars: float | str
    ) -> None:
        inputs = [x.resolve_conj().resolve_neg().contiguous() if isinstance(x, Tensor) else x for x in inputs]
        written = [x for x in outputs if x is not None]
        tensors = [x.images if isinstance(x, kernels.Pixels) else x for x in (*outputs, *inputs)]
        signature = (op, *(None if x is None else (x.dtype, x.shape, x.stride()) for x in tensors), *scalars)
        elements = sum(x.numel() for x in tensors if x is not None)
        chosen = schedules[:1] if signature in seen else schedules[:2] if elements > LARGE else schedules
        seen.add(signature)
        results = []
        for schedule in chosen:
            module.set_schedule(schedule)
            for x in written:
                _bytes(x).fill_(0xFF)
            with _device_memory(module, [x for x in tensors if x is not None]):
                call(op, outputs, inputs, *scalars)
            results.append([_bytes(x).clone() for x in written])
        for schedule, result in zip(chosen, results, strict=True):
            same = [torch.equal(a, b) for a, b in zip(results[0], result, strict=True)]
            assert all(same), f"{op}: the schedules {schedules[0]} and {schedule} differ in outputs {same}"

    with mock.patch.object(kernels, "call", checked):
        yield


@contextmanager
def _device_memory(module: ModuleType, tensors: Sequence[Tensor]) -> Iterator[None]:
    marked = {x.data_ptr(): _extent(x) for x in tensors if x.nbytes}
    for begin, size in marked.items():
        module.mark_device_memory(begin, size)
    try:
        yield
    finally:
        for begin in marked:
            module.unmark_device_memory(begin)


def _extent(x: Tensor) -> int:
    """Bytes from the first element to the end of the last."""
    return x.itemsize * (1 + sum((size - 1) * stride for size, stride in zip(x.shape, x.stride(), strict=True)))


def _bytes(x: Tensor) -> Tensor:
    real = torch.view_as_real(x) if x.is_complex() else x
    return real.reshape(-1).view(torch.uint8)
