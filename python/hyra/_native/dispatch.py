"""Whether torch's dispatcher would do anything with a call but run the kernel of a device.

Its way to an op that is in Python takes as long as twenty ops of its own. It says itself who is on that way: the keys
of a tensor (a gradient, `torch.func`, a conjugate, a layout) and those that a thread adds or takes away (autocast,
tracing, a mode). Where there are none but those of plain tensors, the way leads nowhere but to the kernel.

torch promises none of these names to anybody. With a version that lacks one, every call goes its way.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from hyra._native.arguments import exceeds_storage

_C: Any = torch._C  # untyped
_keys_of: Any = getattr(_C, "_dispatch_keys", None)
_included: Any = getattr(_C, "_dispatch_tls_local_include_set", None)
_excluded: Any = getattr(_C, "_dispatch_tls_local_exclude_set", None)
_function_modes: Any = getattr(_C, "_len_torch_function_stack", None)
_is_profiled: Any = getattr(_C._autograd, "_profiler_enabled", None)
_differentiates = torch.is_grad_enabled

as_a_kernel: Any = getattr(_C, "_AutoDispatchBelowAutograd", None)
"""A context: what the dispatcher has done when it comes to a kernel. Nothing in it is recorded for a gradient."""

_IS_KNOWN = None not in (_keys_of, _included, _excluded, _function_modes, _is_profiled, as_a_kernel)
"""Whether this torch can be asked."""


def _keys(*names: str) -> int:
    keys = _C.DispatchKeySet(getattr(_C.DispatchKey, names[0]))
    for name in names[1:]:
        keys = keys | _C.DispatchKeySet(getattr(_C.DispatchKey, name))
    return int(keys.raw_repr())


_PLAIN = {
    keys: device.lower()
    for device in (("CPU", "CUDA") if _IS_KNOWN else ())
    for keys in (
        _keys(device, "ADInplaceOrView", f"Autograd{device}", f"Autocast{device}"),
        _keys(device, f"Autocast{device}"),  # made in inference mode
    )
}
"""The keys of plain tensors, with their device."""

_ADDED = _keys("BackendSelect", "ADInplaceOrView") if _IS_KNOWN else 0
_TAKEN_AWAY = _keys("AutocastCPU", "AutocastCUDA") if _IS_KNOWN else 0
"""What a thread adds and takes away by itself: outside autocast, its keys."""


def plain_call(args: Sequence[Any]) -> tuple[str, tuple[Any, ...]] | None:
    """Where nothing but a kernel is on the way of a call: whose, ``"cpu"`` or ``"cuda"``, and what the call is.

    That is all that a check sees of the arguments, hashable: calls of which it is the same are right, or wrong, alike.
    Tensors in a list are none that it takes.
    """
    if not _IS_KNOWN or torch.compiler.is_compiling() or _is_watched():
        return None
    device = None
    parts: list[Any] = []
    for x in args:
        kind = type(x)
        if kind is Tensor:
            device = _PLAIN.get(_keys_of(x).raw_repr())
            if device is None or (x.requires_grad and _differentiates()) or exceeds_storage(x):
                return None
            parts += (x.dtype, x.shape, x.device)
        elif kind is int or kind is str or kind is bool:
            parts += (kind, x)
        elif kind is tuple and all(type(item) is int for item in x):
            parts.append(x)
        else:
            return None
    return None if device is None else (device, tuple(parts))


class _Thread(threading.local):
    device: str | None = None


_thread = _Thread()


class Plainly:
    """A context in which every call of an op is a plain one on a device, made with arguments that need no check.

    For what is made of a call that `plain_call` has seen through, of arguments that are as they should be.
    """

    def __init__(self, device: str) -> None:
        self._device = device

    def __enter__(self) -> None:
        self._guard = as_a_kernel()
        self._guard.__enter__()
        self._before, _thread.device = _thread.device, self._device

    def __exit__(self, *_: object) -> None:
        _thread.device = self._before
        self._guard.__exit__(None, None, None)


def plain_device() -> str | None:
    """The device of the `Plainly` that this thread is in."""
    return None if torch.compiler.is_compiling() else _thread.device


def _is_watched() -> bool:
    """Whether this thread has torch do more to calls than the tensors in them ask for."""
    return bool(
        _included().raw_repr() & ~_ADDED
        or _TAKEN_AWAY & ~_excluded().raw_repr()
        or _function_modes()
        or forward_ad._current_level >= 0
        or _is_profiled()
    )
