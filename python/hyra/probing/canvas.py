"""The canvas: the image that impulses are added to, and what a network makes of it without and with them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

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
            side: LR pixels; when not given, `usual` or the next size that the network takes.
            usual: side where none is asked for.
            like: an image whose colours, dtype and device the canvas shares; those of the network when not given.
        """
        if isinstance(background, Tensor):
            image = background.to(network.blank(1, like=like))
            return cls(network, image, network.run(image[None])[0])
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

    def impulses(self, point: OperatingPoint, y: int, x: int) -> Tensor:
        """Impulses of unit height at one position, `[K, C, h, w]`: one in all colours, or one for each."""
        colours = point.colours(self.image)
        images = self.image.new_zeros(len(colours), *self.image.shape)
        images[:, :, y, x] = colours
        return images

    def responses(self, point: OperatingPoint, positions: Tensor) -> Tensor:
        """Responses `[N, K * C_out, s*h, s*w]`, colour by colour, to N images with impulses at `positions` `[N, M, 2]`.

        Positions outside the canvas are left out.
        """
        parts = [self._responses(point, positions, colour) for colour in point.colours(self.image)]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

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


def _other_side(network: Network, side: int | None, usual: int, error: NetworkError) -> int:
    """The side of a canvas for a network that fails on the usual one; the failure stands where a side was asked for."""
    if side is None:
        with suppress(NetworkError):
            return network.usual_side(usual)
    raise error from error.__cause__
