"""An op: a function in plain torch, what it demands of its arguments, and the native kernels that take its place."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import Tensor
from torch._library.autograd import make_autograd_impl
from torch._library.custom_ops import CustomOpDef
from torch.autograd import forward_ad

from hyra._native import dispatch
from hyra._native.arguments import plain
from hyra._native.declaration import Declaration, signature
from hyra._native.modules import MODULES
from hyra._util import validate
from hyra._util.autocast import outside_autocast

F = TypeVar("F", bound=Callable[..., Any])

KEPT = 1024  # signatures of calls that have been checked, for each function


def op(
    *,
    derived: dict[str, Callable[..., int]] | None = None,
    multiples: tuple[tuple[str, str], ...] = (),
    **arguments: Any,
) -> Callable[[Callable[..., Any]], Op]:
    """Decorator: the torch op ``hyra::<name of the function>``, whose body is the function.

    Args:
        derived: as in `Declaration`.
        multiples: as in `Declaration`.
        arguments: what each argument must be, see `hyra._native.declaration`.
    """

    def decorate(body: Callable[..., Any]) -> Op:
        declaration = Declaration(inspect.signature(body), arguments, derived or {}, multiples)
        schema = torch.library.infer_schema(body, mutates_args=())
        checked = _checked(body, declaration)
        made = torch.library.custom_op(f"hyra::{body.__name__}", checked, mutates_args=(), schema=schema)
        made.__class__ = Op  # torch makes the object, and how it does depends on the version
        this = cast(Op, made)
        this.declaration = declaration
        this._bodies, this._known = {None: body}, set()
        this._spare_the_compiler(list(this._backend_fns))
        this._refuse_tangents()
        this._ignore_autocast()
        return this

    return decorate


def _checked(f: F, declaration: Declaration) -> F:
    accepted: set[Any] = set()  # a check takes longer than all else around a small kernel

    @functools.wraps(f)
    def checked(*args: Any) -> Any:
        seen = signature(args)
        if seen is None:
            args = tuple(plain(x) for x in args)
        if seen is None or seen not in accepted:
            declaration.check(args)
            remember(accepted, seen)
        return f(*args)

    return cast(F, checked)


def _once_loaded(guarded: Callable[..., Any]) -> Callable[..., Any]:
    """As `guarded`, by which torch keeps its compiler out of a function, or the function alone before there is one."""
    alone = getattr(guarded, "__wrapped__", guarded)

    def call(*args: Any, **kwargs: Any) -> Any:
        return (guarded if "torch._dynamo" in sys.modules else alone)(*args, **kwargs)

    return call


def remember(signatures: set[Any], seen: Any) -> None:
    """Add one, to no more than are kept."""
    if len(signatures) >= KEPT:
        signatures.clear()
    signatures.add(seen)


class Op(CustomOpDef):
    """An op of torch that checks its arguments by one declaration, whichever way it is called and whatever serves it.

    The body, every kernel and the fake are registered behind the check. What torch refuses before it comes to one of
    them (another Python type, a layout that it does not dispatch) is explained in the same words.
    """

    declaration: Declaration
    _bodies: dict[str | None, Callable[..., Any]]
    """Without the check, by device; under None the one in plain torch."""
    _known: set[Any]
    """Signatures of calls that torch's dispatcher has brought to a body."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the op."""
        if torch.compiler.is_compiling():
            return self._opoverload(*args, **kwargs)
        try:
            return self._called(args, kwargs)
        except ValueError:
            raise
        except Exception as error:  # torch asserts, too
            refusal = error
        try:
            self.declaration.explain(args, kwargs, refusal)
            raise refusal
        finally:
            del refusal  # its traceback holds this frame, and the frame it: tensors and torch's guards would live on

    def _called(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """By torch's dispatcher, or the same way as a call before that it only handed on, without it."""
        if (device := dispatch.plain_device()) is not None:
            return self._body(device)(*args, **kwargs)
        plain = None if kwargs else dispatch.plain_call(args)
        if plain is None:
            return self._opoverload(*args, **kwargs)
        device, seen = plain
        if seen in self._known:
            return self.plainly(device, *args)
        result = self._opoverload(*args)
        remember(self._known, seen)
        return result

    def plainly(self, device: str, *args: Any) -> Any:
        """A call that is plain, on `device`, and made with arguments that need no check: see `dispatch.Plainly`."""
        with dispatch.as_a_kernel():
            return self._body(device)(*args)

    def _body(self, device: str) -> Callable[..., Any]:
        return self._bodies[None if device in self._disabled_kernel or device not in self._bodies else device]

    def register_kernel(self, device_types: Any, fn: Callable[..., Any] | None = None, /) -> Callable[[F], F]:
        """As torch's, with the check before the kernel."""

        def decorate(kernel: F) -> F:
            super(Op, self).register_kernel(device_types)(_checked(kernel, self.declaration))
            devices = [device_types] if device_types is None or isinstance(device_types, str) else list(device_types)
            self._spare_the_compiler(devices)
            self._bodies.update(dict.fromkeys(devices, kernel))
            return kernel

        return decorate if fn is None else cast(Any, decorate(cast(Any, fn)))

    def register_native(self, kernel: F) -> F:
        """Decorator: a native kernel takes the place of the body on every device that has a module."""
        for device in MODULES:  # one at a time: with several, torch disables all of them by the name of the last one
            self.register_kernel(device)(kernel)
        return kernel

    def register_fake(self, fn: F, /) -> F:
        """As torch's, with the check before it."""
        super().register_fake(_checked(fn, self.declaration))
        return fn

    def _spare_the_compiler(self, devices: list[str | None]) -> None:
        """Call bodies and kernels without `torch.compile`, which torch loads only to keep it out of them.

        That takes as long as to load torch. Where nobody has loaded it, there is nothing to keep out.
        """
        for device in devices:
            self._backend_fns[device] = _once_loaded(self._backend_fns[device])

    def _refuse_tangents(self) -> None:
        """Raise on a forward-mode tangent, which torch's custom ops drop without a word.

        It is seen in the autograd layer alone: `torch.func` takes its tensors apart there, before any kernel runs.
        """
        differentiate = make_autograd_impl(self._opoverload, self)

        def checked(keys: Any, *args: Any) -> Any:
            if forward_ad._current_level >= 0:  # in forward mode
                for name, arg in zip(self.declaration.arguments, args, strict=True):
                    for x in arg if isinstance(arg, list) else (arg,):
                        if isinstance(x, Tensor):
                            validate.without_tangent(name, x)
            return differentiate(keys, *args)

        for device in ("CPU", "CUDA", "MPS"):  # each comes before "Autograd", which torch has registered
            self._lib.impl(self._name, checked, f"Autograd{device}", with_keyset=True)  # type: ignore[no-untyped-call]

    def _ignore_autocast(self) -> None:
        """Run body and kernels outside the user's autocast, which torch looks for before it looks for a kernel."""
        plain = outside_autocast(self._opoverload.__call__)

        def on(_: Any, *args: Any) -> Any:
            return plain(*args)

        for device in ("CPU", "CUDA", "MPS"):
            self._lib.impl(self._name, on, f"Autocast{device}", with_keyset=True)  # type: ignore[no-untyped-call]
