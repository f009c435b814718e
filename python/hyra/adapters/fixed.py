"""A network of one fixed size on images of any: padded where they are smaller, in overlapping tiles where larger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.warnings import warn
from hyra.adapters.adapted import Net, adapted
from hyra.network.output import image_in
from hyra.ops.boundary import extend

_CHANGE = 1e-7
"""Of the largest change that an impulse makes: what is less is no part of how far it reaches."""
_SEAM = 1e-4
"""Of the largest pixel of the output: how far tiles may differ where they meet, unsaid."""
_STEPS = (1, 2, 4, 8, 16)
"""Shifts after which a response may be the same again, in LR pixels: tiles lie at multiples of such a one."""
_SHIFT = 1e-5
"""Of the largest change: how far a response may differ after such a shift."""


def fixed_size(
    net: Net, size: tuple[int | None, int | None], *, batch: int | None = None, halo: int | None = None
) -> Net:
    """A network that takes images of one size only, as one that takes any.

    A smaller image is continued at its end by reflection, and the output cut. A larger one is run in tiles that overlap
    by as much as the network looks, which is measured at the first of them, on black and on noise. Where tiles meet,
    their outputs are compared: what differs is the error of tiling on this very image, and one warning tells it.

    Args:
        net: the network, from `[N, C, height, width]` to `[N, C_out, s*height, s*width]`.
        size: height and width in LR pixels; None for an axis on which it takes any.
        batch: images that it takes at a time; any number when None.
        halo: LR pixels around each tile whose output is not used; measured when None.

    Returns:
        A callable from images of any size; a module, where `net` is one.

    Raises:
        TypeError: `net` is not callable, or a number is of the wrong type.
        ValueError: a number is not positive, or `halo` leaves nothing of a tile.

    Example:
        >>> import torch, hyra
        >>> def fixed(x):
        ...     assert x.shape == (1, 3, 24, 16)
        ...     return torch.nn.functional.interpolate(x, scale_factor=2, mode="bicubic")
        >>> image = torch.rand(2, 3, 50, 70)
        >>> whole = torch.nn.functional.interpolate(image, scale_factor=2, mode="bicubic")
        >>> torch.equal(fixed_size(fixed, (24, 16), batch=1)(image), whole)
        True
    """
    height, width = (None if side is None else validate.positive_integer("size", side) for side in size)
    if batch is not None:
        validate.positive_integer("batch", batch)
    if halo is not None:
        validate.integer("halo", halo, 0)
        if any(side is not None and 2 * halo >= side for side in size):
            raise ValueError(f"halo must leave something of a tile of {_shown(size)}, got {halo}")
    return adapted(net, _FixedSize((height, width), batch, halo))


@dataclass
class _FixedSize:
    size: tuple[int | None, int | None]
    batch: int | None
    halo: int | None
    _measured: dict[tuple[int, ...], tuple[_Look, _Look]] = field(default_factory=dict)
    _has_warned: bool = False

    def __call__(self, net: Net, images: Tensor) -> Tensor:
        crop = [side or length for side, length in zip(self.size, images.shape[-2:], strict=True)]
        if list(images.shape[-2:]) == crop:
            return self._run(net, images)
        is_larger = [length > side for length, side in zip(images.shape[-2:], crop, strict=True)]
        looks = self._looks(net, images, crop) if any(is_larger) else (_Look(0, 1),) * 2
        cuts = [_Cuts.of(*sides) for sides in zip(images.shape[-2:], crop, looks, strict=True)]
        padded = extend(images, "reflect", (0, 0), (cuts[0].length, cuts[1].length))
        bands, error = [], 0.0
        for row in cuts[0].starts:
            band = padded[..., row : row + crop[0], :]
            tiles = [self._run(net, band[..., column : column + crop[1]]) for column in cuts[1].starts]
            joined, seam = cuts[1].join(tiles, -1)
            bands.append(joined)
            error = max(error, seam)
        output, seam = cuts[0].join(bands, -2)
        self._tell(max(error, seam), float(output.detach().abs().max()), crop)
        scale = output.shape[-2] // padded.shape[-2]
        height, width = (scale * length for length in images.shape[-2:])
        return output[..., :height, :width]

    def _run(self, net: Net, tiles: Tensor) -> Tensor:
        """The network on images of its size, as many at a time as it takes."""
        count = self.batch or len(tiles)
        outputs = []
        for part in torch.split(tiles, count):
            whole = part if len(part) == count else torch.cat([part, part[-1:].expand(count - len(part), -1, -1, -1)])
            output = image_in(net(whole), whole.shape, None)
            outputs.append(output[: len(part)])
        return torch.cat(outputs) if len(outputs) > 1 else outputs[0]

    def _looks(self, net: Net, images: Tensor, crop: Sequence[int]) -> tuple[_Look, _Look]:
        """How far the network looks along each axis, measured once for a kind of images."""
        shape = (1, images.shape[1], *crop)
        if shape not in self._measured:
            rows, columns = self._measure(net, images.new_zeros(shape))
            self._measured[shape] = rows, columns
        rows, columns = self._measured[shape]
        return (rows, columns) if self.halo is None else (_Look(self.halo, rows.step), _Look(self.halo, columns.step))

    def _measure(self, net: Net, black: Tensor) -> list[_Look]:
        generator = torch.Generator().manual_seed(0)
        noise = torch.rand(black.shape, generator=generator, dtype=torch.float32, device="cpu").to(black)
        middle = [side // 2 for side in black.shape[-2:]]
        response = self._response(net, black, middle)
        scale = response.shape[-1] // black.shape[-1]
        reach = [0, 0]
        for change in (response, self._response(net, noise, middle)):
            changed = change.abs().amax(0) > _CHANGE * change.abs().max()
            for axis in (0, 1):
                where = changed.any(1 - axis).nonzero().flatten() // scale
                if len(where):
                    farthest = max(middle[axis] - int(where[0]), int(where[-1]) - middle[axis])
                    reach[axis] = max(reach[axis], farthest)
        looks = []
        for axis, side in enumerate(black.shape[-2:]):
            dividing = max(n for n in _STEPS if side % n == 0)  # of windows, which mostly divide the side, too
            step = next((n for n in _STEPS if self._repeats(net, black, response, axis, n)), dividing)
            looks.append(_Look(reach[axis], step))
        return looks

    def _repeats(self, net: Net, black: Tensor, response: Tensor, axis: int, shift: int) -> bool:
        """Whether an impulse that many pixels further has the same response, that many further."""
        place = [side // 2 for side in black.shape[-2:]]
        place[axis] += shift
        if place[axis] >= black.shape[axis - 2]:
            return False
        other, moved = self._response(net, black, place), shift * (response.shape[-1] // black.shape[-1])
        length = response.shape[axis - 2] - moved
        difference = other.narrow(axis - 2, moved, length) - response.narrow(axis - 2, 0, length)
        return float(difference.abs().max()) <= _SHIFT * float(response.abs().max())

    def _response(self, net: Net, canvas: Tensor, place: Sequence[int]) -> Tensor:
        """What an impulse at that place changes of the output, `[C_out, H, W]`."""
        impulse = canvas.clone()
        impulse[..., place[0], place[1]] += 1
        return (self._run(net, impulse) - self._run(net, canvas))[0].detach()

    def _tell(self, error: float, peak: float, crop: Sequence[int]) -> None:
        if error <= _SEAM * peak or self._has_warned:
            return
        self._has_warned = True
        warn(
            f"the network takes images of {_shown(crop)} alone and looks too far for tiles of that size: where they "
            f"meet they differ by up to {error:.2g}, so the output only approximates that of a whole image"
        )


@dataclass(frozen=True)
class _Look:
    """How many LR pixels away from an impulse the output changes, and after which shift it does so in the same way."""

    reach: int
    step: int


@dataclass(frozen=True)
class _Cuts:
    """Where tiles of side `crop` begin along an axis that was padded to `length`, of which `halo` is not used."""

    length: int
    crop: int
    halo: int
    starts: tuple[int, ...]

    @classmethod
    def of(cls, length: int, crop: int, look: _Look) -> _Cuts:
        last = max(0, math.ceil((length - crop) / look.step) * look.step)
        halo = min(look.reach, 3 * crop // 8)  # else nearly all of a tile would be computed for its neighbours
        advance = max(look.step, (crop - 2 * halo - 1) // look.step * look.step)  # both settle a pixel: it is compared
        return cls(crop + last, crop, halo, (*range(0, last, advance), last))

    def join(self, tiles: Sequence[Tensor], dim: int) -> tuple[Tensor, float]:
        """The whole, and by how much two neighbours differ where neither is near a cut."""
        scale = tiles[0].shape[dim] // self.crop
        parts, begin, worst = [], 0, 0.0
        for i, (start, tile) in enumerate(zip(self.starts, tiles, strict=True)):
            end = self.length
            if i + 1 < len(tiles):
                following = self.starts[i + 1]
                first, stop = following + self.halo, start + self.crop - self.halo  # what both tiles settle
                one = tile.narrow(dim, scale * (first - start), scale * (stop - first))
                other = tiles[i + 1].narrow(dim, scale * (first - following), scale * (stop - first))
                worst = max(worst, float((one - other).detach().abs().max()))
                end = (first + stop) // 2
            parts.append(tile.narrow(dim, scale * (begin - start), scale * (end - begin)))
            begin = end
        return torch.cat(parts, dim) if len(parts) > 1 else tiles[0], worst


def _shown(size: Sequence[Any]) -> str:
    return "x".join("any" if side is None else str(side) for side in size)
