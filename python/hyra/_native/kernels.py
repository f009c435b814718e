"""The call of a kernel: the only place that takes an address of a tensor.

The op that makes it has checked its arguments against its declaration. Here is kept what makes an address safe for the
time of a call: tensors are made contiguous and held (images that a kernel reads where they lie, `Pixels`, are not made
contiguous), conjugate and negative bits are resolved, fake tensors and tensors without memory are refused, and the
device and its current stream are set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

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
    torch.uint8: "uint8",
    torch.uint16: "uint16",
}

_INTERLEAVED = 4  # channels at most, side by side in memory


class Pixels(NamedTuple):
    """Images ``[N, C, H, W]`` that a kernel reads where they lie, by their strides: see csrc/core/pixels.hpp.

    Planar, interleaved (``[H, W, C]`` in memory) and cropped images are not copied. All others are, in their own dtype.
    """

    images: Tensor

    @classmethod
    def of(cls, images: Tensor) -> Self:
        """From a tensor of any strides."""
        if images.is_neg():
            images = images.resolve_neg()
        is_readable = images.stride(3) <= _INTERLEAVED or images.shape[3] <= 1
        return cls(images if is_readable else images.contiguous())


def in_memory_order(*images: Tensor) -> list[Tensor]:
    """Interleaved images ``[N, C, H, W]`` as rows of all their channels, ``[N, 1, H, W * C]``; others as they are.

    For what does not depend on the order of the pixels. All images or none are interleaved.
    """
    if all(x.stride(1) == 1 and x.stride(3) == x.shape[1] for x in images):
        return [x.permute(0, 2, 3, 1).flatten(2).unsqueeze(1) for x in images]
    return list(images)


Input = Tensor | Pixels | None


def backend(x: Tensor) -> str:
    """``"cpu"`` or ``"cuda"``: the kind of kernels that serve `x` (the tests run the CUDA ones on CPU tensors)."""
    return str(MODULES[x.device.type].backend)


def on_gpu(x: Tensor) -> bool:
    """Whether kernels of a GPU serve `x`."""
    module = MODULES.get(x.device.type)
    return module is not None and module.backend == "cuda"


def workspace(op: str, x: Tensor, *extents: int) -> int:
    """Numbers of workspace that kernel `op` takes for a plane of these extents, on the device of `x`."""
    return int(getattr(MODULES[x.device.type], f"{op}_workspace")(*extents))


def call(op: str, outputs: Sequence[Tensor | None], inputs: Sequence[Input], *scalars: float | str) -> None:
    """Run kernel `op` of the module that serves the inputs' device; `outputs` are written in place.

    The element type is that of the first input (its real type for complex ones). Outputs and workspaces must be
    contiguous; inputs are made so, but for `Pixels`. `None` stands for a tensor that this call does not use.
    """
    first = next(x for x in inputs if x is not None)
    first = first.images if isinstance(first, Pixels) else first
    device, on_cpu = first.device, first.is_cpu
    module = MODULES["cpu" if on_cpu else device.type]
    held: list[Tensor] = []  # what the addresses are of
    arguments: list[Any] = [_REAL_TYPES.get(first.dtype) or str(first.dtype)]
    for x in outputs:
        if x is None:
            arguments.append(0)
            continue
        if not x.is_contiguous():
            raise ValueError(f"{op} needs contiguous outputs, got strides {x.stride()} for shape {tuple(x.shape)}")
        arguments.append(x.data_ptr() if type(x) is Tensor and x.is_cpu and on_cpu else _address(op, x, device))
    for given in inputs:
        if given is None:
            arguments.append(0)
            continue
        x = given.images if isinstance(given, Pixels) else _dense(given)
        held.append(x)
        address = x.data_ptr() if type(x) is Tensor and x.is_cpu and on_cpu else _address(op, x, device)
        # Of pixels also, in elements, the strides of images, channels, rows and columns.
        arguments.append((address, *x.stride()) if isinstance(given, Pixels) else address)
    kernel = getattr(module, op)
    if first.is_cuda:
        with torch.cuda.device(device):
            kernel(*arguments, *scalars, torch.cuda.current_stream(device).cuda_stream)
    else:
        kernel(*arguments, *scalars, threads.count() if module.backend == "cpu" else 0)


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
