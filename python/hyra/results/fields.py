"""The fields of a dataclass as JSON and tensors, and back as their annotated types say.

Annotations may be `Tensor`, `bool`, `int`, `float`, `str`, `Any` (one of the last four), `Fraction` (a text, "3/2"),
unions of those with None, tuples, mappings from strings, and dataclasses of all these. A field that was added in a
later format says so with ``field(default=..., metadata={"since": N})``: files of an earlier format may lack it, all
others must have it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, Field, fields, is_dataclass
from fractions import Fraction
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import torch
from torch import Tensor

_NOT_FINITE = ("nan", "inf", "-inf")
"""How floats are written that JSON lacks."""
_LARGEST_INTEGER = 2**63 - 1
_SCALARS: Mapping[type, str] = {
    bool: "true or false",
    int: "an integer of at most 63 bits",
    float: "a number",
    str: "a text",
}
_SHOWN = 60


def pack(value: Any, tensors: dict[str, Tensor], path: str = "") -> Any:
    """A value as JSON; its tensors go into `tensors`, each under the path that leads to it.

    Raises:
        TypeError: it holds something that cannot be stored.
    """
    if isinstance(value, Tensor):
        stored = value.detach().cpu()
        stored = torch.view_as_real(stored) if stored.is_complex() else stored
        tensors[path] = stored.clone(memory_format=torch.contiguous_format)  # the format refuses shared memory
        return "complex" if value.is_complex() else "real"
    if is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): pack(part, tensors, f"{path}/{name}") for name, part in value.items()}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Sequence):
        return [pack(part, tensors, f"{path}/{i}") for i, part in enumerate(value)]
    if value is None or isinstance(value, bool | np.bool_):
        return value if value is None else bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Real):
        number = float(value)
        return number if math.isfinite(number) else str(number)
    raise TypeError(f"{_named(path)} cannot be stored, got {type(value).__name__}")


def unpack(kind: Any, value: Any, tensors: dict[str, Tensor], form: int, path: str = "") -> Any:
    """The inverse of `pack` for a value of the annotated type `kind` in a file of the format `form`.

    It takes out of `tensors` what belongs to the value.

    Raises:
        ValueError: it is none; the sentence says which part, what was expected and what came.
    """
    if get_origin(kind) in (Union, UnionType):
        kind = _member(kind, value, path in tensors)
    if kind is Any:
        kind = type(value) if type(value) in _SCALARS else NoneType
    if kind is NoneType and value is None:
        return None
    if kind is Tensor:
        return _tensor(value, tensors, path)
    if kind in _SCALARS:
        return _scalar(kind, value, path)
    if kind is Fraction:
        return _fraction(value, path)
    if is_dataclass(kind):
        return _instance(kind, value, tensors, form, path)
    parts = get_args(kind)
    if get_origin(kind) is tuple and isinstance(value, list):
        kinds = [parts[0]] * len(value) if parts[1:] == (...,) else parts
        if len(kinds) == len(value):
            numbered = enumerate(zip(kinds, value, strict=True))
            return tuple(unpack(part_kind, part, tensors, form, f"{path}/{i}") for i, (part_kind, part) in numbered)
    if get_origin(kind) is Mapping and isinstance(value, dict):
        return {name: unpack(parts[1], part, tensors, form, f"{path}/{name}") for name, part in value.items()}
    raise _fault(path, "of another type" if kind is NoneType else _described(kind), value)


def _member(union: Any, value: Any, is_tensor: bool) -> Any:
    """The type in a union that a stored value should have."""
    members = get_args(union)
    if value is None and NoneType in members:
        return NoneType
    if is_tensor and Tensor in members:
        return Tensor
    if Fraction in members and isinstance(value, str):
        return Fraction
    rest = [member for member in members if member not in (NoneType, Tensor)]
    return next((member for member in rest if member is type(value)), rest[0] if rest else Tensor)


def _tensor(value: Any, tensors: dict[str, Tensor], path: str) -> Tensor:
    tensor = tensors.pop(path, None)
    if tensor is None or value not in ("real", "complex"):
        raise _fault(path, "a tensor", value)
    if value == "real":
        return tensor
    if tensor.dtype not in (torch.float32, torch.float64) or tensor.shape[-1:] != (2,):
        shape = f"{tensor.dtype} {list(tensor.shape)}"
        raise ValueError(f"{_named(path)} must be stored as real and imaginary parts, got {shape[:_SHOWN]}")
    return torch.view_as_complex(tensor)


def _scalar(kind: type, value: Any, path: str) -> Any:
    if not (isinstance(value, int) and abs(value) > _LARGEST_INTEGER):
        if kind is float and (type(value) in (int, float) or value in _NOT_FINITE):
            return float(value)
        if type(value) is kind:
            return value
    raise _fault(path, _SCALARS[kind], value)


def _fraction(value: str, path: str) -> Fraction:
    numbers = value.split("/")
    if len(numbers) == 2 and all(part.isascii() and part.isdigit() and len(part) < 10 for part in numbers):
        with suppress(ZeroDivisionError):
            return Fraction(value)
    raise _fault(path, "an integer or a fraction", value)


def _instance(kind: Any, value: Any, tensors: dict[str, Tensor], form: int, path: str) -> Any:
    if not isinstance(value, dict):
        raise _fault(path, _described(kind), value)
    known = {field.name: field for field in fields(kind)}
    for name in (*known, *value):
        if name not in value and not _may_lack(known[name], form):
            raise ValueError(f"{_named(path)} must have {name!r}, got {short(value)} without it")
        if name not in known:
            raise ValueError(f"{_named(path)} must have no other part than {', '.join(known)}, got {short(name)}")
    kinds = get_type_hints(kind)
    parts = {name: unpack(kinds[name], part, tensors, form, f"{path}/{name}") for name, part in value.items()}
    try:
        return kind(**parts)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{_named(path)}: {error}" if path else str(error)) from error


def _may_lack(field: Field[Any], form: int) -> bool:
    has_default = field.default is not MISSING or field.default_factory is not MISSING
    return has_default and form < int(field.metadata.get("since", 0))


def short(value: Any) -> str:
    """What came, for a message: lists and mappings by their length, everything else on one short line."""
    if isinstance(value, list | dict):
        return f"a {'list' if isinstance(value, list) else 'mapping'} of {len(value)}"
    return _clipped(repr(value))


def _fault(path: str, expected: str, value: Any) -> ValueError:
    return ValueError(f"{_named(path)} must be {expected}, got {short(value)}")


def _named(path: str) -> str:
    """`mean.response` for the path `/mean/response`, from which it may be that a stranger wrote it."""
    name = path.strip("/").replace("/", ".")
    return _clipped(name if name.isprintable() else repr(name)) or "it"


def _clipped(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _described(kind: Any) -> str:
    if is_dataclass(kind):
        return f"the parts of a {getattr(kind, '__name__', kind)}"
    parts = get_args(kind)
    if get_origin(kind) is tuple:
        return "a list" if parts[1:] == (...,) else f"a list of {len(parts)}"
    return "a mapping" if get_origin(kind) is Mapping else "of a type that can be stored"
