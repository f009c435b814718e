"""Leaving a module, and the process, as they were found, whatever happens in between."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

_LOCKS: dict[int, threading.RLock] = {}
_LOCKS_LOCK = threading.Lock()

_FLAGS = (
    (torch.backends.cudnn, "benchmark"),
    (torch.backends.cudnn, "deterministic"),
    (torch.backends.cudnn, "enabled"),
    (torch.backends.mkldnn, "enabled"),
)


def _set_default_device(device: torch.device) -> None:
    # None, not the CPU, is how torch begins: a device that is set goes through every call.
    torch.set_default_device(None if device.type == "cpu" else device)
    context = torch._GLOBAL_DEVICE_CONTEXT
    if getattr(context, "device_context", context) is None:
        del context.device_context  # torch.get_default_device of torch 2.6 asks it all the same


_SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...] = (
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    # torch.get_default_device makes a tensor that no transform of torch.func allows.
    (lambda: torch.empty(0, dtype=torch.float32, device=None).device, _set_default_device),
    *((partial(getattr, *flag), partial(setattr, *flag)) for flag in _FLAGS),
)
"""What a network may set for the whole process: how to ask for it, and how to set it again."""


def lock_of(owner: object) -> threading.RLock:
    """The lock of an object, the same for everybody who asks while it lives.

    Who probes a module switches it to evaluation mode and back, so two threads must not do so at a time.
    """
    with _LOCKS_LOCK:
        lock = _LOCKS.get(id(owner))
        if lock is None:
            lock = _LOCKS[id(owner)] = threading.RLock()
            weakref.finalize(owner, _LOCKS.pop, id(owner), None)
        return lock


def _after_fork() -> None:
    """A lock that another thread held stays locked in the child, where nobody is left to open it."""
    global _LOCKS_LOCK  # noqa: PLW0603 - a fork is a property of the process
    _LOCKS.clear()
    _LOCKS_LOCK = threading.Lock()
    for state in _RANDOM_STATES.values():
        state.users, state.lock = 0, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def settings_kept() -> Iterator[None]:
    """Afterwards torch's settings of the process are what they were."""
    before = [get() for get, _ in _SETTINGS]
    try:
        yield
    finally:
        for value, (get, put) in zip(before, _SETTINGS, strict=True):
            if get() != value:
                put(value)


class _RandomState:
    """The state of one generator, held while anybody draws from it: the first to come keeps it, the last sets it."""

    def __init__(self, get: Callable[[], Tensor], put: Callable[[Tensor], object]) -> None:
        self.get, self.put = get, put
        self.users, self.lock = 0, threading.Lock()

    def __enter__(self) -> None:
        with self.lock:
            if self.users == 0:
                self.state = self.get()
            self.users += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                self.put(self.state)


_RANDOM_STATES = {torch.device("cpu"): _RandomState(torch.get_rng_state, torch.set_rng_state)}


@contextmanager
def random_state_kept(device: torch.device | None) -> Iterator[None]:
    """Afterwards torch's random state, and that of a GPU, are what they were, also when several threads do this."""
    with ExitStack() as stack:
        stack.enter_context(_RANDOM_STATES[torch.device("cpu")])
        if device is not None and device.type == "cuda":
            get, put = partial(torch.cuda.get_rng_state, device), partial(torch.cuda.set_rng_state, device=device)
            stack.enter_context(_RANDOM_STATES.setdefault(device, _RandomState(get, put)))
        yield


