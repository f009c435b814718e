"""The backends that every op test runs over, and the way to force one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch._library.custom_ops import CustomOpDef

import hyra.ops
from hyra import _cpu, _native

OPS = [op for op in vars(hyra.ops).values() if isinstance(op, CustomOpDef)]


@dataclass(frozen=True)
class Backend:
    name: str

    @property
    def device(self) -> torch.device:
        return torch.device("cuda" if self.name == "cuda" else "cpu")

    def __str__(self) -> str:
        return self.name


def available() -> list[Backend]:
    names = ["reference", *(f"cpu-{level}" for level in _cpu.simd_levels())]
    if cuda_on_cpu() is not None:
        names.append("cuda_on_cpu")
    if torch.cuda.is_available() and "cuda" in _native.MODULES:
        names.append("cuda")
    return [Backend(name) for name in names]


def cuda_on_cpu():
    """The CUDA kernels built for the CPU (tests/cuda_on_cpu), or None where they cannot be built."""
    return


def missing() -> list[str]:
    """Backends that HYRA_REQUIRE_BACKENDS names and that are not there."""
    required = [name for name in os.environ.get("HYRA_REQUIRE_BACKENDS", "").split(",") if name]
    names = {part for backend in available() for part in (backend.name, backend.name.split("-")[0])}
    return [name for name in required if name not in names]


@contextmanager
def use(backend: Backend) -> Iterator[None]:
    with ExitStack() as stack:
        if backend.name == "reference":
            for op in OPS:
                stack.enter_context(op.set_kernel_enabled("cpu", enabled=False))
        elif backend.name == "cuda_on_cpu":
            served_by = _native.MODULES["cpu"]
            stack.callback(_native.MODULES.__setitem__, "cpu", served_by)
            _native.MODULES["cpu"] = cuda_on_cpu()
        elif backend.name.startswith("cpu-"):
            stack.callback(_cpu.set_simd_level, _cpu.simd_level())
            _cpu.set_simd_level(backend.name.removeprefix("cpu-"))
        yield
