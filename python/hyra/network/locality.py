"""How far a network looks, and after which shift it repeats."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from fractions import Fraction
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from hyra._util import validate
from hyra.network.forward import NetworkError
from hyra.network.sizes import InputSizes
from hyra.network.wrapper import Network

TOLERANCE = 1e-6
"""Largest difference, relative to the peak, that impulses in one image may make to each other's responses."""
_SHIFT_TOLERANCE = 1e-5
"""The same between responses at two positions, whose sums may be rounded in another order."""

_REACH_TOLERANCE = TOLERANCE / 10
"""Of the peak, what a response may be beyond its reach: several neighbours add up."""
_SIDES = (64, 256)
_BLOCK = 4
_COMPARED = 9
"""LR pixels each way that shifts are compared on."""
_LARGEST_PERIOD = 32
_SHIFTS = (1, 8, 12, 14, 20, 18, 32, 24, 28, 30, *range(17, 32))
"""In the order of trying: none, the windows in use, whose divisors come with them, and then all that is left."""
_PROBE_SIDE = 128
BUDGET = 16
"""Runs of the probe's canvas that measuring may cost, counted in pixels."""


@dataclass(frozen=True)
class Locality:
    """How far a network looks and how it repeats, found by measurement.

    Attributes:
        reach: LR pixels, on each side, that an impulse changes the output of; None where it reaches the border of every
            canvas tried (up to 256x256), as with attention pooled over the whole image.
        period: smallest shift in LR pixels, down and right, after which the response is the same again: 1 for plain
            convolutions, the window for windowed attention; None where none up to 32 is. At a scale p/q a multiple of
            q.
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
    """Find reach and period with at most `BUDGET` runs of a 128x128 canvas, or as many pixels of others.

    The reach is the farthest change that noise in 4x4 LR pixels makes to the output for noise, and an impulse to that
    for a constant image, since either leaves parts of a network silent. The period is the smallest shift of a noise
    image that shifts the output and does nothing else to it. A period that the budget leaves no room to find is None.

    For a module it is measured once and again when its weights have changed; a function may hide what it depends on.
    """
    if network.module is None:
        return _measured(network, amplitude, background)
    key = (
        *(_weights(network.module), network.scale, network.in_channels, network.dtype, network.input_range),
        *(amplitude, background),
    )
    known = _KNOWN.setdefault(network.module, {})
    if key not in known:
        known[key] = _measured(network, amplitude, background)
    return known[key]


_KNOWN: WeakKeyDictionary[nn.Module, dict[Hashable, Locality]] = WeakKeyDictionary()


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


class _Runs:
    """A network's runs on squares, as long as there are pixels left to spend."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.pixels = BUDGET * _PROBE_SIDE**2

    def affords(self, *sides: int) -> bool:
        """Whether runs on squares of these sides are within the budget."""
        return sum(side**2 for side in sides) <= self.pixels

    def __call__(self, image: Tensor) -> Tensor:
        self.pixels -= image.shape[-2] * image.shape[-1]
        return self.network.run(image[None])[0]


def _measured(network: Network, amplitude: float, background: float) -> Locality:
    """`measure_locality`, without looking it up."""
    try:
        return _measure(network, amplitude, background)
    except NetworkError:  # of a canvas larger than any that it takes, which is known now
        if _sizes(network).limit is None:
            raise
        return _measure(network, amplitude, background)


