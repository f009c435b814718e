"""A network on an image too large for it in one piece: on tiles with a halo, with the result of the whole image.

What a network needs to run is a hundred images or more; the result is three. H is computed from the whole image: with
2.5 (one response a colour) to 4 (a matrix) images of the output's size, that takes about as much memory as the result.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from hyra._util import validate
from hyra.network.locality import measure_locality
from hyra.network.wrapper import Network


@dataclass(frozen=True)
class Tiling:
    """How to cut an axis into overlapping crops that a network treats as it treats the whole.

    Crops start at multiples of `step`, so that the network's windows lie as on the whole image, and the last is shifted
    inward: its border is the image's, so nothing is padded here. Of each crop only what lies `halo` or more from a cut
    is kept. All lengths are in LR pixels.

    Attributes:
        crop: length of every crop but the last, which is up to `step - 1` longer, and an axis shorter than that.
        step: the smallest shift that the network does not notice.
        halo: how far from a cut the network's output is off.

    Example:
        >>> for crop, kept in Tiling(crop=12, step=4, halo=3).spans(22):
        ...     print((crop.start, crop.stop), (kept.start, kept.stop))
        (0, 12) (0, 7)
        (4, 16) (7, 11)
        (8, 22) (11, 22)
    """

    crop: int
    step: int
    halo: int

    @property
    def advance(self) -> int:
        """Distance of crops: what they keep, in whole steps."""
        return (self.crop - 2 * self.halo) // self.step * self.step

    def spans(self, length: int) -> Iterator[tuple[slice, slice]]:
        """Each crop of an axis, and the part of the axis that it settles."""
        last = max(0, (length - self.crop) // self.step * self.step)
        starts = [*range(0, last, self.advance), last]
        stops = [*(start + self.crop for start in starts[:-1]), length]
        cuts = [0, *(start + self.halo for start in starts[1:]), length]
        for i, (start, stop) in enumerate(zip(starts, stops, strict=True)):
            yield slice(start, stop), slice(cuts[i], cuts[i + 1])


def find_tiling(network: Network, tile: int, halo: int | None) -> Tiling:
    """Tiles of at least `tile` LR pixels without their halo, of a size and at places that suit the network.

    Raises:
        ValueError: the network looks at the whole image and no `halo` says how far to follow it.
    """
    validate.positive_integer("tile", tile)
    locality = measure_locality(network, amplitude=1.0, background=0.0)
    sizes, period = network.input_sizes(), locality.period or 1
    if halo is not None:
        validate.integer("halo", halo, 0)
    elif locality.reach is None or locality.period is None:
        raise ValueError(
            "halo must be given for a network that one pixel changes everywhere or that repeats nowhere, as with "
            "attention over the whole image: tiles then only approximate the whole, got None"
        )
    else:  # an impulse at another place in its window may reach almost a window farther than the one measured
        halo = locality.reach + period - 1
    step = math.lcm(period, sizes.multiple or 1)
    tiling = Tiling(sizes.at_least(math.ceil(tile / step) * step + 2 * halo), step, halo)
    if tiling.advance < 1:
        raise ValueError(
            f"halo must leave a part of the only size that the network takes, {sizes.smallest}, got {halo}"
        )
    return tiling


def run_tiled(network: Network, tiling: Tiling, images: Tensor) -> Tensor:
    """`network.run(images)` for images `[N, C, h, w]`, one crop of them at a time."""
    height, width = images.shape[-2:]
    s = network.scale
    bands = []
    for rows, kept_rows in tiling.spans(height):
        parts = []
        for columns, kept_columns in tiling.spans(width):
            output = network.run(images[..., rows, columns])
            # A copy, so that the halo's memory is freed.
            parts.append(output[..., _hr(kept_rows, rows.start, s), _hr(kept_columns, columns.start, s)].clone())
        bands.append(torch.cat(parts, dim=-1))
    return torch.cat(bands, dim=-2)


def _hr(kept: slice, start: int, scale: int) -> slice:
    """Pixels of the HR grid for LR pixels counted from `start`."""
    return slice(scale * (kept.start - start), scale * (kept.stop - start))
