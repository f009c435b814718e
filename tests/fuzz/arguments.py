"""Random arguments of an op by its declaration: right ones, and what a user may pass instead of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from hyra._native.arguments import KINDS, MAY_BE_EMPTY, TensorArgument
from hyra._native.op import Op

SMALL = (1, 1, 2, 3, 4, 5, 7, 8, 9, 13)
HUGE = (1 << 42, 1 << 50, (1 << 62) // 3, (1 << 63) - 1)  # nothing between: that would be allocated, and take long
INTEGERS = (-(1 << 70), -(1 << 63), -(1 << 31), -7, -1, 0, 1, 2, 1 << 30, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63)
DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.float8_e4m3fn, torch.float8_e5m2]
DTYPES += [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint64]
DTYPES += [torch.complex32, torch.complex64, torch.complex128, torch.complex64, torch.complex128]
NOTHING_OF_THE_KIND = (None, "", "nonsense", 1.5, float("nan"), True, [], (), {}, object(), b"x", 2j, np.zeros(3))


class Plain(Tensor):
    """A subclass that changes nothing."""


class Mute(Tensor):
    """A subclass without memory, which takes no op."""

    @staticmethod
    def __new__(cls, inner: Tensor) -> Mute:
        return Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype, device=inner.device)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return NotImplemented


class Wrapper(Mute):
    """A subclass without memory of its own, which takes every op to the tensor inside."""

    def __init__(self, inner: Tensor) -> None:
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        args, kwargs = tree_map(lambda x: x.inner if isinstance(x, Wrapper) else x, (args, kwargs or {}))
        return func(*args, **kwargs)


def right(op: Op, random: random.Random) -> list[Any]:
    """Arguments as they are declared."""
    declaration = op.declaration
    extents = _Extents(random)
    values: dict[str, Any] = {}
    for name, declared in declaration.arguments.items():
        if not isinstance(declared, str) and not _of_tensors(declared):
            values[name] = extents.values[name] = _setting(declared, random)
    for name, function, parameters in declaration._derived:
        extents.values[name] = function(*(extents.values[parameter] for parameter in parameters))
    for whole, part in declaration.multiples:
        of = extents.values.setdefault(whole, random.choice((0, 1, 2, 3, 4, 6)))
        extents.values[part] = random.choice([n for n in range(1, of + 1) if of % n == 0] or [0])
    kinds = {part.kind for _, tensor in declaration._tensors for part in _parts(tensor)}
    precision = random.choice((1, 2, 4, 8) if "pixels" in kinds else (4, 8))
    for index, tensor in declaration._tensors:
        name = list(declaration.arguments)[index]
        if isinstance(tensor, tuple):
            values[name] = [_tensor(part, extents, precision, random) for part in tensor]
        else:
            values[name] = _tensor(tensor, extents, precision, random)
    return [values[name] for name in declaration.arguments]


def _of_tensors(declared: Any) -> bool:
    return isinstance(declared, tuple) and isinstance(declared[0], str) and ": " in declared[0]


def _parts(tensor: TensorArgument | tuple[TensorArgument, ...]) -> tuple[TensorArgument, ...]:
    return tensor if isinstance(tensor, tuple) else (tensor,)


class _Extents:
    """The numbers behind the names of a declaration, drawn where they are first asked for."""

    def __init__(self, random: random.Random) -> None:
        self.random = random
        self.values: dict[str, Any] = {}

    def of(self, name: str) -> list[int]:
        whole, half, _ = name.partition("//2+1")
        if half:
            return [self.values[whole] // 2 + 1]
        if name.isdigit():
            return [int(name)]
        if name not in self.values:
            sizes = (0, *SMALL) if name in MAY_BE_EMPTY else SMALL
            many = self.random.randint(0 if name in MAY_BE_EMPTY else 1, 3)
            drawn = [self.random.choice(sizes) for _ in range(many if name.startswith("*") else 1)]
            self.values[name] = drawn if name.startswith("*") else drawn[0]
        value = self.values[name]
        return value if isinstance(value, list) else [value]


def _setting(declared: Any, random: random.Random) -> Any:
    if declared is bool:
        return random.random() < 0.5
    if isinstance(declared, range):
        return random.randint(max(declared.start, -9), min(9, declared.stop - 1))
    if isinstance(declared[0], str):
        return random.choice(declared)
    return [_setting(item, random) for item in declared]


def _tensor(argument: TensorArgument, extents: _Extents, precision: int, random: random.Random) -> Tensor:
    shape = [n for name in random.choice(argument.shapes).names for n in extents.of(name)]
    dtypes = [dtype for dtype, size in KINDS[argument.kind].items() if argument.own_precision or size == precision]
    x = _view(_filled(shape, random.choice(dtypes), random), random)
    # Moments must be detached, and they are of any precision.
    differentiable = not argument.own_precision and (x.is_floating_point() or x.is_complex())
    return x.requires_grad_() if differentiable and random.random() < 0.1 else x


def _filled(shape: list[int], dtype: torch.dtype, random: random.Random) -> Tensor:
    if dtype == torch.int64:
        low, high = random.choice(((-3, 12), (0, 2), (-(1 << 63), (1 << 63) - 1)))
        return torch.randint(low, high, shape)
    if dtype in (torch.uint8, torch.uint16):
        return torch.randint(torch.iinfo(dtype).max + 1, shape).to(dtype)
    x = torch.randn(shape, dtype=dtype)
    if x.numel() and random.random() < 0.1:
        x.view(-1)[0] = random.choice((float("nan"), float("inf"), 1e30, 0.0))
    return x


def _view(x: Tensor, random: random.Random) -> Tensor:
    """The same values, otherwise in memory."""
    way = random.randrange(10)
    if way == 0 and x.ndim > 1:
        return x.mT.contiguous().mT
    if way == 1 and x.ndim:
        return torch.stack([x, x], -1)[..., 0]
    if way == 2 and x.ndim and x.shape[0] > 1:
        return x[:1].expand(x.shape)
    if way == 3 and x.is_complex():
        return x.conj()
    if way == 4 and x.is_complex():
        return torch.complex(x.real, x.real).conj().imag + 0j if random.random() < 0.1 else x.conj().resolve_conj()
    if way == 5 and x.ndim > 2:  # interleaved
        return x.movedim(-3, -1).contiguous().movedim(-1, -3)
    if way == 6 and x.ndim:  # cropped
        return torch.cat([x, x[..., :1]], -1)[..., :-1]
    return x


def wrong(value: Any, random: random.Random) -> Any:
    """Something else in the place of an argument; it may be as good, by chance."""
    if random.random() < 0.1:
        return random.choice((*NOTHING_OF_THE_KIND, *INTEGERS))
    if isinstance(value, Tensor):
        change = random.choice(CHANGES)
        try:
            return change(value.detach(), random)
        except (RuntimeError, NotImplementedError, ValueError, TypeError, IndexError):
            return value  # torch has no such tensor
    if isinstance(value, (list, tuple)):
        items = list(value)
        way = random.randrange(4)
        if way == 0:
            return items[:-1]
        if way == 1:
            return [*items, *items[:1]]
        if items:
            place = random.randrange(len(items))
            items[place] = wrong(items[place], random)
        return items if way == 2 else tuple(items)
    if isinstance(value, bool):
        return random.choice((0, 1, "yes", None))
    if isinstance(value, int):
        arrays = np.int32(value % 99), torch.tensor(value % 99)
        return random.choice((*INTEGERS, value + 1, float(value), str(value), *arrays))
    return random.choice((f"{value} ", f"{value}".upper(), "", "ducc", "torch", 3))


def _other_dtype(x: Tensor, random: random.Random) -> Tensor:
    return x.to(random.choice(DTYPES))


def _other_extent(x: Tensor, random: random.Random) -> Tensor:
    shape = list(x.shape)
    shape[random.randrange(x.ndim)] += random.choice((-1, 1, 2, 64))
    return torch.zeros(shape, dtype=x.dtype)


def _empty_extent(x: Tensor, random: random.Random) -> Tensor:
    shape = list(x.shape)
    shape[random.randrange(x.ndim)] = 0
    return x.new_zeros(shape)


def _huge_extent(x: Tensor, random: random.Random) -> Tensor:
    """In no memory: one element, again and again."""
    shape = list(x.shape)
    shape[random.randrange(x.ndim)] = random.choice(HUGE)
    return x.new_zeros(()).expand(shape)


def _other_rank(x: Tensor, random: random.Random) -> Tensor:
    return random.choice((x[None], x[..., None], x.flatten(), x[0] if x.ndim else x, x.sum()))


def _quantized(x: Tensor, random: random.Random) -> Tensor:
    return torch.quantize_per_tensor(x.float(), 0.1, 0, torch.quint8)


def _nested(x: Tensor, random: random.Random) -> Tensor:
    return torch.nested.nested_tensor([x, x], layout=random.choice((torch.strided, torch.jagged)))


def _without_storage(x: Tensor, random: random.Random) -> Tensor:
    x = x.clone()
    x.untyped_storage().resize_(0)
    return x


def _negative(x: Tensor, random: random.Random) -> Tensor:
    view = torch._neg_view(x)
    view.resolve_neg()  # raises where torch knows no negative of these numbers
    return view


def _sparse(x: Tensor, random: random.Random) -> Tensor:
    return random.choice((x.to_sparse, x.to_sparse_csr, x.to_mkldnn))()


def _of(make: Callable[[Tensor], Any]) -> Callable[[Tensor, random.Random], Any]:
    return lambda x, random: make(x)


CHANGES: tuple[Callable[[Tensor, random.Random], Any], ...] = (
    *(_other_dtype, _other_extent, _empty_extent, _huge_extent, _other_rank) * 2,
    *(_quantized, _nested, _without_storage, _negative, _sparse),
    *(_of(lambda x: x.as_subclass(Plain)), _of(Mute), _of(Wrapper), _of(torch.nn.Parameter)),
    *(_of(lambda x: x.to("meta")), _of(lambda x: torch._efficientzerotensor(x.shape, dtype=x.dtype))),
    *(_of(lambda x: x.numpy()), _of(lambda x: x.tolist()), _of(lambda x: x.conj() if x.is_complex() else x.flip(0))),
)