@contextmanager
def evaluating(module: nn.Module | None, device: torch.device | None) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards training flags, parameters, buffers and random state are restored.

    Values are compared and copied back, since networks that merge their branches for inference write into their own
    parameters in `forward`, past every version counter.
    """
    with random_state_kept(device), torch.no_grad():
        if module is None:
            yield
            return
        parts = list(module.modules())
        flags = [(part, part.training) for part in parts if hasattr(part, "training")]  # a frozen program has none
        members = [_Members(part) for part in parts if not isinstance(part, torch.jit.ScriptModule)]
        tensors = [_Saved(part, name, tensor) for part in parts for name, tensor in _own_tensors(part)]
        try:
            if any(flag for _, flag in flags):
                with suppress(NotImplementedError):  # exported programs refuse, having no training mode
                    module.eval()
            yield
        finally:
            for kept in members:
                kept.restore()
            for part, flag in flags:
                part.training = flag
            for saved in tensors:
                saved.restore()


def _own_tensors(part: nn.Module) -> list[tuple[str, Tensor]]:
    return [*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)]


@contextmanager
def attributes_kept(module: nn.Module | None) -> Iterator[None]:
    """Afterwards every part of a module has the attributes it had, and its lists and mappings hold what they held.

    While a derivative is taken, tensors are wrapped; one that a network keeps is dead once the derivative is there: it
    can be neither read, nor copied, nor saved.
    """
    scripted = torch.jit.ScriptModule
    parts = [] if module is None else [part for part in module.modules() if not isinstance(part, scripted)]
    attributes = [(part, dict(vars(part)), _containers(part)) for part in parts]
    try:
        yield
    finally:
        for part, kept, containers in attributes:
            for name, content in containers.items():
                if not _same_objects(container := kept[name], content):
                    container.clear()
                    (container.extend if isinstance(container, list) else container.update)(content)
            now = vars(part)
            if not _same_objects(now, kept):
                now.clear()
                now.update(kept)


def _containers(part: nn.Module) -> dict[str, Any]:
    """Copies of the lists, sets and mappings that a part of a module has."""
    return {name: value.copy() for name, value in vars(part).items() if isinstance(value, dict | list | set)}


class _Members:
    """Which parameters, buffers and modules a part of a module has.

    Some register more in `forward`, such as a mask of the image's size, or put others in their place. What else the
    part then noted (that it has its mask) goes with them.
    """

    names = ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")

    def __init__(self, part: nn.Module) -> None:
        self.part = part
        self.attributes = dict(vars(part))
        self.members = {name: vars(part)[name].copy() for name in self.names}

    def restore(self) -> None:
        now = vars(self.part)
        if all(_same_objects(now[name], kept) for name, kept in self.members.items()):
            return
        for name, kept in self.members.items():
            self.attributes[name].clear()
            self.attributes[name].update(kept)
        for name in now.keys() - self.attributes.keys():
            del now[name]
        now.update(self.attributes)


def _same_objects(now: Any, kept: Any) -> bool:
    if isinstance(kept, set):
        return bool(now == kept)
    if isinstance(kept, list):
        return len(now) == len(kept) and all(a is b for a, b in zip(now, kept, strict=True))
    return list(now) == list(kept) and all(now[name] is kept[name] for name in kept)


class _Saved:
    """One parameter or buffer of a module, with its values.

    Only a dense tensor has an address and shares its memory with others; one of another layout (sparse, MKLDNN,
    nested, quantised) is put back whole.
    """

    def __init__(self, part: nn.Module, name: str, tensor: Tensor) -> None:
        self.part, self.name, self.tensor = part, name, tensor
        self.data, self.requires_grad = tensor.data, tensor.requires_grad
        self.has_address = tensor.layout == torch.strided and not (
            tensor.is_mkldnn or tensor.is_nested or tensor.is_quantized
        )
        self.bytes = tensor.untyped_storage().nbytes() if self.has_address else 0
        # torch clones not every kind of quantised tensor, and copies not every kind of nested one.
        self.value = deepcopy(tensor.detach()) if tensor.is_quantized else tensor.detach().clone()

    def restore(self) -> None:
        if getattr(self.part, self.name, None) is not self.tensor and not isinstance(self.part, torch.jit.ScriptModule):
            setattr(self.part, self.name, self.tensor)
        if self.tensor.requires_grad != self.requires_grad:
            self.tensor.requires_grad_(self.requires_grad)
        if not self.has_address:
            if not _equal(self.tensor.detach(), self.value):
                self.tensor.data = self.value
            return
        if self.data.untyped_storage().nbytes() < self.bytes:
            self.data.untyped_storage().resize_(self.bytes)
        if self.tensor.data_ptr() != self.data.data_ptr() or self.tensor.shape != self.data.shape:
            self.tensor.data = self.data
        if not _equal(self.data, self.value):
            self.data.copy_(self.value)


def _equal(x: Tensor, y: Tensor) -> bool:
    """Whether two tensors are known to have the same values; of some kinds torch cannot tell."""
    if x.is_nested:
        return False
    dense = x.layout == torch.strided and not x.is_mkldnn
    try:
        return torch.equal(x, y) if dense else torch.equal(x.to_dense(), y.to_dense())
    except RuntimeError:
        return False
