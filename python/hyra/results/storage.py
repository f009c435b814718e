"""Results on disk: tensors as safetensors, everything else as JSON in the same file's header."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import torch
from torch import Tensor

from hyra._util.extra import extra

R = TypeVar("R")


def write(file: str | Path, result: Any) -> None:
    """Write a dataclass of tensors, numbers, strings, None, and mappings, tuples and dataclasses of those."""
    with _safetensors():
        from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    header = json.dumps({"kind": type(result).__name__, "fields": _pack(result, "", tensors)}, allow_nan=False)
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(file), {"hyra": header})


def read(file: str | Path, kind: type[R]) -> R:
    """Read what `write` wrote; the types of the fields say how.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no result of this kind.
    """
    with _safetensors():
        from safetensors import SafetensorError, safe_open

    name = kind.__name__
    if not Path(file).is_file():
        raise FileNotFoundError(f"no file {str(file)!r} to load the {name} from")
    try:
        with safe_open(str(file), framework="pt") as opened:
            header = json.loads((opened.metadata() or {}).get("hyra", "{}"))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{str(file)!r} is no safetensors file: {error}") from error
    found = header.get("kind", "something else")
    if found != name:
        raise ValueError(f"{str(file)!r} must hold a result of kind {name}, got {found}")
    result: R = _unpack(kind, header["fields"], "", tensors)
    return result


def _pack(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """The value as JSON; its tensors go into `tensors`, each under the path that leads to it."""
    if isinstance(value, Tensor):
        stored = value.detach().cpu()
        stored = torch.view_as_real(stored) if stored.is_complex() else stored
        tensors[path] = stored.clone(memory_format=torch.contiguous_format)  # the format refuses shared memory
        return "complex" if value.is_complex() else "real"
    if is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _pack(part, f"{path}/{name}", tensors) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_pack(part, f"{path}/{i}", tensors) for i, part in enumerate(value)]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value  # JSON has no NaN


def _unpack(kind: Any, value: Any, path: str, tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of `_pack` for a value of the annotated type `kind`."""
    if path in tensors:
        return torch.view_as_complex(tensors[path]) if value == "complex" else tensors[path]
    if get_origin(kind) is UnionType:
        if value is None:
            return None
        (kind,) = (part for part in get_args(kind) if part not in (NoneType, Tensor))
    if is_dataclass(kind):
        kinds = get_type_hints(kind)
        parts = {name: _unpack(kinds[name], part, f"{path}/{name}", tensors) for name, part in value.items()}
        return kind(**parts)  # type: ignore[operator]  # it is a class, not an instance
    if isinstance(value, dict):
        _, kind = get_args(kind)
        return {name: _unpack(kind, part, f"{path}/{name}", tensors) for name, part in value.items()}
    if isinstance(value, list):
        first, *_ = get_args(kind)
        return tuple(_unpack(first, part, f"{path}/{i}", tensors) for i, part in enumerate(value))
    return float(value) if kind is float else value


def _safetensors() -> AbstractContextManager[None]:
    return extra("cli", "saving and loading results")
