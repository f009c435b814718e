"""Networks that a Python module or file defines. To name one is to ask for its code to run."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from hyra.models.model import Network, reason

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
        raise ValueError(f"{place}:{name}() failed: {reason(error)}") from error
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
        spec.loader.exec_module(module)
    except _FAILURES as error:
        raise ValueError(f"{path} cannot be run: {reason(error)}") from error
    return module
