"""The canvas: the image that impulses are added to, and what a network makes of it without and with them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.version import __version__
from hyra._util.warnings import warn
from hyra.network.derivative import Differentiation
from hyra.network.forward import NetworkError
from hyra.network.wrapper import Network
from hyra.ops.impulse_batch import impulse_batch
from hyra.probing.operating_point import OperatingPoint


@dataclass(frozen=True, eq=False)
class Canvas:
    """An image that impulses are added to, as a network sees it.

    Attributes:
        network: what looks at it.
        image: `[C, h, w]`, the background.
        output: `[C_out, s*h, s*w]`, what the network makes of the background alone.
    """

    network: Network
    image: Tensor
    output: Tensor

    @classmethod
    def of(
        cls, network: Network, background: float | Tensor, side: int | None, *, usual: int, like: Tensor | None = None
    ) -> Canvas:
        """The canvas for the background of an operating point.

        Args:
            network: what looks at it.
            background: a level, or an image, which is its own canvas.
            side: LR pixels, the next multiple of q at a scale p/q; when not given, `usual` or the next size that the
                network takes.
            usual: side where none is asked for.
            like: an image whose colours, dtype and device the canvas shares; those of the network when not given.
        """
        if isinstance(background, Tensor):
            image, block = background.to(network.blank(1, like=like)), network.block
            if any(length % block for length in image.shape[1:]):
                sides = f"{image.shape[1]}x{image.shape[2]}"
                raise ValueError(
                    f"background must have sides that are multiples of {block} at x{network.scale}, got {sides}"
                )
            return cls(network, image, network.run(image[None])[0])
        block = network.block
        usual += -usual % block
        side = None if side is None else side + -side % block
        image = network.blank(usual if side is None else side, background, like=like)
        try:
            output = network.run(image[None])[0]
        except NetworkError as error:
            image = network.blank(_other_side(network, side, usual, error), background, like=like)
            return cls(network, image, network.run(image[None])[0])
        if side is None and network.padding(usual, usual):
            image = network.blank(network.usual_side(usual), background, like=like)
            output = network.run(image[None])[0]
        return cls(network, image, output)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in LR pixels."""
        height, width = self.image.shape[1:]
        return height, width

    def position(self, position: tuple[int, int] | None) -> tuple[int, int]:
        """The LR row and column of an impulse: those given, or the middle."""
        height, width = self.size
        if position is None:
            return height // 2, width // 2
        y, x = (validate.integer("position", index, 0) for index in position)
        if not (0 <= y < height and 0 <= x < width):
            raise ValueError(f"position must be (y, x) inside the {height}x{width} canvas, got {position!r}")
        return y, x

    def block(self, y: int, x: int) -> tuple[int, int]:
        """The first LR pixel of the q x q that a position is in, at a scale p/q; for an integer the position itself."""
        q = self.network.block
        return y - y % q, x - x % q

    @property
    def places(self) -> list[tuple[int, int]]:
        """Rows and columns within a block that have responses of their own."""
        return [(a, b) for a in range(self.network.block) for b in range(self.network.block)]

    def impulses(self, point: OperatingPoint, y: int, x: int) -> Tensor:
        """Impulses of unit height in the block of a position, `[K, C, h, w]`: in all colours, or one for each.

        At a scale p/q those at each of the q x q places of the block follow each other.
        """
        (top, left), colours = self.block(y, x), point.colours(self.image)
        images = self.image.new_zeros(len(self.places), len(colours), *self.image.shape)
        for place, (a, b) in enumerate(self.places):
            images[place, :, :, top + a, left + b] = colours
        return images.flatten(0, 1)

    def responses(self, point: OperatingPoint, positions: Tensor) -> Tensor:
        """Responses `[N, K * C_out, s*h, s*w]` to N images with impulses at `positions` `[N, M, 2]`, as in `impulses`.

        Positions outside the canvas are left out; at a scale p/q they are those of blocks.
        """
        parts = [
            self._responses(
                point, torch.where(positions < 0, positions, positions + positions.new_tensor(place)), colour
            )
            for place in self.places
            for colour in point.colours(self.image)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def assembled(
        self, point: OperatingPoint, planes: Tensor, origin: tuple[int, int]
    ) -> tuple[Tensor, tuple[int, int]]:
        """The response that an `ImpulseResponse` holds, of all impulses in a block, and its origin.

        Args:
            point: the operating point.
            planes: `[..., K * C_out, kh, kw]`, responses in the order of `impulses`.
            origin: HR index in the planes of the block's first pixel.
        """
        q = self.network.block
        if q > 1:
            planes = interleaved(torch.unflatten(planes, -3, (q, q, -1)).movedim(-3, -5), self.network.scale)
        return point.by_colour(planes, len(self.image)), (q * origin[0], q * origin[1])

    def _responses(self, point: OperatingPoint, positions: Tensor, colour: Tensor) -> Tensor:
        if point.mode == "jvp":
            impulses = impulse_batch(torch.zeros_like(self.image), positions, colour.expand(len(positions), -1))
            return self.network.derivative(self.image.expand_as(impulses), impulses, self.differentiation)
        heights = (point.amplitude * colour).expand(len(positions), -1)
        return point.response(self.network.run(impulse_batch(self.image, positions, heights)), self.output)

    @cached_property
    def differentiation(self) -> Differentiation:
        """How derivatives on this canvas are taken, as a white impulse in its middle shows."""
        impulse = torch.zeros_like(self.image)
        impulse[:, self.size[0] // 2, self.size[1] // 2] = 1
        found = self.network.differentiation(self.image[None], impulse[None], self.output[None])
        if found.step:
            warn(
                f"the derivative is a central difference of step {found.step:g}, accurate to {found.error:.1g} of its "
                "peak: automatic differentiation does not agree with the network's finite response, or fails"
            )
        if found.kink:
            warn(
                f"the derivative differs by {found.kink:.2g} of its peak between brighter and darker: a kink lies here"
            )
        return found

    def provenance(self) -> dict[str, str]:
        """Versions, model, type and device that a response on this canvas is computed with."""
        placed = self.network.place(self.image[:, :1])
        return {
            "hyra": __version__,
            "torch": str(torch.__version__),
            "model": self.network.name,
            "dtype": str(placed.dtype).removeprefix("torch."),
            "device": str(placed.device),
            **({"derivative": str(self.differentiation)} if "differentiation" in vars(self) else {}),
            **({"output": str(bounds)} if (bounds := self.network.traits.bounds) else {}),
            **({"padding": str(padding)} if (padding := self.network.padding(*self.size)) else {}),
        }


def interleaved(planes: Tensor, scale: int | Fraction) -> Tensor:
    """Responses of the q x q places of a block as one, with p samples a LR pixel: as far as all of them reach.

    An output Y that lies `q Y - p a` samples from the block's first pixel is the answer to place a, and no other.

    Args:
        planes: `[..., q, q, H, W]`, by the place on both axes.
        scale: `p/q`.

    Returns:
        `[..., q * H - p * (q - 1) - q + 1, ...]`, in which the first pixel of the block has q times its index.

    Example:
        At 3/2 samples answer the two places in turn; here a place is written as its row and its column.

        >>> planes = torch.tensor([[0.0, 1.0], [10.0, 11.0]])[:, :, None, None].expand(2, 2, 4, 4)
        >>> interleaved(planes, Fraction(3, 2))[:2].tolist()
        [[0.0, 1.0, 0.0, 1.0], [10.0, 11.0, 10.0, 11.0]]
    """
    p, q = scale.numerator, scale.denominator
    height, width = (q * length - (p + 1) * (q - 1) for length in planes.shape[-2:])
    if min(height, width) < 1:
        raise ValueError(f"size must leave room for the responses of {q}x{q} impulses at x{scale}, got too few pixels")
    response = planes.new_zeros(*planes.shape[:-4], height, width)
    for a, b in product(range(q), repeat=2):
        rows, columns = (range(-p * place % q, length, q) for place, length in ((a, height), (b, width)))
        top, left = ((part.start + p * place) // q for part, place in ((rows, a), (columns, b)))
        part = planes[..., a, b, top : top + len(rows), left : left + len(columns)]
        response[..., rows.start :: q, columns.start :: q] = part
    return response


def _other_side(network: Network, side: int | None, usual: int, error: NetworkError) -> int:
    """The side of a canvas for a network that fails on the usual one; the failure stands where a side was asked for."""
    if side is None:
        with suppress(NetworkError):
            return network.usual_side(usual)
    raise error from error.__cause__
