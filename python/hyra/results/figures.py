"""The register of figures: which function draws which kind of result.

A result knows nothing of matplotlib or of `hyra.plots`. A function that draws a result says so with `draws`, and
`Result.plot` finds it here. Who puts the package together says with `provide` how the functions come in, which happens
when the first figure is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_register: dict[tuple[type, str], Callable[..., Any]] = {}
_providers: list[Callable[[], object]] = []


def draws(kind: type, form: str = "figure") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator: this function draws results of the type `kind`, its first argument, as a figure or in another form.

    Raises:
        ValueError: another function draws them already.
    """

    def register(function: Callable[P, R]) -> Callable[P, R]:
        if (kind, form) in _register:
            known = _register[kind, form].__qualname__
            raise ValueError(f"kind must be a type without a {form} as yet, got {kind.__name__}, which {known} draws")
        _register[kind, form] = function
        return function

    return register


def provide(load: Callable[[], object]) -> None:
    """Call `load`, which imports functions that draw, when a figure is wanted for the first time."""
    _providers.append(load)


def figure_of(kind: type, form: str = "figure") -> Callable[..., Any]:
    """The function that draws results of the type `kind`, or of the nearest type that it comes from.

    Raises:
        TypeError: there is none.
    """
    while _providers:
        _providers.pop()()
    for parent in kind.__mro__:
        if (parent, form) in _register:
            return _register[parent, form]
    raise TypeError(f"results of type {kind.__name__} have no {form}: register one with hyra.results.figures.draws")
