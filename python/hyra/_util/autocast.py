"""The user's autocast is for the user's network: hyra's own arithmetic keeps the dtype that it promises."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import ExitStack
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")

_DEVICES = ("cpu", "cuda", "mps", "xpu")


def outside_autocast(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator: matrix products and convolutions in `function`, which runs no network, have the dtype of its tensors.

    Those are what needs it: of other operations autocast changes none that is given float32 or float64.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        devices = [device for device in _DEVICES if torch.is_autocast_enabled(device)]
        if not devices:
            return function(*args, **kwargs)
        with ExitStack() as stack:
            for device in devices:
                stack.enter_context(torch.autocast(device, enabled=False))
            return function(*args, **kwargs)

    return wrapper
