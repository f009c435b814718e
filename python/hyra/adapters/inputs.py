"""Networks with more inputs than an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hyra._util import validate
from hyra.adapters.adapted import Net, adapted


def bind(net: Net, image: str | None = None, /, **inputs: object) -> Net:
    """A network of several inputs with all but the image given once: a noise level, a kernel, the previous frame.

    Args:
        net: called as ``net(images, **inputs)``.
        image: the name of the image's parameter, where it is not the first.
        inputs: values by the names of the parameters. A tensor or NumPy array goes to the device of the images, a
            floating one to their dtype, and one whose first side is 1, of four dimensions, is repeated for every image;
            a function is called with the images `[N, C, h, w]`, for what depends on their size or number
            (``sigma=hyra.adapters.level(0.1)``); anything else is passed as it is.

    Returns:
        A callable from images to what the network returns; a module, where `net` is one.

    Raises:
        TypeError: `net` is not callable, or nothing is given.

    Example:
        >>> import torch, hyra
        >>> def denoise(x, sigma):
        ...     return torch.nn.functional.interpolate(x, scale_factor=2) * (1 - sigma)
        >>> net = bind(denoise, sigma=torch.tensor(0.25))
        >>> round(float(hyra.HyRA(net).impulse_response(16).response.max()), 3)
        0.75
    """
    if not inputs:
        raise TypeError("inputs must name at least one input of the network, got none")
    return adapted(net, _Bound(image, {name: _as_tensor(value) for name, value in inputs.items()}))


def level(value: float, channels: int = 1) -> Callable[[Tensor], Tensor]:
    """For `bind`: a constant map `[N, channels, h, w]` of the images' size, such as a noise level for every pixel.

    Example:
        >>> level(0.1)(torch.zeros(2, 3, 4, 5)).shape
        torch.Size([2, 1, 4, 5])
    """
    number, count = validate.number("value", value), validate.positive_integer("channels", channels)
    return _Level(number, count)


def at_scale(net: Net, scale: float | Fraction | str) -> Net:
    """A network of any scale, ``net(x, scale)``, at one: Meta-SR, ArbSR and others.

    A network that has a method ``set_scale`` is told by ``set_scale(scale, scale)`` and called with the images alone.
    It is told an integer as an ``int``, and a fraction as a ``float``.

    Args:
        net: the network.
        scale: HR pixels per LR pixel: an integer or a fraction, which `hyra.HyRA` must be told, too.

    Raises:
        TypeError: `net` is not callable.
        ValueError: `scale` is no integer of at least 1, and no small fraction.

    Example:
        >>> import torch, hyra
        >>> def any_scale(x, scale):
        ...     return torch.nn.functional.interpolate(x, scale_factor=scale)
        >>> hyra.HyRA(at_scale(any_scale, 3)).scale, hyra.HyRA(at_scale(any_scale, 2.4), 2.4).scale
        (3, Fraction(12, 5))
    """
    factor = validate.scale("scale", scale)
    return adapted(net, _AtScale(factor if isinstance(factor, int) else float(factor)))


@dataclass(frozen=True)
class _Bound:
    image: str | None
    inputs: dict[str, object]

    def __call__(self, net: Net, images: Tensor) -> Any:
        values = {name: _for(images, value) for name, value in self.inputs.items()}
        return net(images, **values) if self.image is None else net(**{self.image: images}, **values)


@dataclass(frozen=True)
class _Level:
    value: float
    channels: int

    def __call__(self, images: Tensor) -> Tensor:
        return images.new_full((len(images), self.channels, *images.shape[-2:]), self.value)


@dataclass(frozen=True)
class _AtScale:
    scale: float

    def __call__(self, net: Any, images: Tensor) -> Any:
        if not hasattr(net, "set_scale"):
            return net(images, self.scale)
        net.set_scale(self.scale, self.scale)
        return net(images)


def _as_tensor(value: object) -> object:
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def _for(images: Tensor, value: object) -> object:
    if not isinstance(value, Tensor):
        return value(images) if callable(value) and not isinstance(value, nn.Module) else value
    value = value.to(images.device, images.dtype if value.is_floating_point() else None)
    return value.expand(len(images), -1, -1, -1) if value.ndim == 4 and len(value) == 1 else value
