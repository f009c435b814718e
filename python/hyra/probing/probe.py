"""Impulse responses at many positions: is the network's linear part really the same everywhere?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import NamedTuple

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.progress import Progress
from hyra._util.warnings import warn
from hyra.filters.response import ImpulseResponse, energy_outside
from hyra.filters.sinc import cosines
from hyra.filters.transfer import dc_gain_per_phase
from hyra.network.locality import Locality, measure_locality
from hyra.network.wrapper import Network
from hyra.ops.response_moments import response_moments
from hyra.probing.batching import run_in_batches
from hyra.probing.canvas import Canvas
from hyra.probing.impulse import clipped_share, warn_if_it_explodes, warn_if_it_is_clipped
from hyra.probing.operating_point import OperatingPoint
from hyra.probing.packing import Packing, find_packing
from hyra.probing.window import Window
from hyra.results.result import Result

_CANVAS_SIDE = 128
_LARGE_DISCARDED_ENERGY = 1e-6
_TRIED = 5
"""Positions nearest to the middle, one of which must have a finite response for others to be compared with it."""


@dataclass(frozen=True, eq=False, repr=False)
class Probe(Result):
    """Impulse responses at many positions, aligned.

    Attributes:
        positions: `[P, 2]` int64, LR row and column of each impulse; at a scale p/q those of the first of the q x q
            impulses in a block, whose responses are one (see `ImpulseResponse`).
        deviation: `[P]` float64, L2 distance of each response from `reference` over the norm of `reference`; NaN where
            a response is not finite, which counts nowhere else.
        peak_deviation: `[P]` float64, largest distance over the peak of `reference`.
        mean: the mean of all responses, `[C, kh, kw]`, or `[C_out, C_in, kh, kw]` with `channels="matrix"`.
        variance: float64 of the shape of `mean`, of each sample over the positions.
        reference: the response at the position nearest to the middle, measured alone. Its `discarded_energy`, which
            `mean` has too, is the share of the energy of what the impulse changes that lies outside the window.
        canvas: height and width of the canvas in LR pixels.
        locality: how far the network looks, as measured; None if packing was not asked for.
        packed: whether images held several impulses.
        packing_error: largest difference that packing made where it was checked, over the peak; None if it was not.
        images: number of images that the network was run on for the positions.
        responses: each position's own, `[P, C, kh, kw]` or `[P, C_out, C_in, kh, kw]` and zero beyond the output, if
            they were to be kept.
        standard_error: `[P]` float64, what is left of random numbers in `deviation`, where responses are means over
            several seeds of a network that draws them: the norm of the standard error of the difference from
            `reference`, over the norm of `reference`. Deviations no larger than that are noise. None for one seed.
    """

    positions: Tensor
    deviation: Tensor
    peak_deviation: Tensor
    mean: ImpulseResponse
    variance: Tensor
    reference: ImpulseResponse
    canvas: tuple[int, int]
    locality: Locality | None
    packed: bool
    packing_error: float | None
    images: int
    responses: Tensor | None = None
    standard_error: Tensor | None = field(default=None, metadata={"since": 2})

    def __post_init__(self) -> None:
        count, shape = len(self.positions), self.mean.response.shape
        validate.shaped("positions", self.positions, [None, 2], validate.INTEGER)
        validate.shaped("deviation", self.deviation, [count])
        validate.shaped("peak_deviation", self.peak_deviation, [count])
        validate.shaped("variance", self.variance, shape)
        validate.shaped("reference", self.reference.response, shape)
        for side in self.canvas:
            validate.positive_integer("canvas", side)
        validate.positive_integer("images", self.images)
        if self.responses is not None:
            validate.shaped("responses", self.responses, [count, *shape])
        if self.standard_error is not None:
            validate.shaped("standard_error", self.standard_error, [count])

    def __repr__(self) -> str:
        height, width = self.canvas
        how = "packed" if self.packed else "not packed"
        return (
            f"Probe({len(self.positions)} positions in {self.images} images of {height}x{width}, {how}; "
            f"deviation {self.mean_deviation:.3g} on average, {self.largest_deviation:.3g} at most{self._left_out})"
        )

    @property
    def left_out(self) -> int:
        """Positions whose response is not finite: their deviations are NaN, and the moments are of the others."""
        return int(self.deviation.isnan().sum())

    @property
    def _left_out(self) -> str:
        return f"; {self.left_out} not finite and left out" if self.left_out else ""

    @property
    def mean_deviation(self) -> float:
        """Mean of `deviation` over the positions whose response is finite."""
        return float(self.deviation.nanmean())

    @property
    def largest_deviation(self) -> float:
        """Largest `deviation` of those."""
        sound = self.deviation[~self.deviation.isnan()]
        return float(sound.max()) if len(sound) else math.nan

    def response(self, index: int) -> ImpulseResponse:
        """The response at `positions[index]`, if responses were kept.

        Raises:
            ValueError: they were not.
        """
        return replace(self.reference, response=self.kept_responses[index])

    @cached_property
    def ring_cosine(self) -> Tensor:
        """`[P]` float64: how like the ideal sinc each response is outside its main lobe, as `SincFit.ring_cosine`.

        It looks at 9 LR pixels, or at the window where that is smaller.

        Raises:
            ValueError: responses were not kept, or are of scale 1, where no sinc is the ideal.
        """
        if self.mean.scale == 1:
            raise ValueError("ring_cosine must be asked of a scale above 1, where the sinc has side lobes, got 1")
        responses = (self.response(i) for i in range(len(self.kept_responses)))
        values = [cosines(h.white, h.center, h.density)[1] for h in responses]
        return torch.tensor(values, dtype=torch.float64, device="cpu")

    @property
    def kept_responses(self) -> Tensor:
        """`responses`.

        Raises:
            ValueError: they were not kept.
        """
        if self.responses is None:
            raise ValueError("keep_responses must be true for responses of single positions, got False")
        return self.responses

    @property
    def deviation_per_subpixel(self) -> Tensor:
        """`[s, s]` float64: standard deviation over the positions at each sub-pixel position, over the mean's norm.

        At a scale p/q it is `[p, p]`.
        Both are root mean squares over the samples of the window that have this sub-pixel position.
        """
        mean = self.mean
        energies = (mean.response.double().square(), self.variance)
        signal, noise = (dc_gain_per_phase(x, mean.origin, mean.density).flatten(0, -3).sum(0) for x in energies)
        return (noise / signal).sqrt()

    def deviation_per_phase(self, period: int | None = None) -> Tensor:
        """`[period, period]`: mean deviation of the positions at each place of the network's window; NaN without any.

        At a scale p/q, where positions stand for blocks of q, places are those of blocks: `[period / q, period / q]`.

        Args:
            period: the period in LR pixels, a multiple of q; the measured period when not given.

        Raises:
            ValueError: `period` is not positive, or no multiple of q.
        """
        block = self.mean.scale.denominator
        if period is None:
            period = (self.locality and self.locality.period) or block
        if validate.positive_integer("period", period) % block:
            raise ValueError(f"period must be a multiple of {block} at x{self.mean.scale}, got {period}")
        period //= block
        phase = (self.positions // block % period).to(self.deviation.device)
        sound = ~self.deviation.isnan()
        index, deviation = (phase[:, 0] * period + phase[:, 1])[sound], self.deviation[sound]
        total = torch.zeros(period**2, dtype=deviation.dtype, device=deviation.device)
        count = total.index_add(0, index, torch.ones_like(deviation))
        return (total.index_add(0, index, deviation) / count).view(period, period)


def probe(
    network: Network,
    point: OperatingPoint,
    positions: Tensor | str,
    *,
    canvas_side: int | None,
    window_side: int | None,
    pack: bool,
    keep_responses: bool,
    batch_size: int | None,
    progress: bool,
) -> Probe:
    """`HyRA.probe`, whose `canvas` and `size` are the sides here."""
    for name, value in (("canvas", canvas_side), ("size", window_side), ("batch_size", batch_size)):
        if value is not None:
            validate.positive_integer(name, value)
    _check_image(network, point.background, canvas_side)
    with network.untouched():
        canvas = Canvas.of(network, point.background, canvas_side, usual=_CANVAS_SIDE)
        locality = _locality(canvas, point) if pack else None
        if window_side is None:
            window = Window.for_locality(network.scale, locality, min(canvas.size))
        else:
            if window_side % network.block:
                raise ValueError(f"size must be a multiple of {network.block} at x{network.scale}, got {window_side}")
            window = Window(network.scale, window_side)
        places = window.positions(positions, canvas.size).to(canvas.image.device)
        reference, discarded, clipped = _reference(canvas, point, window, places)
        measure = partial(canvas.responses, point)
        packing = Packing.none(len(places)) if locality is None else find_packing(measure, window, places, locality)
        statistics = _statistics(
            measure, window, places, packing, reference, keep=keep_responses, batch_size=batch_size, progress=progress
        )
    assembled = partial(canvas.assembled, point, origin=window.origin)
    response, origin = assembled(reference)
    alone = ImpulseResponse(
        response=response,
        scale=network.scale,
        origin=origin,
        amplitude=point.amplitude,
        background=point.background,
        form=point.form,
        mode=point.mode,
        discarded_energy=discarded,
        provenance=canvas.provenance(),
        clipped=clipped,
    )
    return Probe(
        positions=places,
        deviation=statistics.deviations[:, 0],
        peak_deviation=statistics.deviations[:, 1],
        mean=replace(alone, response=assembled(statistics.mean)[0]),
        variance=assembled(statistics.variance)[0],
        reference=alone,
        canvas=canvas.size,
        locality=locality,
        packed=packing.shares,
        packing_error=packing.error,
        images=len(packing.members) * len(point.colours(canvas.image)) * len(canvas.places),
        responses=None if statistics.responses is None else assembled(statistics.responses)[0],
    )


def _sound(window: Window, outputs: Tensor, places: Tensor) -> Tensor:
    """`[N, M]`: whether every value of the window around each impulse is finite."""
    sound = torch.ones(places.shape[:2], dtype=torch.bool, device=places.device)
    for image, output in enumerate(outputs):
        if not bool(output.isfinite().all()):
            for index, place in enumerate(places[image].tolist()):
                sound[image, index] = place[0] < 0 or bool(window.cut(output, place).isfinite().all())
    return sound


class _Statistics(NamedTuple):
    """Of the responses at all positions: planes colour by colour, `[K * C_out, kh, kw]`, and deviations `[P, 2]`."""

    mean: Tensor
    variance: Tensor
    deviations: Tensor
    responses: Tensor | None


def _statistics(
    measure: Callable[[Tensor], Tensor],
    window: Window,
    positions: Tensor,
    packing: Packing,
    reference: Tensor,
    *,
    keep: bool,
    batch_size: int | None,
    progress: bool,
) -> _Statistics:
    """Run the images of a packing, and stream the responses in them through their moments."""
    impulses, members = packing.impulses(positions), packing.members.to(positions.device)
    moments = window.no_moments(reference)
    deviations = reference.new_empty(len(positions), 2, dtype=torch.float64)
    responses = reference.new_empty(len(positions), *reference.shape) if keep else None
    with Progress(len(impulses), "image", enabled=progress) as bar:
        for start, outputs in run_in_batches(measure, impulses, batch_size):
            batch = slice(start, start + len(outputs))
            sound = _sound(window, outputs, impulses[batch])
            origins = window.first_pixels(torch.where(sound[..., None], impulses[batch], -1))
            *moments, deviation = response_moments(outputs, origins, reference, window.origin, moments)
            occupied = members[batch] >= 0
            deviations[members[batch][occupied]] = deviation[occupied]
            if responses is not None:
                for output, group, places in zip(
                    outputs, packing.members[batch].tolist(), impulses[batch].tolist(), strict=True
                ):
                    for index, place in zip(group, places, strict=True):
                        if index >= 0:
                            responses[index] = window.cut(output, place)
            bar.update(len(outputs))
    count, mean, m2 = moments
    broken = int(deviations[:, 0].isnan().sum())
    if broken == len(positions):
        mean, m2 = mean + torch.nan, m2 + torch.nan
    elif broken:
        warn(f"the responses at {broken} of {len(positions)} positions are not finite and left out", RuntimeWarning)
    return _Statistics(mean, m2 / count.clamp(min=1), deviations, responses)


def _reference(canvas: Canvas, point: OperatingPoint, window: Window, positions: Tensor) -> tuple[Tensor, float, float]:
    """The response `[K * C_out, kh, kw]` nearest to the middle, and the shares that are discarded and clipped.

    Of its energy by the window, and of the output by the network's bounds.
    """
    middle = positions.new_tensor([n // 2 for n in canvas.size])
    for index in (positions - middle).square().sum(1).argsort(stable=True)[:_TRIED].tolist():
        nearest = positions[index]
        response = canvas.responses(point, nearest[None, None])[0]
        reference = window.cut(response, nearest.tolist())
        if reference.isfinite().all():
            break
    warn_if_it_explodes(reference, point)
    excess = point.excess(response, canvas.output.repeat(len(response) // len(canvas.output), 1, 1))
    discarded = energy_outside(window.cut(excess, nearest.tolist()), excess)
    if discarded > _LARGE_DISCARDED_ENERGY:
        side = window.side
        message = f"the window of {side}x{side} LR pixels discards {discarded:.2g} of the response's energy"
        warn(f"{message}: use a larger size")
    clipped = clipped_share(canvas, _outputs(canvas, point, nearest))
    warn_if_it_is_clipped(canvas, clipped, point)
    return reference, discarded, clipped


def _outputs(canvas: Canvas, point: OperatingPoint, position: Tensor) -> list[Tensor]:
    """What the network makes of the impulse at a position, where its output is bounded and impulses are finite."""
    if canvas.network.traits.bounds is None or point.mode == "jvp":
        return []
    impulses = canvas.impulses(point, *position.tolist())
    return [canvas.network.run(canvas.image[None] + point.amplitude * impulse)[0] for impulse in impulses]


def _locality(canvas: Canvas, point: OperatingPoint) -> Locality:
    """How far the network looks, as impulses of the point's height show, or of height 1 where that is a limit."""
    return measure_locality(canvas.network, point.amplitude or 1.0, float(canvas.image.mean()))


def _check_image(network: Network, background: float | Tensor, canvas_side: int | None) -> None:
    """A background that is an image fits the network, and is its own canvas."""
    if not isinstance(background, Tensor):
        return
    if len(background) != network.in_channels:
        expected = f"[{network.in_channels}, h, w]"
        raise ValueError(f"background must be a level or an image {expected}, got {list(background.shape)}")
    if canvas_side is not None:
        raise ValueError(f"canvas must be left out when background is an image, got {canvas_side}")
