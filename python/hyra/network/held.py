"""A callable held still: in evaluation mode, without gradients, with random numbers of a seed, and then put back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn

from hyra._util import validate
from hyra.network import discovery
from hyra.network.forward import Forward, NetworkError
from hyra.network.traits import Traits, numbers_of
from hyra.network.untouched import evaluating, lock_of


class HeldNetwork:
    """A callable on images of the sizes that it takes; `hyra.network.wrapper.Network` takes any."""

    def __init__(
        self,
        net: Callable[[Tensor], Any],
        scale: float | Fraction | str | None = None,
        input_range: float = 1.0,
        *,
        in_channels: int | None = None,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        self._once = Forward(net, scale, input_range, dtype, device)
        self._in_channels = None if in_channels is None else validate.positive_integer("in_channels", in_channels)
        self._refuses = False
        self._entered: int | None = None
        self._traits: Traits | None = None
        self.seed = 0

    @property
    def module(self) -> nn.Module | None:
        """The module that is called, or whose method is; None for other callables."""
        return self._once.module

    @property
    def input_range(self) -> float:
        """The network's value of white."""
        return self._once.input_range

    @property
    def name(self) -> str:
        """Name of the module's class or of the function."""
        return self._once.name

    @property
    def dtype(self) -> torch.dtype:
        """Type that it runs in: the network's, or torch's default for a callable without weights."""
        return self._once.dtype or torch.get_default_dtype()

    @property
    def device(self) -> torch.device:
        """Where it runs: the network's device, or the CPU for a callable without weights."""
        return self._once.device or torch.device("cpu")

    @property
    def scale(self) -> int | Fraction:
        """HR pixels per LR pixel; runs the network on a black image if it has not run yet."""
        return self._once.scale or self._discover()[0]

    @property
    def block(self) -> int:
        """LR pixels after which a scale p/q repeats on the grid of the output: q, and 1 for an integer."""
        return self.scale.denominator

    @property
    def in_channels(self) -> int:
        """Colours of the input; runs the network on a black image if it has not run yet."""
        return self._in_channels or self._discover()[1]

    def place(self, images: Tensor) -> Tensor:
        """The images on the network's device and in its dtype, where it has any."""
        return self._once.place(images)

    def blank(self, side: int, level: float = 0.0, *, like: Tensor | None = None) -> Tensor:
        """A constant image `[C, side, side]`, at least float32: what impulses are added to.

        Args:
            side: LR pixels.
            level: of all its pixels, in 0..1.
            like: an image `[..., C, h, w]` with the colours, dtype and device to use; those of the network when not
                given.
        """
        if like is not None:
            return like.new_full((like.shape[-3], side, side), level)
        dtype = torch.promote_types(self.dtype, torch.float32)
        return torch.full((self.in_channels, side, side), level, dtype=dtype, device=self.device)

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Hold the module in evaluation mode over many calls, and restore it once at the end."""
        with lock_of(self if self.module is None else self.module):  # an empty Sequential is false, too
            if self._entered == os.getpid():  # by this thread, which holds the lock, and not before a fork
                yield
                return
            self._once.check_values()
            self._entered = os.getpid()
            try:
                with evaluating(self.module, self._once.device):
                    yield
            finally:
                self._entered = None

    def __call__(self, images: Tensor) -> Tensor:
        """Run on images `[N, C, h, w]` in 0..1 and return `[N, C_out, s*h, s*w]`, at least float32.

        Raises:
            NetworkError: the network raised.
            ValueError: the output is no image of `scale` times the input's size, or there are several.
            torch.OutOfMemoryError: the device has too little memory; passed on, since a smaller batch may fit.
        """
        with self.untouched():
            return self._forward(images).detach()

    @contextmanager
    def drawing(self, seed: int) -> Iterator[None]:
        """While it is open, the random numbers of the network are those of a seed."""
        with self.untouched():
            before, self.seed = self.seed, seed
            try:
                yield
            finally:
                self.seed = before

    def _forward(self, images: Tensor) -> Tensor:
        if self._traits is None or self._traits.noise == 0:
            return self._once(images)
        outputs = []
        for image in images:  # one at a time, so that each gets the same random numbers
            with numbers_of(self.seed):
                outputs.append(self._once(image[None]))
        return torch.cat(outputs)

    def _discover(self) -> tuple[int | Fraction, int]:
        """Scale and colours, from a black image of a size that the network takes."""
        colours = [self._in_channels] if self._in_channels else self._likely_channels()
        pixel = torch.zeros(1, 1, 1, 1, dtype=self.dtype, device=self.device)
        with self.untouched():
            try:
                scale, taken = discovery.scale_and_colours(self, colours, pixel, rare_sizes=not self._refuses)
            except NetworkError:
                self._refuses = True  # hundreds of runs: once is enough
                raise
        self._in_channels = taken
        return self._once.scale or scale, taken

    def _likely_channels(self) -> list[int]:
        """RGB, grey, and what the first convolution takes."""
        weights = () if self.module is None else self.module.parameters()
        taken = next((weight.shape[1] for weight in weights if weight.ndim == 4), 3)
        return list(dict.fromkeys((3, 1, taken)))
