"""The call of a kernel: the only place that takes an address of a tensor.

The op that makes it has checked its arguments against its declaration. Here is kept what makes an address safe for the
time of a call: tensors are made contiguous and held, conjugate and negative bits are resolved, fake tensors and
tensors without memory are refused, and the device and its current stream are set.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

from hyra._native import threads
from hyra._native.modules import MODULES

_REAL_TYPES = {
    torch.float32: "float32",
    torch.complex64: "float32",
    torch.float64: "float64",
    torch.complex128: "float64",
}


def backend(x: Tensor) -> str:
    """``"cpu"`` or ``"cuda"``: the kind of kernels that serve `x` (the tests run the CUDA ones on CPU tensors)."""
    return str(MODULES[x.device.type].backend)


def workspace(op: str, x: Tensor, *extents: int) -> int:
    """Float64 numbers of workspace that kernel `op` takes for a plane of these extents, on the device of `x`."""
    return int(getattr(MODULES[x.device.type], f"{op}_workspace")(*extents))


def call(op: str, outputs: Sequence[Tensor | None], inputs: Sequence[Tensor | None], *scalars: float | str) -> None:
    """Run kernel `op` of the module that serves the inputs' device; `outputs` are written in place.

    The element type is that of the first input (its real type for complex ones). Outputs and workspaces must be
    contiguous; inputs are made so. `None` stands for a tensor that this call does not use.
    """
    first = next(x for x in inputs if x is not None)
    device = first.device
    module = MODULES[device.type]
    held: list[Tensor | None] = []
    for x in outputs:
        if x is not None and not x.is_contiguous():
            raise ValueError(f"{op} needs contiguous outputs, got strides {x.stride()} for shape {tuple(x.shape)}")
        held.append(x)
    held += [None if x is None else _dense(x) for x in inputs]
    addresses = [0 if x is None else _address(op, x, device) for x in held]
    dtype = _REAL_TYPES.get(first.dtype) or str(first.dtype)
    kernel = getattr(module, op)
    if device.type == "cuda":
        with torch.cuda.device(device):
            kernel(dtype, *addresses, *scalars, torch.cuda.current_stream(device).cuda_stream)
    else:
        kernel(dtype, *addresses, *scalars, threads.count() if module.backend == "cpu" else 0)


def _dense(x: Tensor) -> Tensor:
    """`x` as its elements lie in memory; to ask costs less than three calls that change nothing."""
    if x.is_contiguous() and not x.is_conj() and not x.is_neg():
        return x
    return x.resolve_conj().resolve_neg().contiguous()


def _address(op: str, x: Tensor, device: torch.device) -> int:
    if isinstance(x, FakeTensor):
        raise TypeError(f"{op} needs real tensors, got a fake one: a native kernel was called while tracing")
    if x.device != device:
        raise ValueError(f"{op} needs all tensors on one device, got {device} and {x.device}")
    return x.data_ptr()
