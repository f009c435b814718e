"""The call of a kernel: the only place that takes an address of a tensor.

The op that makes it has checked its arguments against its declaration. Here is kept what makes an address safe for the
time of a call: tensors are made contiguous and held (images that a kernel reads where they lie, `Pixels`, are not made
contiguous), conjugate and negative bits are resolved, fake tensors and tensors without memory are refused, and the
device and its current stream are set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

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


@dataclass(frozen=True)
class Pixels:
    """Images ``[N, C, H, W]`` that a kernel reads where they lie, by their strides: see csrc/core/pixels.hpp.

    Planar, interleaved (``[H, W, C]`` in memory) and cropped images are not copied. All others are, in their own dtype.
    """

    images: Tensor

    @classmethod
    def of(cls, images: Tensor) -> Self:
        """From a tensor of any strides."""
        if images.is_conj() or images.is_neg():
            images = images.resolve_conj().resolve_neg()
        is_readable = images.shape[3] <= 1 or images.stride(3) <= _INTERLEAVED
        return cls(images if is_readable else images.contiguous())

    def argument(self, address: int) -> tuple[int, ...]:
        """The address, and in elements the strides of images, channels, rows and columns."""
        return (address, *self.images.stride())


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


def workspace(op: str, x: Tensor, *extents: int) -> int:
    """Numbers of workspace that kernel `op` takes for a plane of these extents, on the device of `x`."""
    return int(getattr(MODULES[x.device.type], f"{op}_workspace")(*extents))


def call(op: str, outputs: Sequence[Tensor | None], inputs: Sequence[Input], *scalars: float | str) -> None:
    """Run kernel `op` of the module that serves the inputs' device; `outputs` are written in place.

    The element type is that of the first input (its real type for complex ones). Outputs and workspaces must be
    contiguous; inputs are made so, but for `Pixels`. `None` stands for a tensor that this call does not use.
    """
    first = next(x.images if isinstance(x, Pixels) else x for x in inputs if x is not None)
    device = first.device
    module = MODULES[device.type]
    held: list[Input] = []
    for x in outputs:
        if x is not None and not x.is_contiguous():
            raise ValueError(f"{op} needs contiguous outputs, got strides {x.stride()} for shape {tuple(x.shape)}")
        held.append(x)
    held += [_dense(x) if isinstance(x, Tensor) else x for x in inputs]
    addresses = [_address(op, x, device) for x in held]
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


def _address(op: str, x: Input, device: torch.device) -> int | tuple[int, ...]:
    if x is None:
        return 0
    if isinstance(x, Pixels):
        return x.argument(_address_of(op, x.images, device))
    return _address_of(op, x, device)


def _address_of(op: str, x: Tensor, device: torch.device) -> int:
    if isinstance(x, FakeTensor):
        raise TypeError(f"{op} needs real tensors, got a fake one: a native kernel was called while tracing")
    if x.device != device:
        raise ValueError(f"{op} needs all tensors on one device, got {device} and {x.device}")
    return x.data_ptr()
