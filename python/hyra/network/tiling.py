"""A network on an image too large for it in one piece: on tiles with a halo, with the result of the whole image.

What a network needs to run is a hundred images or more; the result is three. H is computed from the whole image: with
2.5 (one response a colour) to 4 (a matrix) images of the output's size, that takes about as much memory as the result.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.warnings import warn
from hyra.network.locality import measure_locality
from hyra.network.wrapper import Network

_TOLERANCE = 1e-5
"""Of the peak, what sums rounded in another order may differ by between tiles and the whole."""
_OFFERED = (16, 32)
"""Halos whose error is told of a network that has none of its own."""


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
    period = locality.period or 1
    if halo is not None:
        validate.integer("halo", halo, 0)
    elif locality.reach is None or locality.period is None:
        raise ValueError(_no_halo(network, tile, period))
    else:  # an impulse at another place in its window may reach almost a window farther than the one measured
        halo = locality.reach + period - 1
    return _tiling(network, tile, halo, period)


def _tiling(network: Network, tile: int, halo: int, period: int) -> Tiling:
    sizes = network.input_sizes()
    step = math.lcm(period, sizes.multiple or 1)
    tiling = Tiling(sizes.at_least(math.ceil(tile / step) * step + 2 * halo), step, halo)
    if tiling.advance < 1:
        raise ValueError(
            f"halo must leave a part of the largest size that the network takes, {sizes.limit}, got {halo}"
        )
    return tiling


def _no_halo(network: Network, tile: int, period: int) -> str:
    """Why tiles need a halo to be given, and what some would cost."""
    errors = []
    with network.untouched():
        for halo in _OFFERED:
            tiling = _tiling(network, tile, halo, period)
            noise = torch.rand(
                1, network.in_channels, *(tiling.crop + tiling.advance,) * 2, generator=torch.Generator().manual_seed(0)
            )
            errors.append(f"{tiling_error(network, tiling, network.place(noise)):.1g} with halo={halo}")
    return (
        "halo must be given for a network that one pixel changes everywhere or that repeats nowhere, as with attention "
        "over the whole image, got None: leave tile out to run it on the whole image, or accept an approximation; on "
        f"noise tiles of {tile} are off by {' and '.join(errors)}, relative to the peak"
    )


def run_tiled(network: Network, tiling: Tiling, images: Tensor) -> Tensor:
    """`network.run(images)` for images `[N, C, h, w]`, one crop of them at a time."""
    whole = network.padding(*images.shape[-2:]).extended(images)
    height, width = whole.shape[-2:]
    s = network.scale
    bands = []
    for rows, kept_rows in tiling.spans(height):
        parts = []
        for columns, kept_columns in tiling.spans(width):
            output = network.run(whole[..., rows, columns])
            # A copy, so that the halo's memory is freed.
            parts.append(output[..., _hr(kept_rows, rows.start, s), _hr(kept_columns, columns.start, s)].clone())
        bands.append(torch.cat(parts, dim=-1))
    return network.cropped(torch.cat(bands, dim=-2), images)


def check_tiling(network: Network, tiling: Tiling, images: Tensor, *, approximate: bool) -> None:
    """That tiles give what the network makes of the whole, on as much of some images as two tiles each way need.

    Args:
        network: what runs.
        tiling: how it is cut.
        images: `[N, C, h, w]`, the first of which is looked at.
        approximate: whether a difference is what the caller has asked for: it is told in a warning, then.

    Raises:
        ValueError: tiles change the output.
    """
    error = tiling_error(network, tiling, images[:1])
    if error <= max(_TOLERANCE, 16 * torch.finfo(network.dtype).eps):
        return
    change = f"tiles with a halo of {tiling.halo} LR pixels change the output by {error:.1g} of its peak"
    if not approximate:
        raise ValueError(
            f"tile must be left out, or halo be given to accept a difference: {change}, since the network looks "
            "farther on this image than on the canvas that it was measured on"
        )
    warn(f"{change}: a larger halo may change it less")


def tiling_error(network: Network, tiling: Tiling, images: Tensor) -> float:
    """Largest difference between tiles and the whole, over the peak, on the first two tiles each way."""
    images = network.padding(*images.shape[-2:]).extended(images)
    height, width = (min(length, _two_tiles(tiling, length)) for length in images.shape[-2:])
    part = images[..., :height, :width]
    if max(height, width) <= tiling.crop:
        return 0.0
    whole, tiled = network.run(part), run_tiled(network, tiling, part)
    height, width = (min(sides) for sides in zip(whole.shape[-2:], tiled.shape[-2:], strict=True))
    whole = whole[..., :height, :width]  # of a fraction, either may have lost a pixel to rounding
    difference = tiled[..., :height, :width] - whole
    if not bool(whole.isfinite().all()):  # where both are the same kind of not finite, nothing has changed
        same = whole.isnan() == (difference + whole).isnan()
        difference = torch.where(same & ~whole.isfinite(), 0, difference)
    return float(difference.abs().nan_to_num(math.inf, math.inf).max() / (whole.abs().nan_to_num(0, 0, 0).max() or 1))


def _two_tiles(tiling: Tiling, length: int) -> int:
    """What the first two tiles of an axis cover; the axis where it is no longer than that, with its odd end."""
    two = tiling.crop + tiling.advance
    return two if length >= two else length


def _hr(kept: slice, start: int, scale: int | Fraction) -> slice:
    """Pixels of the HR grid for LR pixels counted from `start`, which a block of a fraction begins at."""
    return slice(math.floor(scale * (kept.start - start)), math.floor(scale * (kept.stop - start)))
