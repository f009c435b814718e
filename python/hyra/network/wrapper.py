"""Any super-resolution callable as a safe map from images in 0..1 to images in 0..1."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from hyra._util import validate
from hyra._util.texts import message, printable
from hyra._util.warnings import warn
from hyra.network import derivative
from hyra.network.derivative import Differentiation
from hyra.network.output import NoImageError, image_in, in_unit_range
from hyra.network.padding import Padding
from hyra.network.sizes import LARGEST_SIZE, InputSizes, described, search
from hyra.network.traits import Traits, numbers_of, traits_of
from hyra.network.untouched import attributes_kept, evaluating, lock_of, settings_kept

CANVAS_SIDE = 64
"""LR pixels of a canvas for one impulse where nothing else is asked for: wide enough for most networks' ringing."""
_COMMON_SIZES = (CANVAS_SIDE, 60, 56)
"""Multiples of most windows in use: 4, 8, 16; 5, 6, 12; 7."""
_RECTANGLE = 16
"""Sides of fixed inputs that are no squares are looked for among its multiples."""


class NetworkError(RuntimeError):
    """The network itself failed: the message says on which input, `__cause__` is the network's own exception."""


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
        net, scale = _unwrapped(net, scale)
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
        self._axes: tuple[InputSizes, InputSizes] | None = None
        self._paddings: dict[tuple[int, int], Padding] = {}
        self._traits: Traits | None = None
        self.seed = 0

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
        """The same for images of any size: where the network does not take it, they are padded, and the output cut.

        Random numbers that the network draws are those of `seed`, the same for every image.

        Raises:
            NetworkError: the network raised at every size tried; the message says which colours or sizes it takes.
        """
        with self.untouched():
            _ = self.traits
            return self._run(images).detach()

    @contextmanager
    def drawing(self, seed: int) -> Iterator[None]:
        """While it is open, the random numbers of the network are those of a seed."""
        with self.untouched():
            before, self.seed = self.seed, seed
            try:
                yield
            finally:
                self.seed = before

    def usual_side(self, side: int) -> int:
        """The side of a square canvas that it takes without padding: `side`, the next one, or its only one.

        Raises:
            NetworkError: no size works.
        """
        try:
            return self.input_sizes().at_least(side)
        except NetworkError:
            return min(axis.at_least(side) for axis in self.axis_sizes())

    def padding(self, height: int, width: int) -> Padding:
        """What an image of a size is padded by, by the network's sizes: the whole is not run to find out."""
        if (height, width) not in self._paddings:
            rows, columns = self.axis_sizes()
            more = rows.at_least(height) - height, columns.at_least(width) - width
            return Padding(*(max(0, count) for count in more))
        return self._paddings[height, width]

    def differentiation(self, image: Tensor, direction: Tensor, output: Tensor | None = None) -> Differentiation:
        """How the derivative at an image `[1, C, h, w]` along a direction is taken: see `hyra.network.derivative`.

        Args:
            image: where.
            direction: along what, of the same shape.
            output: what `run` returned for the image; it is run when not given.
        """
        with self.untouched(), torch.inference_mode(mode=False):
            here = self.run(image) if output is None else output  # padding and traits are known, then
            image, direction, here = (_usable(x) for x in (image, direction.to(image), here))
            return derivative.differentiation(self._run_kept, image, direction, here)

    def derivative(self, images: Tensor, directions: Tensor, by: Differentiation | None = None) -> Tensor:
        """The derivative at `images` along `directions`, both `[N, C, h, w]`.

        Args:
            images: where.
            directions: along what, of the same shape.
            by: how it is taken; as `differentiation` finds at the first of the images when not given.

        Raises:
            NetworkError: as for `run`.
        """
        # In inference mode torch 2.6 gives another tensor for the derivative.
        with self.untouched(), torch.inference_mode(mode=False):
            images, directions = (_usable(x) for x in (images, directions.to(images)))
            by = by or self.differentiation(images[:1], directions[:1])
            return derivative.derivative(self._run_kept, images, directions, by).detach()

    @property
    def traits(self) -> Traits:
        """Whether it draws random numbers, and whether its output is bounded; runs it on noise at the first time."""
        if self._traits is None:
            self._traits = Traits()  # what follows runs the network, too
            with self.untouched(), suppress(NetworkError, ValueError, TypeError):  # which are told where it is run
                self._traits = traits_of(self._run, self.blank(CANVAS_SIDE)[None])
            if self._traits.noise:
                warn(f"the network draws random numbers: {self._traits}", RuntimeWarning)
        return self._traits

    def _run(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        if (height, width) not in self._paddings:
            try:
                output = self._forward(images)
            except (NetworkError, ValueError) as error:
                self._paddings[height, width] = self._search_padding(images, error)
            else:
                self._paddings[height, width] = Padding()
                return output
        padding = self._paddings[height, width]
        return (
            padding.cropped(self._forward(padding.extended(images)), self.scale) if padding else self._forward(images)
        )

    def _run_kept(self, images: Tensor) -> Tensor:
        """`_run` for a transform, which must not leave a wrapped tensor behind, not even for the next call."""
        with attributes_kept(self.module):
            return self._run(images)

    def _search_padding(self, images: Tensor, error: NetworkError | ValueError) -> Padding:
        """The least padding with which the network takes images that it failed on."""
        try:
            if isinstance(error, NoImageError):
                raise error
            rows, columns = self.axis_sizes()
        except (NetworkError, ValueError):
            raise error from error.__cause__
        (given, height, width), taken = images.shape[-3:], self.in_channels
        if given != taken:
            raise NetworkError(f"{error}; it takes images with {taken} colours, not {given}") from error.__cause__
        squares = self._sizes.values()
        more = [
            {0, *(max(0, sizes.at_least(length) - length) for sizes in (axis, *squares))}
            for axis, length in ((rows, height), (columns, width))
        ]
        paddings = [Padding(*counts) for counts in product(*more)]
        for padding in sorted(paddings, key=lambda p: (height + p.bottom) * (width + p.right)):
            if padding:
                with suppress(NetworkError, ValueError), torch.no_grad():
                    self._forward(padding.extended(images))
                    return padding
        raise NetworkError(f"{error}; {described(rows, columns)}") from error.__cause__

    def with_graph(self, images: Tensor) -> Tensor:
        """The same as `run`, for images that require gradients: the output keeps what these need.

        The parameters' own gradients are not prepared for. `hyra.network.gradients` says what may go wrong.
        """
        with self.untouched():
            with torch.no_grad():  # a size that it does not take is no lack of gradients
                _ = self.traits
                if tuple(images.shape[-2:]) not in self._paddings:
                    self._run(images[:1])
            for parameter in () if self.module is None else self.module.parameters():
                parameter.requires_grad_(False)
            with torch.enable_grad():
                return self._run(images)

    def _forward(self, images: Tensor) -> Tensor:
        if self._traits is None or self._traits.noise == 0:
            return self._raw(images)
        outputs = []
        for image in images:  # one at a time, so that each gets the same random numbers
            with numbers_of(self.seed):
                outputs.append(self._raw(image[None]))
        return torch.cat(outputs)

    def _raw(self, images: Tensor) -> Tensor:
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

    def input_sizes(self, limit: int = LARGEST_SIZE) -> InputSizes:
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
            self._sizes[limit] = self._search(lambda size: (size, size), limit)
        return self._sizes[limit]

    def axis_sizes(self) -> tuple[InputSizes, InputSizes]:
        """Which heights and which widths it takes, each beside a length that it takes on the other axis.

        Raises:
            NetworkError: no size works.
        """
        if self._axes is None:
            try:
                height = width = self.input_sizes().at_least(CANVAS_SIDE)
            except NetworkError:
                height, width = self._rectangle()
            self._axes = (
                self._search(lambda size: (size, width), LARGEST_SIZE),
                self._search(lambda size: (height, size), LARGEST_SIZE),
            )
        return self._axes

    def _search(self, shape: Callable[[int], tuple[int, int]], limit: int) -> InputSizes:
        last: Exception | None = None
        pixel = self.blank(1)[None]  # a network without any size that works fails here, and not at each of them

        def works(size: int) -> bool:
            nonlocal last
            try:
                self(pixel.expand(-1, -1, *shape(size)))
            except NoImageError:
                raise
            except (NetworkError, ValueError) as error:
                last = error
                return False
            return True

        with self.untouched():
            sizes = search(works, limit)
        if sizes is None:
            raise NetworkError(f"the network takes no square input up to {limit}x{limit}: {last}") from last
        return sizes

    def _rectangle(self) -> tuple[int, int]:
        """A height and a width that it takes together, where it takes no square."""
        sides = range(_RECTANGLE, LARGEST_SIZE + 1, _RECTANGLE)
        for height, width in product(sides, sides):
            with suppress(NetworkError, ValueError):
                self(torch.zeros(1, self.in_channels, height, width, dtype=self.dtype, device=self.device))
                return height, width
        raise NetworkError(f"the network takes no input with sides of 16, 32, ... {LARGEST_SIZE}")

    def _discover(self) -> tuple[int, int]:
        """Scale and colours, from a black image of a size that the network takes."""
        first: Exception | None = None
        ran: ValueError | None = None
        tried = [self._in_channels] if self._in_channels else self._likely_channels()
        sides = range(_RECTANGLE, LARGEST_SIZE + 1, _RECTANGLE)
        squares = ((side, side) for side in (*_COMMON_SIZES, *range(1, LARGEST_SIZE + 1)))
        with self.untouched():
            for height, width in (*squares, *product(sides, sides)):
                if ran is not None and width not in _COMMON_SIZES:
                    raise ran  # of a size that is no multiple: others will not change that
                for channels in tried:
                    try:
                        output = self(torch.zeros(1, channels, height, width, dtype=self.dtype, device=self.device))
                    except NoImageError:
                        raise  # it runs, but what it returns is no image: other sizes will not change that
                    except (NetworkError, ValueError) as error:
                        first, ran = first or error, ran or (error if isinstance(error, ValueError) else None)
                        continue
                    self._in_channels = channels
                    return output.shape[-1] // width, channels
        colours = " or ".join(str(channels) for channels in tried)
        most = f"{LARGEST_SIZE}x{LARGEST_SIZE}"
        raise NetworkError(
            f"the network takes no image up to {most} with {colours} colours; at the first try, {first}"
        ) from first

    def _likely_channels(self) -> list[int]:
        """RGB, grey, and what the first convolution takes."""
        weights = () if self.module is None else self.module.parameters()
        taken = next((weight.shape[1] for weight in weights if weight.ndim == 4), 3)
        return list(dict.fromkeys((3, 1, taken)))


def _usable(images: Tensor) -> Tensor:
    """In a transform: no inference tensor, and no elements that share their memory, as an expanded image's do."""
    images = images.contiguous()
    return images.clone() if images.is_inference() else images


def _unwrapped(net: Callable[..., Any], scale: int | None) -> tuple[Callable[..., Any], int | None]:
    """The module in a descriptor of spandrel, whose own call clamps the output and allows no derivative."""
    module = getattr(net, "model", None)
    if type(net).__module__.partition(".")[0] == "spandrel" and isinstance(module, nn.Module):
        return module, scale or getattr(net, "scale", None)
    return net, scale
