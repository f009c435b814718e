"""What an op demands of its arguments together, and the one check of it that every backend makes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from hyra._native.arguments import PLAIN, Call, TensorArgument, check_setting, check_type, without_memory
from hyra._util import validate


@dataclass(frozen=True)
class Declaration:
    """The arguments of an op, in order, and what ties their extents together.

    ``derived`` are extents that follow from the integer arguments, which their functions take by name; ``multiples``
    pairs of extents of which the first is a multiple of the second, and 0 of 0 alone.
    """

    signature: inspect.Signature
    arguments: dict[str, Any]
    derived: dict[str, Callable[..., int]] = field(default_factory=dict)
    multiples: tuple[tuple[str, str], ...] = ()
    # What the check goes through, in order: settings first, since extents may refer to them.
    _settings: list[tuple[int, str, Any]] = field(default_factory=list)
    _tensors: list[tuple[int, TensorArgument | tuple[TensorArgument, ...]]] = field(default_factory=list)
    _derived: list[tuple[str, Callable[..., int], tuple[str, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if list(self.arguments) != list(self.signature.parameters):
            raise ValueError(f"an op declares its arguments in order, got {', '.join(self.arguments)}")
        for index, (name, declared) in enumerate(self.arguments.items()):
            if isinstance(declared, str):
                self._tensors.append((index, TensorArgument.parse(name, declared)))
            elif _of_tensors(declared):
                parts = (line.split(": ") for line in declared)
                self._tensors.append((index, tuple(TensorArgument.parse(*part) for part in parts)))
            else:
                self._settings.append((index, name, declared))
        for name, function in self.derived.items():
            self._derived.append((name, function, tuple(inspect.signature(function).parameters)))

    def check(self, args: Sequence[Any]) -> None:
        """Raise where arguments of the right Python types are not as declared.

        Raises:
            TypeError: a tensor has another dtype or layout.
            ValueError: a tensor has another shape or device, or a setting is none of those declared.
        """
        call = Call({})
        for index, name, declared in self._settings:
            check_setting(name, args[index], declared)
            call.extents[name] = args[index]
        for name, function, parameters in self._derived:
            call.extents[name] = function(*(int(call.extents[parameter]) for parameter in parameters))
        for index, tensor in self._tensors:
            if isinstance(tensor, tuple):
                if len(args[index]) != len(tensor):
                    raise ValueError(_not_tensors(list(self.arguments)[index], tensor, args[index]))
                for argument, x in zip(tensor, args[index], strict=True):
                    argument.check(x, call)
            else:
                tensor.check(args[index], call)
        for whole, part in self.multiples:
            of, by = call.extents[whole], call.extents[part]
            if of % by != 0 if by else of != 0:
                shapes = self._shape_with(part, args), self._shape_with(whole, args)
                raise ValueError(f"{part} must divide {whole}, got {part} = {by} of {' and '.join(shapes)}")

    def _shape_with(self, extent: str, args: Sequence[Any]) -> str:
        for index, tensor in self._tensors:
            if isinstance(tensor, TensorArgument) and extent in tensor.shapes[0].names:
                return f"{tensor.name} {tensor.shapes[0].text}, {tuple(args[index].shape)},"
        return extent

    def explain(self, args: Sequence[Any], kwargs: dict[str, Any], error: Exception) -> None:
        """Raise the sentence that a call deserves which torch has refused with `error`; return if there is none."""
        try:
            bound = self.signature.bind(*args, **kwargs).args
        except TypeError as wrong:
            raise TypeError(f"the arguments must be {', '.join(self.arguments)}: {wrong}") from None
        for index, tensor in self._tensors:
            parts = tensor if isinstance(tensor, tuple) else (tensor,)
            values = bound[index] if isinstance(tensor, tuple) else (bound[index],)
            if not isinstance(values, (list, tuple)) or len(values) != len(parts):
                raise TypeError(_not_tensors(list(self.arguments)[index], parts, values))
            for part, x in zip(parts, values, strict=True):
                if not isinstance(x, Tensor):
                    raise TypeError(f"{part.name} must be a torch.Tensor, got {validate.kind(x)}")
        for index, name, declared in self._settings:
            check_type(name, bound[index], declared)
        self.check(bound)
        named = [(part.name, x) for part, x in self._named(bound)]
        if "allocate" in str(error) or "overflow" in str(error) or isinstance(error, torch.OutOfMemoryError):
            name, x = max(named, key=lambda item: item[1].numel())
            raise ValueError(
                f"{name} must be small enough that it and the result have room in the memory of {x.device}, "
                f"got shape {tuple(x.shape)} of {x.dtype}"
            ) from error
        for name, x in named:
            if type(x) not in PLAIN:
                raise TypeError(f"{name} must be a plain torch.Tensor, got {type(x).__name__}") from error

    def _named(self, args: Sequence[Any]) -> list[tuple[TensorArgument, Tensor]]:
        pairs: list[tuple[TensorArgument, Tensor]] = []
        for index, tensor in self._tensors:
            pairs += zip(tensor, args[index], strict=True) if isinstance(tensor, tuple) else [(tensor, args[index])]
        return pairs


def _of_tensors(declared: Any) -> bool:
    return isinstance(declared, tuple) and isinstance(declared[0], str) and ": " in declared[0]


def _not_tensors(name: str, expected: Sequence[TensorArgument], value: Any) -> str:
    came = f"{len(value)} of them" if isinstance(value, (list, tuple)) else validate.kind(value)
    return f"{name} must be the tensors {', '.join(part.name for part in expected)}, got {came}"


def signature(args: Sequence[Any]) -> tuple[Any, ...] | None:
    """All that a check sees of these arguments, hashable; None where that takes a closer look."""
    parts: list[Any] = []
    try:
        for x in args:
            kind = type(x)
            if kind is Tensor:
                x.data_ptr()  # which only dense tensors have; others raise
                if x.is_meta or without_memory(x):  # nothing of which the shape tells
                    return None
                parts += (x.dtype, x.shape, x.device)
            elif kind is int or kind is str or kind is bool:
                parts += (kind, x)
            elif kind is list or kind is tuple:
                inner = signature(x)
                if inner is None:
                    return None
                parts.append(inner)
            else:  # a subclass of a tensor, a symbol while tracing
                return None
    except RuntimeError:
        return None
    return tuple(parts)
