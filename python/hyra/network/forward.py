"""One run of a callable: images in 0..1 go in, an image in 0..1 comes out, or one sentence that says why not."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from hyra._util import validate
from hyra._util.texts import message, printable
from hyra.network.output import image_in, in_unit_range
from hyra.network.untouched import settings_kept


class NetworkError(RuntimeError):
    """The network itself failed: the message says on which input, `__cause__` is the network's own exception."""


class Forward:
    """A callable with its white, its scale, and where and in which type it runs.

    Attributes:
        module: the module that is called, or whose method is; None for other callables.
        scale: HR pixels per LR pixel, None until it has run. Of a fraction p/q it is run on whole blocks of q pixels.
        dtype: floating type to run in, None for that of the images.
        device: where to run, None for where the images are.
    """

    def __init__(
        self,
        net: Callable[[Tensor], Any],
        scale: float | Fraction | str | None,
        input_range: float,
        dtype: torch.dtype | None,
        device: torch.device | str | None,
    ) -> None:
        if not callable(net):
            raise TypeError(f"net must be callable on a tensor, got {type(net).__name__}")
        if dtype is not None and not dtype.is_floating_point:
            raise TypeError(f"dtype must be a floating type, got {dtype}")
        net, scale = _unwrapped(net, scale)
        owner = getattr(net, "__self__", None)  # of a bound method
        self.module = next((m for m in (net, owner) if isinstance(m, nn.Module)), None)
        self.input_range = validate.positive_number("input_range", input_range)
        self.scale = None if scale is None else validate.scale("scale", scale)
        self.name = str(getattr(net, "__name__", type(net).__name__))
        self._net = net
        weights = [] if self.module is None else [*self.module.parameters(), *self.module.buffers()]
        weight = next((w for w in weights if w.is_floating_point()), None)
        self.dtype = dtype or (None if weight is None else weight.dtype)
        self.device = torch.device(device) if device is not None else None if weight is None else weight.device

    def place(self, images: Tensor) -> Tensor:
        """The images on the network's device and in its dtype, where it has any."""
        return images.to(self.device or images.device, self.dtype or images.dtype)

    def check_values(self) -> None:
        """Every parameter and buffer has values, which those on the meta device and lazy ones have not."""
        if self.module is None:
            return
        for name, tensor in (*self.module.named_parameters(), *self.module.named_buffers()):
            if is_lazy(tensor) or tensor.is_meta:
                kind = "not initialised yet" if is_lazy(tensor) else "on the meta device, where it has no values"
                raise NetworkError(
                    f"the network's {name} is {kind}: load its weights, or run it once, before probing it"
                )

    def __call__(self, images: Tensor) -> Tensor:
        """Run on images `[N, C, h, w]` in 0..1; returns `[N, C_out, s*h, s*w]`, at least float32."""
        if isinstance(self.scale, Fraction) and any(side % self.scale.denominator for side in images.shape[-2:]):
            block, sides = self.scale.denominator, "x".join(map(str, images.shape[-2:]))
            raise NetworkError(f"a network of scale {self.scale} is run on multiples of {block} pixels, got {sides}")
        output = image_in(self.returned(images), images.shape, self.scale)
        if self.scale is None:
            self.scale = output.shape[-1] // images.shape[-1]
        return in_unit_range(output, self.input_range)

    def returned(self, images: Tensor) -> Any:
        """Whatever the network returns for images `[N, C, h, w]` in 0..1."""
        # The product is always a new tensor: a network that works in place must not reach the caller's image.
        x = self.place(images) * self.input_range
        try:
            with settings_kept():
                return self._net(x)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            if isinstance(error, MemoryError) or "can't allocate memory" in message(error):  # the CPU's allocator
                raise torch.OutOfMemoryError(message(error)) from error
            kind, shape = printable(type(error).__name__, 100), list(x.shape)
            sentence = f"the network raised {kind} on an input of shape {shape}: {message(error)}"
            raise NetworkError(sentence + _hint(error)) from error


def _hint(error: Exception) -> str:
    """What to do about an input that the network needs beside the image."""
    if not (isinstance(error, TypeError) and "missing" in str(error) and "required" in str(error)):
        return ""
    return (
        " (hyra.adapters.bind gives a network what it needs beside the image; on the command line --input NAME=VALUE)"
    )


def _unwrapped(
    net: Callable[..., Any], scale: float | Fraction | str | None
) -> tuple[Callable[..., Any], float | Fraction | str | None]:
    """The module in a descriptor of spandrel, whose own call clamps the output and allows no derivative."""
    module = getattr(net, "model", None)
    if type(net).__module__.partition(".")[0] == "spandrel" and isinstance(module, nn.Module):
        return module, scale or getattr(net, "scale", None)
    return net, scale
