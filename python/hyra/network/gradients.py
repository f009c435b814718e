"""Gradients of numbers made from a network's output with respect to its input."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from hyra._util.texts import message
from hyra.network.forward import NetworkError
from hyra.network.wrapper import Network


class MissingGradients(NetworkError):  # noqa: N818 - it says what is the matter
    """The network runs, but no gradients pass through it: `__cause__` is the exception that says so, if any."""


class Graph:
    """One run of a network with what its gradients need; its memory is freed with the object.

    Args:
        network: within its `untouched`, where this is used many times.
        images: `[N, C, h, w]` in 0..1, of any size.

    Attributes:
        output: `[N, C_out, s*h, s*w]`, at least float32, with its graph.

    Raises:
        MissingGradients: no gradients pass through the network.
        NetworkError, ValueError, torch.OutOfMemoryError: as for `Network.run`.
    """

    def __init__(self, network: Network, images: Tensor) -> None:
        self._network = network
        # Tensors of inference mode, such as a caller's images, take part in no graph.
        with torch.inference_mode(mode=False):
            self._images = images.detach().clone().requires_grad_()
            try:
                self.output = network.with_graph(self._images)
            except NetworkError as error:
                with torch.no_grad():  # which leaving inference mode has ended
                    network.run(images)  # if it raises there too, that is the error
                raise _missing(error.__cause__ or error) from error
            if not self.output.requires_grad:
                raise _missing(None)

    def gradients(self, number: Callable[[Tensor, int], Tensor], count: int) -> Iterator[Tensor]:
        """The gradients `[N, C, h, w]` of `number(output, i)`, for i from 0 to `count - 1`."""
        with torch.inference_mode(mode=False):
            for index in range(count):
                with torch.enable_grad():
                    value = number(self.output, index)
                yield self._gradient(value, last=index == count - 1)

    def _gradient(self, value: Tensor, *, last: bool) -> Tensor:
        try:
            (gradient,) = torch.autograd.grad(value, self._images, retain_graph=not last, allow_unused=True)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            if "can't allocate memory" in message(error):  # the CPU's allocator
                raise torch.OutOfMemoryError(message(error)) from error
            raise _missing(error) from error
        if gradient is None:
            raise _missing(None)
        return gradient


def _missing(cause: BaseException | None) -> MissingGradients:
    reason = "its output does not depend on its input for autograd" if cause is None else message(cause)
    return MissingGradients(f"the network has no gradients: {reason}")