def _measure(network: Network, amplitude: float, background: float) -> Locality:
    sizes, runs = _sizes(network), _Runs(network)
    reach = None
    with network.untouched():
        for side in dict.fromkeys(sizes.at_least(side) for side in _SIDES):
            if not runs.affords(side, side):
                break
            noise = _noise(network.blank(side), side)
            output = runs(noise)
            reach = _reach(
                runs(_disturbed(noise, side // 2)) - output, network.scale, range(side // 2, side // 2 + _BLOCK)
            )
            if reach is not None:
                break
        if reach is None:
            return Locality(None, None)
        blank = network.blank(side, background)
        if runs.affords(side, side, side, side):  # else there is no room for the period either
            impulse = blank.clone()
            impulse[:, side // 2, side // 2] += amplitude
            lit = _reach(runs(impulse) - runs(blank), network.scale, range(side // 2, side // 2 + 1), abs(amplitude))
            if lit is None:
                return Locality(None, None)
            reach = max(reach, lit)
        return Locality(reach, _period(runs, sizes, reach, noise, output))


def _sizes(network: Network) -> InputSizes:
    """Of square canvases; a network that takes none gets its one size by padding."""
    try:
        return network.input_sizes()
    except NetworkError:
        return InputSizes(network.usual_side(1), 0)


def _noise(blank: Tensor, side: int) -> Tensor:
    """Noise from dark to bright grey: black and white drive some networks out of their range."""
    generator = torch.Generator("cpu").manual_seed(0)
    noise = 0.1 + 0.8 * torch.rand(len(blank), side, side, generator=generator, dtype=torch.float64, device="cpu")
    dark = (slice(None), *(slice(side // 2, side // 2 + _BLOCK),) * 2)  # what `_disturbed` makes brighter
    noise[dark] = noise[dark].minimum(1 - noise[dark])
    return noise.to(blank)


def _disturbed(image: Tensor, start: int) -> Tensor:
    """The image, brighter in a block at `start`: every place in a period of 4 changes, and no mean hides it."""
    block = (slice(None), slice(start, start + _BLOCK), slice(start, start + _BLOCK))
    disturbed = image.clone()
    disturbed[block] = 1 - image[block]
    return disturbed


def _reach(difference: Tensor, scale: int | Fraction, cause: range, height: float = 1.0) -> int | None:
    """LR pixels from a block on the diagonal to the farthest change of an output, or None if the border changes.

    What is not finite counts as changed. A change counts over the peak, or over its cause where it explodes.
    """
    change = difference.abs().amax(0)
    peak = min(float(change.nan_to_num(0, 0, 0).max()), height)
    changed = ~(change <= _REACH_TOLERANCE * peak)
    side = math.ceil(change.shape[-1] / scale)
    where = torch.cat([changed.any(0).nonzero(), changed.any(1).nonzero()]).flatten()
    if len(where) == 0:
        return 0
    first = math.floor(int(where.min()) / scale)  # the LR pixels that an HR pixel touches
    last = math.ceil((int(where.max()) + 1) / scale) - 1
    return None if first == 0 or last == side - 1 else max(cause.start - first, last - cause[-1], 0)


def _period(runs: _Runs, sizes: InputSizes, reach: int, noise: Tensor, output: Tensor) -> int | None:
    """The smallest shift, down and right, that the network does not notice, within the budget.

    `output` is what it makes of `noise`; where that is too small for the largest shift, and the budget allows, of more.
    """

    def margin(shift: int) -> int:
        """What the border changes, and a block that it cuts: where a shift is a period, blocks are no longer."""
        return reach + shift

    def side(shift: int) -> int:
        return sizes.at_least(2 * margin(shift) + _COMPARED)

    roomy = sizes.at_least(side(_LARGEST_PERIOD) + _LARGEST_PERIOD)
    if roomy > noise.shape[-1] and runs.affords(roomy, side(1)):
        noise = _noise(noise, roomy)
        output = runs(noise)
    whole, scale, block = noise.shape[-1], runs.network.scale, runs.network.block
    known: dict[int, bool] = {}

    def repeats(shift: int) -> bool:
        """Whether a shift goes unnoticed; not where that cannot be told."""
        if shift % block:
            return False
        part = side(shift)
        if shift not in known:
            if part <= 2 * margin(shift) or shift + part > whole or not runs.affords(part):
                return False
            seen = runs(noise[:, shift : shift + part, shift : shift + part])
            first, last = math.ceil(scale * margin(shift)), math.floor(scale * (part - margin(shift)))
            moved = int(scale * shift)
            reference = output[:, moved:, moved:][:, first:last, first:last]
            difference = float((seen[:, first:last, first:last] - reference).abs().max())
            known[shift] = difference <= _SHIFT_TOLERANCE * float(reference.abs().max())
        return known[shift]

    shifts = dict.fromkeys(math.lcm(shift, block) for shift in _SHIFTS)
    shift = next((shift for shift in shifts if repeats(shift)), None)
    return None if shift is None else _smallest_divisor(shift, repeats)


def _smallest_divisor(shift: int, repeats: Callable[[int], bool]) -> int:
    """The period, of which `shift` is a multiple: each of its primes is divided out while the rest still repeats."""
    for prime in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31):
        while shift % prime == 0 and repeats(shift // prime):
            shift //= prime
    return shift
