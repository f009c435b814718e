"""A network inside another callable, whose weights, device and training flag are still seen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn

Net = Callable[..., Any]
Call = Callable[[Any, Tensor], Any]
"""What is done with a network and images."""


def adapted(net: Net, call: Call) -> Net:
    """``call(net, images)`` as a function of the images: a module, where `net` is one."""
    if not callable(net):
        raise TypeError(f"net must be callable on a tensor, got {type(net).__name__}")
    return Adapted(net, call) if isinstance(net, nn.Module) else partial(call, net)


class Adapted(nn.Module):
    """A module that calls `net` in another way.

    `call` is given the network at every call and holds none itself, so that a copy of this module calls the copy.
    """

    def __init__(self, net: nn.Module, call: Call) -> None:
        super().__init__()
        self.net = net
        self.call = call

    def forward(self, images: Tensor) -> Any:
        """Whatever `call` returns."""
        return self.call(self.net, images)
