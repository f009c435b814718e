"""The backends that every op test runs over, and the way to force one."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import ModuleType
from unittest import mock

import pytest
import torch
from torch._library.custom_ops import CustomOpDef

import hyra.ops
from cuda_on_cpu import build
from cuda_on_cpu.checked_calls import SCHEDULES, checked_calls
from hyra._native import threads
from hyra._native.modules import MODULES

OPS = [op for op in vars(hyra.ops).values() if isinstance(op, CustomOpDef)]


@dataclass(frozen=True)
class Backend:
    name: str

    @property
    def device(self) -> torch.device:
        return torch.device("cuda" if self.name == "cuda" else "cpu")

    def __str__(self) -> str:
        return self.name


SANITIZER: build.Sanitizer | None = os.environ.get("HYRA_SANITIZER")
"""Set by tests/cuda_on_cpu/test_sanitizers.py: the modules are then built with it."""
MUTANT = "HYRA_MUTANT" in os.environ
"""Set by tests/mutations.py: `cuda_on_cpu` then runs the kernels that it has changed."""


native = pytest.mark.skipif("cpu" not in MODULES, reason="there are no native kernels")


def named(variable: str) -> list[str]:
    """The backends in an environment variable: `HYRA_BACKENDS` lets no others run, `HYRA_REQUIRE_BACKENDS` insists.

    In `HYRA_BACKENDS`, `cpu` is the instruction set that the machine takes by itself.
    """
    return [name for name in os.environ.get(variable, "").split(",") if name]


def available() -> list[Backend]:
    if SANITIZER:
        return [Backend("cpu"), Backend("cuda_on_cpu")]
    names = ["reference"]
    if "cpu" in MODULES:
        names += [f"cpu-{level}" for level in MODULES["cpu"].simd_levels()]
        if build.available():
            names.append("cuda_on_cpu")
    if torch.cuda.is_available() and "cuda" in MODULES:
        names.append("cuda")
    if only := named("HYRA_BACKENDS"):
        best = MODULES["cpu"].simd_level() if "cpu" in MODULES else "none"
        only = [f"cpu-{best}" if name == "cpu" else name for name in only]
        names = [name for name in names if name in only]
    return [Backend(name) for name in names]


@functools.cache
def built(backend: str) -> ModuleType:
    """The module of a backend that the tests build themselves."""
    if backend == "cpu":
        return build.load(build.build_cpu(SANITIZER))
    return build.load(build.build_mutant(SANITIZER) if MUTANT else build.build(SANITIZER))


def missing() -> list[str]:
    """Backends that are named and not there."""
    required = named("HYRA_BACKENDS") + named("HYRA_REQUIRE_BACKENDS")
    names = {part for backend in available() for part in (backend.name, backend.name.split("-")[0])}
    return [name for name in required if name not in names]


@contextmanager
def use(backend: Backend) -> Iterator[None]:
    with ExitStack() as stack:
        if backend.name == "reference":
            for op in OPS if "cpu" in MODULES else ():
                stack.enter_context(op.set_kernel_enabled("cpu", enabled=False))
        elif backend.name in ("cuda_on_cpu", "cpu"):
            module = built(backend.name)
            stack.enter_context(mock.patch.dict(MODULES, cpu=module))
            if backend.name == "cuda_on_cpu":
                stack.enter_context(checked_calls(module, SCHEDULES[:1] if SANITIZER else SCHEDULES))
            else:  # threads of our own: torch runs on one, since ThreadSanitizer cannot see how OpenMP's meet
                stack.enter_context(mock.patch.object(threads, "count", return_value=4))
        elif backend.name.startswith("cpu-"):
            stack.callback(MODULES["cpu"].set_simd_level, MODULES["cpu"].simd_level())
            MODULES["cpu"].set_simd_level(backend.name.removeprefix("cpu-"))
        yield
