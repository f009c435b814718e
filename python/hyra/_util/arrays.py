"""Arrays of other libraries: the one place where they come in as tensors and leave as arrays again.

NumPy, CuPy and everything else with ``__dlpack__`` share memory with the tensor; nothing is copied but what DLPack
cannot express (negative strides, foreign byte order, read-only memory). On a GPU, work comes after what the streams of
both libraries have been given, and before what they will be: with CuPy as `accepts_arrays` says, with others as DLPack
does, by which the array's library has torch's current stream wait for it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from hyra._util.texts import message

P = ParamSpec("P")
R = TypeVar("R")


def to_tensor(array: Any, name: str) -> Tensor:
    """A tensor on the memory of `array`.

    Args:
        array: a tensor (returned as it is), a NumPy or CuPy array, or any object with ``__dlpack__``.
        name: the argument's name, for the error message.

    Raises:
        TypeError: `array` is none of these, has no numbers that torch knows, or masks some of them.

    Example:
        >>> image = np.zeros((2, 2), dtype=np.float32)
        >>> to_tensor(image, "preds")[0, 0] = 1
        >>> float(image[0, 0])
        1.0
    """
    if isinstance(array, Tensor):
        return array
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise TypeError(f"{name} must have a value everywhere, got an array that masks {array.mask.sum()} of them")
    if isinstance(array, np.ndarray):
        try:
            return torch.from_numpy(_plain(array))
        except TypeError:
            raise TypeError(f"{name} must hold numbers that torch knows, got an array of {array.dtype}") from None
    if hasattr(array, "__dlpack__"):
        # torch.from_dlpack aborts the interpreter on negative strides instead of raising.
        strides = getattr(array, "strides", None) or ()
        try:
            return from_dlpack(array.copy() if any(stride < 0 for stride in strides) else array)
        except Exception as error:  # whatever a foreign library raises
            raise TypeError(f"{name} must be an array that torch can share by __dlpack__: {message(error)}") from error
    raise TypeError(f"{name} must be a torch tensor or an array with __dlpack__, got {type(array).__name__}")


def _plain(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array itself, or a copy that torch can share: positive strides, native byte order, writable."""
    shareable = array.flags.writeable and array.dtype.isnative and all(stride >= 0 for stride in array.strides)
    return array if shareable else np.array(array, dtype=array.dtype.newbyteorder("="), order="C")


def from_tensor(tensor: Any, like: Any) -> Any:
    """`tensor`, or each of a dictionary, as an array of the library that `like` comes from, on the same memory.

    Where that library has none of its own, and what is no tensor, is returned as it is.
    """
    if isinstance(tensor, dict):
        return {key: from_tensor(value, like) for key, value in tensor.items()}
    if not isinstance(tensor, Tensor):
        return tensor
    if isinstance(like, np.ndarray):
        return tensor.detach().numpy()
    if _library(like) == "cupy":
        import cupy

        return cupy.from_dlpack(tensor.detach())
    return tensor


def _library(array: Any) -> str:
    return type(array).__module__.partition(".")[0]


@contextmanager
def _on_stream_of(array: Any) -> Iterator[None]:
    """Work on CuPy's current stream, after all that torch's current one has been given, and before what it will be.

    Tensors beside the array, and those that an object keeps from an earlier call, are written on torch's stream, and
    may be written again or freed there as soon as the call returns. Where both libraries use one stream, as they do by
    default, nothing waits. Nor does what CuPy captures, which runs when its graph is replayed: the order is then the
    owner's.
    """
    import cupy

    device = array.device.id
    address = cupy.cuda.get_current_stream(device).ptr
    external: Any = torch.cuda.ExternalStream  # untyped in torch
    # The address of CUDA's default stream is 0, which ExternalStream takes for "any stream".
    ours = external(address, device=device) if address else torch.cuda.default_stream(device)
    theirs = torch.cuda.current_stream(device)
    with torch.cuda.stream(ours):
        if ours == theirs or torch.cuda.is_current_stream_capturing():
            yield
            return
        ours.wait_stream(theirs)
        try:
            yield
        finally:
            theirs.wait_stream(ours)


def accepts_arrays(*names: str, kept: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator: the arguments `names` may be arrays; tensors then leave as arrays of the same library.

    Args:
        names: of the arguments.
        kept: whether the tensors outlive the call. CuPy would give memory that it has got back to whatever comes next
            on its own stream, while kernels on torch's still read it: they are then copies.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        parameters = list(inspect.signature(function).parameters)
        places = [(name, parameters.index(name)) for name in names]

        def taken(array: Any, name: str) -> Tensor:
            tensor = to_tensor(array, name)
            return tensor.clone() if kept and _library(array) == "cupy" else tensor

        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            # By hand: binding takes as long as all the rest of a call for a small image.
            arrays: list[Any] = []
            for name, place in places:
                array = args[place] if place < len(args) else kwargs.get(name)
                if not isinstance(array, Tensor) and (place < len(args) or name in kwargs):
                    arrays.append(array)
            if not arrays:
                return function(*args, **kwargs)
            like = arrays[0]
            on_gpu = next((array for array in arrays if _library(array) == "cupy"), None)
            with nullcontext() if on_gpu is None else _on_stream_of(on_gpu):
                positional: list[Any] = list(args)
                named: dict[str, Any] = dict(kwargs)
                for name, place in places:
                    if place < len(args):
                        positional[place] = taken(args[place], name)
                    elif name in kwargs:
                        named[name] = taken(kwargs[name], name)
                result = cast(Any, function)(*positional, **named)
                return cast(R, from_tensor(result, like))

        return wrapper

    return decorate
