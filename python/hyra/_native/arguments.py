"""What an op demands of one argument, as data: the words for tensors and for settings.

A tensor is declared by a line such as ``"real [P, H, W]"``: its kind, and names of its extents.

* Kinds: ``real`` (float32 or float64), ``complex`` (of these parts), ``pixels`` (uint8, uint16, float32 or float64, see
  `kernels.Pixels`), ``int64``, ``float64``. All ``real``, ``complex`` and ``pixels`` tensors of an op have one
  precision; ``any real`` and ``any complex`` have their own.
* Extents: a name stands for one number wherever it occurs, and one that is also an integer argument for its value;
  ``width//2+1`` is the half spectrum's of a width; ``*S`` any number of extents; a number itself. ``P``, ``T``, ``N``
  and ``M`` count planes, images and positions and may be 0, also ``*P``; all others are at least 1.
* ``|`` separates alternatives of different rank.

Any other argument is declared by its values: a tuple of strings, a `range` of integers, a tuple of ranges for a
sequence, ``bool``, or a tuple of lines ``"name: kind [extents]"`` for a sequence of tensors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hyra._util import validate

MAY_BE_EMPTY = frozenset({"P", "T", "N", "M", "*P"})
PLAIN = (Tensor, torch.nn.Parameter)
LARGEST = 1 << 47  # bytes: what a process can address

_REAL = {torch.float32: 4, torch.float64: 8}
_COMPLEX = {torch.complex64: 4, torch.complex128: 8}
KINDS: dict[str, dict[torch.dtype, int]] = {
    "real": _REAL,
    "complex": _COMPLEX,
    "pixels": {torch.uint8: 1, torch.uint16: 2, **_REAL},
    "int64": {torch.int64: 0},
    "float64": {torch.float64: 8},
}
"""The dtypes of each kind, with the bytes of a real number or a pixel."""

SHARED = ("real", "complex", "pixels")
"""Kinds of which all tensors of an op have one precision."""


@dataclass
class Call:
    """What the arguments before have settled."""

    extents: dict[str, Any]
    leader: tuple[str, Tensor] | None = None  # the first tensor, whose device counts
    precision: int = 0  # of the first tensor of a shared kind


@dataclass(frozen=True)
class _Shape:
    """The extents of a tensor: before, in place of and after the one that stands for any number."""

    text: str
    names: tuple[str, ...]
    star: int | None

    @classmethod
    def parse(cls, text: str) -> _Shape:
        names = tuple(name.strip() for name in text.strip("[] ").split(","))
        stars = [index for index, name in enumerate(names) if name.startswith("*")]
        return cls(text, names, stars[0] if stars else None)

    def bind(self, shape: Sequence[Any], extents: dict[str, Any]) -> bool:
        """Whether `shape` fits, with new names added to `extents`."""
        values = shape
        if self.star is not None:
            many = len(shape) - len(self.names) + 1
            if many < 0:
                return False
            end = self.star + many
            values = (*shape[: self.star], tuple(shape[self.star : end]), *shape[end:])
        if len(values) != len(self.names):
            return False
        for name, value in zip(self.names, values, strict=True):
            known = extents.get(name)
            if known is None:
                known = _known(name, extents)
            if known is None:
                if name not in MAY_BE_EMPTY and (0 in value if isinstance(value, tuple) else value < 1):
                    return False
                extents[name] = value
            elif known != value:
                return False
        return True


def _known(name: str, extents: dict[str, Any]) -> Any:
    """The value of an extent that is a number, or half a spectrum of an argument."""
    if name.isdigit():
        return int(name)
    whole, half, _ = name.partition("//2+1")
    return extents[whole] // 2 + 1 if half else None


@dataclass(frozen=True)
class TensorArgument:
    """One tensor: its kind and its shape."""

    name: str
    kind: str
    own_precision: bool
    shapes: tuple[_Shape, ...]

    @classmethod
    def parse(cls, name: str, text: str) -> TensorArgument:
        """From a line as the module's docstring has it."""
        match = re.fullmatch(rf"(any )?({'|'.join(KINDS)}) (\[.*\])", text)
        if match is None:
            raise ValueError(f"a tensor is declared as 'kind [extents]', got {text!r}")
        own, kind, shapes = match.groups()
        own_precision = bool(own) or kind not in SHARED
        return cls(name, kind, own_precision, tuple(_Shape.parse(shape) for shape in shapes.split(" | ")))

    def check(self, x: Tensor, call: Call) -> None:
        """Raise where `x` is not as declared, beside the arguments before it."""
        if x.layout is not torch.strided or x.is_nested:
            layout = "a nested tensor" if x.is_nested else str(x.layout)
            raise TypeError(f"{self.name} must be a dense tensor, of layout torch.strided, got {layout}")
        if without_memory(x):
            raise ValueError(f"{self.name} must have its elements in memory, got one whose storage was cut or freed")
        self._check_dtype(x, call)
        if call.leader is None:
            call.leader = self.name, x
        elif x.device != call.leader[1].device:
            validate.same_device(self.name, x, *call.leader)
        before = len(call.extents)
        if not any(shape.bind(x.shape, call.extents) for shape in self.shapes):
            raise ValueError(self._misshapen(x, dict(list(call.extents.items())[:before])))
        elements = math.prod(n for n in x.shape if type(n) is int and n)  # of each plane, also where there is none
        if elements * x.itemsize > LARGEST:  # a symbol, while tracing, counts as 1
            raise ValueError(f"{self.name} must have at most 2^47 bytes, got shape {tuple(x.shape)} of {x.dtype}")

    def _check_dtype(self, x: Tensor, call: Call) -> None:
        precision = KINDS[self.kind].get(x.dtype)
        if precision is None:
            wanted = " or ".join(str(dtype) for dtype in KINDS[self.kind])
            raise TypeError(f"{self.name} must be {wanted}, got {x.dtype}")
        if not self.own_precision:
            if call.precision == 0:
                call.precision = precision
            elif precision != call.precision:
                (wanted,) = (str(dtype) for dtype, size in KINDS[self.kind].items() if size == call.precision)
                raise TypeError(f"{self.name} must be {wanted}, like the arguments before it, got {x.dtype}")

    def _misshapen(self, x: Tensor, extents: dict[str, Any]) -> str:
        names = list(dict.fromkeys(name for shape in self.shapes for name in shape.names))
        values = {name: extents[name] if name in extents else _known(name, extents) for name in names}
        known = [f"{name} = {value}" for name, value in values.items() if value is not None and not name.isdigit()]
        free = [name for name, value in values.items() if value is None and name not in MAY_BE_EMPTY]
        text = " or ".join(shape.text for shape in self.shapes)
        if known:
            text += f" with {', '.join(known)}"
        if free:
            text += f"{' and' if known else ' with'} {', '.join(free)} at least 1"
        return f"{self.name} must have shape {text}, got {tuple(x.shape)}"


