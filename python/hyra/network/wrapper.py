"""Any super-resolution callable as a safe map from images in 0..1 to images in 0..1."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from hyra._util import validate
from hyra._util.texts import message, printable
from hyra.network.output import image_in, in_unit_range
from hyra.network.untouched import evaluating, lock_of, settings_kept

CANVAS_SIDE = 64
"""LR pixels of a canvas for one impulse where nothing else is asked for: wide enough for most networks' ringing."""
_COMMON_SIZES = (CANVAS_SIDE, 60, 56)
"""Multiples of most windows in use: 4, 8, 16; 5, 6, 12; 7."""
_LARGEST_SIZE = 128
"""Side in LR pixels up to which sizes that a network takes are looked for."""


class NetworkError(RuntimeError):
    """The network itself failed: the message says on which input, `__cause__` is the network's own exception."""


@dataclass(frozen=True)
class InputSizes:
    """Which square inputs a network takes: `smallest` and every larger one in steps of `multiple`, in LR pixels.

    `multiple` is 0 where no other size than `smallest` was seen to work.
    """

    smallest: int
    multiple: int

    def at_least(self, size: int) -> int:
        """The smallest accepted size that is not below `size`.

        Example:
            >>> InputSizes(smallest=16, multiple=8).at_least(61), InputSizes(smallest=15, multiple=1).at_least(11)
            (64, 15)
        """
        if size <= self.smallest or self.multiple == 0:
            return self.smallest
        return self.smallest + math.ceil((size - self.smallest) / self.multiple) * self.multiple

    def __str__(self) -> str:
        if self.multiple == 0:
            return f"{self.smallest}x{self.smallest} is the only size that was seen to work"
        steps = "" if self.multiple == 1 else f", in steps of {self.multiple}"
        return f"it works from {self.smallest}x{self.smallest} on{steps}"


