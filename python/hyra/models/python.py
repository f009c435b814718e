"""Networks that a Python module or file defines. To name one is to ask for its code to run."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from hyra.models.model import Network, reason

_NEVER_TWICE = {"__main__", "hyra", "numpy", "scipy", "torch", "torchvision"}
_FAILURES = (Exception, SystemExit)  # a script that ends itself must not end the caller, and with no word


def named_callable(place: str, name: str) -> Network:
    """The network `name` of a module or of a file; what makes one, a class or a function of nothing, is called."""
    module = _import_file(Path(place)) if place.endswith(".py") else _import_module(place)
    value = getattr(module, name, None)
    if not callable(value):
        got = "no such name" if value is None else f"{value!r}"
        raise ValueError(f"{place}:{name} must be a callable, got {got}")
    if not _makes_network(value):
        return _evaluating(value)
    try:
        network = value()
    except _FAILURES as error:
        kind = type(error).__name__
        text = reason(error).removeprefix(kind).strip()
        raise ValueError(
            f"{place}:{name}() must make a network when it is called without arguments, got {kind}"
            + (f": {text}" if text else "")
        ) from error
    if not callable(network):
        raise ValueError(f"{place}:{name}() must return a callable, got {type(network).__name__}")
    return _evaluating(network)


def _makes_network(value: Callable[..., Any]) -> bool:
    """Whether `value` is a factory: a network cannot do without its image, by position."""
    if isinstance(value, type):
        return True
    if isinstance(value, torch.nn.Module):
        return False
    try:
        parameters = inspect.signature(value).parameters.values()
    except ValueError:  # compiled functions, such as torch's own
        return False
    return all(
        p.kind is p.VAR_KEYWORD or (p.default is not p.empty and p.kind is not p.VAR_POSITIONAL) for p in parameters
    )


def _evaluating(network: Network) -> Network:
    return network.eval() if isinstance(network, torch.nn.Module) else network


def _import_module(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` does: the modules of the current folder can be named
    try:
        return importlib.import_module(name)
    except _FAILURES as error:
        raise ValueError(f"the module {name!r} cannot be imported: {reason(error)}") from error


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"no such model file: {path}")
    if (folder := str(path.parent.resolve())) not in sys.path:
        sys.path.insert(0, folder)  # as `python FILE.py` does: it can import its neighbours
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        with _neighbours_of(folder):
            spec.loader.exec_module(module)
    except _FAILURES as error:
        raise ValueError(f"{path} cannot be run: {reason(error)}") from error
    return module


_BROUGHT: dict[str, dict[str, ModuleType]] = {}
"""Modules of their own that files of models imported, by the folder of the file."""


@contextmanager
def _neighbours_of(folder: str) -> Iterator[None]:
    """Let a file import its neighbours by names that modules of another file have, and these keep their names.

    Two repositories may both have a package ``models``. What a network imports only when it runs is not told apart.
    """
    brought = _BROUGHT.setdefault(folder, {})
    foreign = [modules for place, modules in _BROUGHT.items() if place != folder]
    others = {
        name: module
        for name, module in sys.modules.items()
        if any(modules.get(name) is module for modules in foreign) or _is_shadowed(name, module, folder)
    }
    for name in others:
        del sys.modules[name]
    sys.modules.update(brought)
    before, path = dict(sys.modules), list(sys.path)
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        new = {name: module for name, module in sys.modules.items() if before.get(name) is not module}
        brought.update((name, module) for name, module in new.items() if _is_own(module))
        sys.modules.update(others)
        sys.path[:] = [*path, *(place for place in sys.path if place not in path)]


def _is_own(module: ModuleType) -> bool:
    """Whether a module is of somebody's project, and not of Python or installed."""
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    installed = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
    known = [str(place) for place in places if place]
    return bool(known) and not any(place.startswith(installed) for place in known)


def _is_shadowed(name: str, module: ModuleType, folder: str) -> bool:
    """Whether a module that somebody else imported has the name of a neighbour, another file."""
    top = name.partition(".")[0]
    if top in _NEVER_TWICE or not _is_own(module):
        return False
    neighbour = Path(folder, top)
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    elsewhere = not any(str(place).startswith(f"{folder}{os.sep}") for place in places if place)
    return elsewhere and (neighbour.is_dir() or neighbour.with_suffix(".py").is_file())