def without_memory(x: Tensor) -> bool:
    """Whether a dense tensor reaches beyond its storage, which was freed or cut: a read would end the process."""
    try:
        if type(x) not in PLAIN or x.is_meta:
            return False
        return exceeds_storage(x)
    except RuntimeError:  # none to have, as while functions are transformed
        return False


def exceeds_storage(x: Tensor) -> bool:
    """`without_memory`, of a plain tensor on a device."""
    count = x.numel()
    if count and not x.is_contiguous():  # the sum takes as long as all the rest
        count = 1 + sum((n - 1) * stride for n, stride in zip(x.shape, x.stride(), strict=True))
    return bool(count and (x.storage_offset() + count) * x.itemsize > x.untyped_storage().nbytes())


def plain(x: Any) -> Any:
    """The tensor itself that a subclass is: what the subclass says of its shape or its memory need not be so."""
    if isinstance(x, (list, tuple)):
        return [plain(part) for part in x]
    if not isinstance(x, Tensor) or type(x) in PLAIN or type(x).__torch_dispatch__ != Tensor.__torch_dispatch__:
        return x  # a subclass with ops of its own holds no elements
    with torch._C.DisableTorchFunctionSubclass():
        return Tensor.as_subclass(x, Tensor)


def check_setting(name: str, value: Any, declared: Any) -> None:
    """A setting that is no tensor has one of its declared values."""
    if isinstance(declared, range):
        if value < declared.start:
            raise ValueError(f"{name} must be at least {declared.start}, got {value}")
        if value >= declared.stop:
            raise ValueError(f"{name} must be below {declared.stop}, got {value}")
    elif declared is not bool:
        if isinstance(declared[0], str):
            validate.choice(name, value, declared)
        else:
            if len(value) != len(declared):
                raise ValueError(f"{name} must be {len(declared)} integers, got {tuple(value)}")
            for item, allowed in zip(value, declared, strict=True):
                check_setting(name, item, allowed)


def check_type(name: str, value: Any, declared: Any) -> None:
    """A setting has the Python type of its declared values."""
    if isinstance(declared, range):
        validate.integer(name, value, declared.start)
    elif declared is bool:
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be True or False, got {validate.kind(value)}")
    elif isinstance(declared[0], str):
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a string, got {validate.kind(value)}")
    elif not isinstance(value, (list, tuple)):
        raise TypeError(f"{name} must be {len(declared)} integers, got {validate.kind(value)}")
    else:
        for item, allowed in zip(value, declared, strict=False):
            check_type(name, item, allowed)
