"""The FFT libraries, watched."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np
import scipy.fft
import torch

try:
    import ducc0.fft
except ImportError:
    ducc0 = None

REAL_AND_COMPLEX = [
    f"{inverse}{kind}fft{n}" for inverse in ("", "i") for kind in ("", "r", "h") for n in ("", "2", "n")
]


def modules() -> list[tuple[Any, list[str]]]:
    """Each library with the names of its transforms."""
    found = [
        (library, [name for name in REAL_AND_COMPLEX if hasattr(library, name)]) for library in (torch.fft, scipy.fft)
    ]
    return found if ducc0 is None else [*found, (ducc0.fft, ["c2c", "c2r", "r2c"])]


@contextmanager
def watched() -> Iterator[list[str]]:
    """Every library refuses an array without elements; yields the names of the transforms that were called."""
    called: list[str] = []

    def checked(transform: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(transform)
        def call(*args: Any, **kwargs: Any) -> Any:
            called.append(name)
            for x in (*args, *kwargs.values()):
                if isinstance(x, torch.Tensor | np.ndarray) and 0 in x.shape:
                    raise AssertionError(f"{name} was asked to transform nothing, an array of shape {tuple(x.shape)}")
            return transform(*args, **kwargs)

        return call

    with ExitStack() as stack:
        for module, names in modules():
            for name in names:
                full = f"{module.__name__}.{name}"
                stack.enter_context(mock.patch.object(module, name, checked(getattr(module, name), full)))
        yield called
