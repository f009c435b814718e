"""The compiled modules: the only importer of them, and the only place that takes an address of a tensor.

`call` is the single way to a kernel. It passes addresses, so it is also where every rule that makes addresses safe is
kept: tensors are made contiguous and held across the call, conjugate and negative bits are resolved, fake tensors are
refused, and the device and its current stream are set.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TypeVar

import torch  # before the compiled modules: torch's OpenMP runtime then serves both
from torch import Tensor
from torch._library.autograd import make_autograd_impl
from torch._library.custom_ops import CustomOpDef
from torch._subclasses.fake_tensor import FakeTensor

from hyra._native import _cpu
from hyra._util import validate
from hyra._util.warnings import warn

F = TypeVar("F", bound=Callable[..., Any])


def _load_cuda() -> ModuleType | None:
    try:
        from hyra._native import _cuda
    except ImportError:
        return None
    if torch.version.hip is not None:
        return None
    driver, runtime = _cuda.driver_version(), _cuda.runtime_version()
    if torch.cuda.is_available() and driver < runtime:
        warn(
            f"hyra's CUDA kernels were built with CUDA {runtime // 1000}.{runtime % 1000 // 10} and the driver "
            f"supports {driver // 1000}.{driver % 1000 // 10} at most: they are off, CUDA tensors use plain torch",
            RuntimeWarning,
        )
        return None
    module: ModuleType = _cuda
    return module


MODULES: dict[str, ModuleType] = {"cpu": _cpu}
"""The module that serves each device type; a device without one runs the plain-torch body of an op."""

if (_loaded := _load_cuda()) is not None:
    MODULES["cuda"] = _loaded

if _level := os.environ.get("HYRA_SIMD"):  # set to nothing counts as not set
    try:
        _cpu.set_simd_level(_level)
    except ValueError as error:
        raise ValueError(f"environment variable HYRA_SIMD: {error}") from None

_forked = False


def _after_fork() -> None:
    global _forked  # noqa: PLW0603 - a fork is a property of the process
    _forked = True


# The threads of an OpenMP team do not survive a fork, and waiting for them hangs: a child runs on one thread.
os.register_at_fork(after_in_child=_after_fork)


def threads() -> int:
    """Threads that a CPU kernel may use: torch's count, or one in a forked child."""
    return 1 if _forked else torch.get_num_threads()


def share(f: Callable[[int], object], count: int, threads: int) -> None:
    """Call ``f(0)`` to ``f(count - 1)`` on the threads that run the CPU kernels.

    A pool of its own would have to share the cores with these: they wait for work by spinning, for milliseconds.
    """
    _cpu.share(f, count, threads)


def refuse_tangents(op: CustomOpDef) -> None:
    """Make `op` raise on a forward-mode tangent, which torch's custom ops drop without a word.

    It is seen in the autograd layer alone: `torch.func` takes its tensors apart there, before any kernel runs.
    """
    differentiate = make_autograd_impl(op._opoverload, op)

    def checked(keys: Any, *args: Any) -> Any:
        for arg in args:
            for x in arg if isinstance(arg, list) else (arg,):
                if isinstance(x, Tensor):
                    validate.without_tangent(f"an input of {op._name}", x)
        return differentiate(keys, *args)

    for device in ("CPU", "CUDA", "MPS"):  # each comes before "Autograd", which torch has registered
        op._lib.impl(op._name, checked, f"Autograd{device}", with_keyset=True)  # type: ignore[no-untyped-call]


def register(op: CustomOpDef) -> Callable[[F], F]:
    """Decorator: put a native kernel over the plain-torch body of `op` on every device that has a module."""
    refuse_tangents(op)

    def decorate(kernel: F) -> F:
        # One device at a time: with several, torch disables all of them by the name of the last one.
        for device in MODULES:
            op.register_kernel(device)(kernel)
        return kernel

    return decorate


def backend(x: Tensor) -> str:
    """``"cpu"`` or ``"cuda"``: the kind of kernels that serve `x` (the tests run the CUDA ones on CPU tensors)."""
    return str(MODULES[x.device.type].backend)


def call(op: str, outputs: Sequence[Tensor | None], inputs: Sequence[Tensor | None], *scalars: int | float) -> None:
    """Run kernel `op` of the module that serves the inputs' device; `outputs` are written in place.

    The element type is that of the first input (its real type for complex ones). Outputs and workspaces must be
    contiguous; inputs are made so. `None` stands for a tensor that this call does not use.
    """
    first = next(x for x in inputs if x is not None)
    device, module = first.device, MODULES[first.device.type]
    held: list[Tensor | None] = []
    for x in outputs:
        if x is not None:
            _check(op, x, device)
            if not x.is_contiguous():
                raise ValueError(f"{op} needs contiguous outputs, got strides {x.stride()} for shape {tuple(x.shape)}")
        held.append(x)
    for x in inputs:
        if x is not None:
            _check(op, x, device)
        held.append(None if x is None else x.resolve_conj().resolve_neg().contiguous())
    addresses = [0 if x is None else x.data_ptr() for x in held]
    dtype = str(first.dtype.to_real()).removeprefix("torch.")
    kernel = getattr(module, op)
    if device.type == "cuda":
        with torch.cuda.device(device):
            kernel(dtype, *addresses, *scalars, torch.cuda.current_stream(device).cuda_stream)
    else:
        kernel(dtype, *addresses, *scalars, threads() if module.backend == "cpu" else 0)


def _check(op: str, x: Tensor, device: torch.device) -> None:
    if isinstance(x, FakeTensor):
        raise TypeError(f"{op} needs real tensors, got a fake one: a native kernel was called while tracing")
    if x.device != device:
        raise ValueError(f"{op} needs all tensors on one device, got {device} and {x.device}")
