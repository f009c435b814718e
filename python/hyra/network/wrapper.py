"""Any super-resolution callable as a safe map from images in 0..1 to images in 0..1."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.warnings import warn
from hyra.network import derivative, discovery
from hyra.network.derivative import Differentiation
from hyra.network.forward import NetworkError
from hyra.network.held import HeldNetwork
from hyra.network.output import NoImageError
from hyra.network.padding import Padding, least
from hyra.network.sizes import CANVAS_SIDE, LARGEST_SIZE, InputSizes, described
from hyra.network.traits import Traits, traits_of
from hyra.network.untouched import attributes_kept


class Network(HeldNetwork):
    """A callable, wrapped so that probing it leaves no trace and every image is in 0..1.

    The callable gets `[N, C, h, w]` times `input_range` in evaluation mode and without gradients, and its output
    `[N, C_out, s*h, s*w]` is divided by `input_range`. Afterwards the training flag of every submodule, parameters,
    buffers and torch's random state are what they were, even when the callable raised.

    Args:
        net: an `nn.Module` or any callable from a tensor to a tensor, or to a tuple, list or mapping that holds exactly
            one tensor of a plausible shape.
        scale: HR pixels per LR pixel on each axis: an integer, or a fraction p/q (`Fraction(3, 2)`, `"3/2"`, 1.5), at
            which it is run on whole blocks of q pixels, as if it took no other sizes; integers are found from the
            shapes when not given.
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
        scale: float | Fraction | str | None = None,
        input_range: float = 1.0,
        *,
        in_channels: int | None = None,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__(net, scale, input_range, in_channels=in_channels, dtype=dtype, device=device)
        self._sizes: dict[int, InputSizes] = {}
        self._axes: tuple[InputSizes, InputSizes] | None = None
        self._paddings: dict[tuple[int, int], Padding] = {}

    def run(self, images: Tensor) -> Tensor:
        """The same for images of any size: where the network does not take it, they are padded, and the output cut.

        Random numbers that the network draws are those of `seed`, the same for every image.

        Raises:
            NetworkError: the network raised at every size tried; the message says which colours or sizes it takes.
        """
        with self.untouched():
            _ = self.traits
            return self._run(images).detach()

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
        return self.cropped(self._forward(padding.extended(images)), images) if padding else self._forward(images)

    def cropped(self, outputs: Tensor, images: Tensor) -> Tensor:
        """Outputs without what belongs to the padding of images."""
        height, width = (self.enlarged(length) for length in images.shape[-2:])
        return outputs[..., :height, :width]

    def enlarged(self, length: int) -> int:
        """HR pixels of an axis of LR pixels; of a broken number the network says whether it is rounded or cut off."""
        size = self.scale * length
        return int(size) if size.denominator == 1 else math.floor(size + self._rounding)

    @cached_property
    def _rounding(self) -> Fraction:
        """What makes of a size between two integers that of the network, before it is cut off: 0, 1/2, or almost 1."""
        block = self.block
        for least_part, added in ((Fraction(1, block), 1 - Fraction(1, block)), (Fraction(1, 2), Fraction(1, 2))):
            lengths = range(CANVAS_SIDE, CANVAS_SIDE + 2 * block)
            length = next(n for n in lengths if least_part <= self.scale * n % 1 < least_part + Fraction(1, block))
            with suppress(NetworkError, ValueError, TypeError), self.untouched():
                output = self._once.returned(self.blank(length)[None])
                if isinstance(output, Tensor) and output.shape[-1] > self.scale * length:
                    return added
        return Fraction(0)

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
        given, taken = images.shape[-3], self.in_channels
        if given != taken:
            raise NetworkError(f"{error}; it takes images with {taken} colours, not {given}") from error.__cause__
        if padding := least(self._forward, images, (rows, columns), self._sizes.values()):
            return padding
        self._bound(max(images.shape[-2:]))
        raise NetworkError(f"{error}; {self._taken(*images.shape[-2:])}") from error.__cause__

    def _bound(self, side: int) -> None:
        """Find the largest sizes that it takes, after it has failed on one that the rules allow."""
        pixel = self.blank(1)[None]
        self._axes = discovery.bounded_axes(self, pixel, self.axis_sizes(), side)
        self._sizes = {
            limit: discovery.bounded_square(self, pixel, sizes, side) for limit, sizes in self._sizes.items()
        }

    def _taken(self, height: int, width: int) -> str:
        """Which sizes it takes, and what to do about an image of one that is too large."""
        axes = self.axis_sizes()
        sides = list(zip(axes, (height, width), strict=True))
        if all(axis.limit is None or length <= axis.limit for axis, length in sides):
            return described(*axes)
        size = tuple(axis.limit or axis.at_least(length) for axis, length in sides)
        return (
            f"{described(*axes)}: hyra.adapters.fixed_size(net, {size}) runs it on larger ones in tiles (on the "
            f"command line --input-size {size[0]}x{size[1]})"
        )

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
            pixel = self.blank(1)[None]  # a network without any size that works fails here, and not at each of them
            with self.untouched():
                self._sizes[limit] = discovery.square_sizes(self, pixel, limit)
        return self._sizes[limit]

    def axis_sizes(self) -> tuple[InputSizes, InputSizes]:
        """Which heights and which widths it takes, each beside a length that it takes on the other axis.

        Raises:
            NetworkError: no size works.
        """
        if self._axes is None:
            pixel = self.blank(1)[None]
            with self.untouched():
                try:
                    height = width = self.input_sizes().at_least(CANVAS_SIDE)
                except NetworkError:
                    height, width = discovery.rectangle(self, pixel)
                self._axes = discovery.axis_sizes(self, pixel, height, width)
        return self._axes


def _usable(images: Tensor) -> Tensor:
    """In a transform: no inference tensor, and no elements that share their memory, as an expanded image's do."""
    images = images.contiguous()
    return images.clone() if images.is_inference() else images
