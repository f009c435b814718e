"""How far a network looks, and after which shift it repeats."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from hyra._util import validate
from hyra.network.wrapper import Network

TOLERANCE = 1e-6
"""Largest difference, relative to the peak, that impulses in one image may make to each other's responses."""
_SHIFT_TOLERANCE = 1e-5
"""The same between responses at two positions, whose sums may be rounded in another order."""

_REACH_TOLERANCE = TOLERANCE / 10
"""Of the peak, what a response may be beyond its reach: several neighbours add up."""
_SIDES = (64, 128, 256)
_LARGEST_PERIOD = 32


@dataclass(frozen=True)
class Locality:
    """How far a network looks and how it repeats, found by measurement.

    Attributes:
        reach: LR pixels, on each side, that an impulse changes the output of; None where it reaches the border of every
            canvas tried (up to 256x256), as with attention pooled over the whole image.
        period: smallest shift in LR pixels, down and right, after which the response is the same again: 1 for plain
            convolutions, the window for windowed attention; None where none up to 32 is.
    """

    reach: int | None
    period: int | None

    def __post_init__(self) -> None:
        if self.reach is not None:
            validate.integer("reach", self.reach, 0)
        if self.period is not None:
            validate.positive_integer("period", self.period)

    @property
    def receptive_field(self) -> int | None:
        """Side in LR pixels of the square that one impulse changes."""
        return None if self.reach is None else 2 * self.reach + 1

    @property
    def spacing(self) -> int | None:
        """Distance of impulses that do not meet, a multiple of the period; None where there is none."""
        if self.receptive_field is None or self.period is None:
            return None
        return math.ceil(self.receptive_field / self.period) * self.period


def measure_locality(network: Network, amplitude: float, background: float) -> Locality:
    """Find reach and period with impulses on canvases of 64, 128 and 256 LR pixels.

    The reach is measured on noise too, since a constant image leaves parts of a network silent, and at two places on
    the diagonal, which lie differently in the network's windows; the largest counts.

    For a module it is measured once and again when its weights have changed; a function may hide what it depends on.
    """
    if network.module is None:
        return _measure(network, amplitude, background)
    key = _weights(network.module), network.in_channels, network.dtype, amplitude, background
    known = _KNOWN.setdefault(network, {})
    if key not in known:
        known[key] = _measure(network, amplitude, background)
    return known[key]


_KNOWN: WeakKeyDictionary[Network, dict[Hashable, Locality]] = WeakKeyDictionary()


def _weights(module: nn.Module) -> bytes:
    """A digest of parameters and buffers: trainers write into them past torch's version counters."""
    digest = hashlib.blake2b()
    for tensor in (*module.parameters(), *module.buffers()):
        digest.update(_dense(tensor.detach()).cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.digest()


def _dense(x: Tensor) -> Tensor:
    """The values of a tensor of any layout, as they lie in memory."""
    if x.is_quantized:
        return x.dequantize()
    if x.is_nested:
        return x.to_padded_tensor(0.0)
    return x.to_dense() if x.layout != torch.strided or x.is_mkldnn else x.resolve_conj().resolve_neg()


def _measure(network: Network, amplitude: float, background: float) -> Locality:
    """`measure_locality`, without looking it up."""
    sizes = network.input_sizes()
    with network.untouched():
        for side in dict.fromkeys(sizes.at_least(side) for side in _SIDES):
            blank = network.blank(side, background)
            generator = torch.Generator("cpu").manual_seed(0)
            noise = torch.rand(blank.shape, generator=generator, dtype=torch.float64, device="cpu").to(blank)
            middle = side // 2
            reaches = [
                _reach(network, canvas, position, amplitude)
                for canvas in (blank, noise)
                for position in (middle, middle + 3)
            ]
            if all(reach is not None for reach in reaches):
                reach = max(reach for reach in reaches if reach is not None)
                # What an impulse changes looks as far again: both must stay clear of the border and its padding.
                needed = 4 * reach + 1 + _LARGEST_PERIOD
                roomy = max(side, sizes.at_least(needed))  # may fall short if the network takes one size alone
                if roomy < needed:
                    return Locality(reach, None)
                return Locality(reach, _period(network, network.blank(roomy, background), reach, amplitude))
    return Locality(None, None)


def _excess(network: Network, canvas: Tensor, position: int, amplitude: float) -> Tensor:
    """What one impulse on the diagonal changes of the output: `[C_out, H, W]`."""
    image = canvas.clone()
    image[:, position, position] += amplitude
    return network(image[None])[0] - network(canvas[None])[0]


def _reach(network: Network, canvas: Tensor, position: int, amplitude: float) -> int | None:
    """LR pixels from the impulse to the farthest change, or None if the border changes."""
    change = _excess(network, canvas, position, amplitude).abs().amax(0)
    side = canvas.shape[-1]
    changed = torch.nn.functional.max_pool2d(change[None], network.scale)[0] > _REACH_TOLERANCE * change.max()
    where = torch.cat([changed.any(0).nonzero(), changed.any(1).nonzero()]).flatten()
    if len(where) == 0:
        return 0
    first, last = int(where.min()), int(where.max())
    return None if first == 0 or last == side - 1 else max(position - first, last - position)


def _period(network: Network, canvas: Tensor, reach: int, amplitude: float) -> int | None:
    """The smallest shift that moves the response and does nothing else to it, in the middle of the canvas."""
    side, scale = canvas.shape[-1], network.scale
    start = (side - _LARGEST_PERIOD) // 2

    def aligned(shift: int) -> Tensor:
        response = _excess(network, canvas, start + shift, amplitude)
        first, last = scale * (start + shift - reach), scale * (start + shift + reach + 1)
        return response[:, first:last, first:last]

    reference = aligned(0)
    for period in range(1, _LARGEST_PERIOD + 1):
        if float((aligned(period) - reference).abs().max()) <= _SHIFT_TOLERANCE * float(reference.abs().max()):
            return period
    return None