class Network:
    """A callable, wrapped so that probing it leaves no trace and every image is in 0..1.

    The callable gets `[N, C, h, w]` times `input_range` in evaluation mode and without gradients, and its output
    `[N, C_out, s*h, s*w]` is divided by `input_range`. Afterwards the training flag of every submodule, parameters,
    buffers and torch's random state are what they were, even when the callable raised.

    Args:
        net: an `nn.Module` or any callable from a tensor to a tensor, or to a tuple, list or mapping that holds exactly
            one tensor of a plausible shape.
        scale: HR pixels per LR pixel on each axis; found from the shapes when not given.
        input_range: the network's value of white, usually 1 or 255.
        in_channels: colours of the input; found by trying when not given.
        dtype: floating type to run in; the type of the module's weights when not given, and of the image for a callable
            without weights.
        device: where to run; found as `dtype` is.

    Raises:
        TypeError: `net` cannot be called, `dtype` is not a floating type, or a number is of the wrong type.
        ValueError: `scale`, `input_range` or `in_channels` is not positive.

    Example:
        >>> import torch
        >>> net = Network(torch.nn.Upsample(scale_factor=2), input_range=255)
        >>> net(torch.ones(1, 3, 8, 9)).shape, net.scale
        (torch.Size([1, 3, 16, 18]), 2)
    """

    def __init__(
        self,
        net: Callable[[Tensor], Any],
        scale: int | None = None,
        input_range: float = 1.0,
        *,
        in_channels: int | None = None,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        if not callable(net):
            raise TypeError(f"net must be callable on a tensor, got {type(net).__name__}")
        if dtype is not None and not dtype.is_floating_point:
            raise TypeError(f"dtype must be a floating type, got {dtype}")
        owner = getattr(net, "__self__", None)  # of a bound method
        self.module = next((m for m in (net, owner) if isinstance(m, nn.Module)), None)
        self.input_range = validate.positive_number("input_range", input_range)
        self._net = net
        self._scale = None if scale is None else validate.positive_integer("scale", scale)
        self._in_channels = None if in_channels is None else validate.positive_integer("in_channels", in_channels)
        weights = [] if self.module is None else [*self.module.parameters(), *self.module.buffers()]
        weight = next((w for w in weights if w.is_floating_point()), None)
        self._dtype = dtype or (None if weight is None else weight.dtype)
        self._device = torch.device(device) if device is not None else None if weight is None else weight.device
        self._entered: int | None = None
        self._sizes: dict[int, InputSizes] = {}

    @property
    def name(self) -> str:
        """Name of the module's class or of the function."""
        return str(getattr(self._net, "__name__", type(self._net).__name__))

    @property
    def dtype(self) -> torch.dtype:
        """Type that it runs in: the network's, or torch's default for a callable without weights."""
        return self._dtype or torch.get_default_dtype()

    @property
    def device(self) -> torch.device:
        """Where it runs: the network's device, or the CPU for a callable without weights."""
        return self._device or torch.device("cpu")

    @property
    def scale(self) -> int:
        """HR pixels per LR pixel; runs the network on a black image if it has not run yet."""
        return self._scale or self._discover()[0]

    @property
    def in_channels(self) -> int:
        """Colours of the input; runs the network on a black image if it has not run yet."""
        return self._in_channels or self._discover()[1]

    def place(self, images: Tensor) -> Tensor:
        """The images on the network's device and in its dtype, where it has any."""
        return images.to(self._device or images.device, self._dtype or images.dtype)

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
            self._check_values()
            self._entered = os.getpid()
            try:
                with evaluating(self.module, self._device):
                    yield
            finally:
                self._entered = None

    def _check_values(self) -> None:
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
        """Run on images `[N, C, h, w]` in 0..1 and return `[N, C_out, s*h, s*w]`, at least float32.

        Raises:
            NetworkError: the network raised.
            ValueError: the output is no image of `scale` times the input's size, or there are several.
            torch.OutOfMemoryError: the device has too little memory; passed on, since a smaller batch may fit.
        """
        with self.untouched():
            return self._forward(images).detach()

    def run(self, images: Tensor) -> Tensor:
        """The same, but where the network raises the message also says which colours or sizes it takes."""
        try:
            return self(images)
        except NetworkError as error:
            try:
                sizes = self.input_sizes()
            except NetworkError:
                raise error from error.__cause__
            given, taken = images.shape[1], self.in_channels
            hint = f"it takes images with {taken} colours, not {given}"
            if given == taken:
                hint = f"of square inputs, {sizes}"
            raise NetworkError(f"{error}; {hint}") from error.__cause__

    def derivative(self, images: Tensor, direction: Tensor) -> Tensor:
        """The derivative at `images` along `direction`, both `[N, C, h, w]`, by forward-mode differentiation.

        Raises:
            NetworkError: as for a call, and where an operation of the network has no forward-mode derivative.
        """
        # A dual number must not share memory between its elements, as an expanded image's do.
        images, direction = images.contiguous(), direction.to(images)
        # In inference mode torch 2.6 gives another tensor for the derivative.
        with torch.inference_mode(mode=False), self.untouched():
            images, direction = (x.clone() if x.is_inference() else x for x in (images, direction))
            try:
                derivative: Tensor = torch.func.jvp(self._forward, (images,), (direction,))[1]
            except NotImplementedError as error:
                raise NetworkError(f"the network has no forward-mode derivative: {message(error)}") from error
            return derivative.detach()

    def with_graph(self, images: Tensor) -> Tensor:
        """The same as a call, for images that require gradients: the output keeps what these need.

        The parameters' own gradients are not prepared for. `hyra.network.gradients` says what may go wrong.
        """
        with self.untouched(), torch.enable_grad():
            for parameter in () if self.module is None else self.module.parameters():
                parameter.requires_grad_(False)
            return self._forward(images)

    def _forward(self, images: Tensor) -> Tensor:
        # The product is always a new tensor: a network that works in place must not reach the caller's image.
        x = self.place(images) * self.input_range
        try:
            with settings_kept():
                returned = self._net(x)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            if isinstance(error, MemoryError) or "can't allocate memory" in message(error):  # the CPU's allocator
                raise torch.OutOfMemoryError(message(error)) from error
            kind, shape = printable(type(error).__name__, 100), list(x.shape)
            raise NetworkError(f"the network raised {kind} on an input of shape {shape}: {message(error)}") from error
        output = image_in(returned, images.shape, self._scale)
        self._scale = output.shape[-1] // images.shape[-1]
        return in_unit_range(output, self.input_range)

    def input_sizes(self, limit: int = _LARGEST_SIZE) -> InputSizes:
        """Find the smallest square input that works and the multiple that larger ones must have.

        Every size is tried from 1 pixel on, up to `limit`. A size works when the network returns an image of `scale`
        times that size.

        Raises:
            ValueError: `limit` is below 1.
            NetworkError: no size up to `limit` works; `__cause__` is what happened at the last one.

        Example:
            >>> net = torch.nn.Sequential(torch.nn.PixelUnshuffle(4), torch.nn.PixelShuffle(4))
            >>> print(Network(net).input_sizes())
            it works from 4x4 on, in steps of 4
        """
        validate.positive_integer("limit", limit)
        if limit not in self._sizes:
            self._sizes[limit] = self._search_sizes(limit)
        return self._sizes[limit]

    def _search_sizes(self, limit: int) -> InputSizes:
        last: Exception | None = None

        def works(size: int) -> bool:
            nonlocal last
            try:
                self(self.blank(size)[None])
            except (NetworkError, ValueError) as error:
                last = error
                return False
            return True

        with self.untouched():
            smallest = next((size for size in range(1, limit + 1) if works(size)), None)
            while smallest is not None:
                following = next((size for size in range(smallest + 1, limit + 1) if works(size)), None)
                if following is None:
                    return InputSizes(smallest, 0)
                step = following - smallest
                if all(works(size) for size in range(following + step, min(following + 3 * step, limit) + 1, step)):
                    return InputSizes(smallest, step)
                smallest = following  # a size that works by chance, below those that work by rule
        raise NetworkError(f"the network takes no square input up to {limit}x{limit}: {last}") from last

    def _discover(self) -> tuple[int, int]:
        """Scale and colours, from a black image of a size that the network takes."""
        first: Exception | None = None
        tried = [self._in_channels] if self._in_channels else self._likely_channels()
        with self.untouched():
            for size in (*_COMMON_SIZES, *range(1, _LARGEST_SIZE + 1)):
                if isinstance(first, ValueError) and size not in _COMMON_SIZES:
                    raise first  # it runs, but what it returns is no image: other sizes will not change that
                for channels in tried:
                    try:
                        output = self(torch.zeros(1, channels, size, size, dtype=self.dtype, device=self.device))
                    except (NetworkError, ValueError) as error:
                        first = first or error
                        continue
                    self._in_channels = channels
                    return output.shape[-1] // size, channels
        colours = " or ".join(str(channels) for channels in tried)
        most = f"{_LARGEST_SIZE}x{_LARGEST_SIZE}"
        raise NetworkError(
            f"the network takes no square image up to {most} with {colours} colours; at the first try, {first}"
        ) from first

    def _likely_channels(self) -> list[int]:
        """RGB, grey, and what the first convolution takes."""
        weights = () if self.module is None else self.module.parameters()
        taken = next((weight.shape[1] for weight in weights if weight.ndim == 4), 3)
        return list(dict.fromkeys((3, 1, taken)))
