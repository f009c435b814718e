"""Impulse responses at many positions: is the network's linear part really the same everywhere?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.progress import Progress
from hyra._util.warnings import warn
from hyra.filters.response import MODES, ImpulseResponse, energy_outside
from hyra.filters.sinc import SIMILARITY_RADIUS, cosines
from hyra.filters.transfer import dc_gain_per_phase
from hyra.network.locality import TOLERANCE, Locality, measure_locality
from hyra.network.wrapper import Network
from hyra.ops.impulse_batch import impulse_batch
from hyra.ops.response_moments import response_moments
from hyra.probing.impulse import CHANNELS, check_amplitude, colours_of, form_of, provenance_of, warn_if_it_explodes
from hyra.probing.packing import pack
from hyra.probing.window import Window
from hyra.results.result import Result

_CANVAS = 128
_STEP = 7
"""LR pixels between the positions of a grid: prime to most windows, so that every place in a window is seen."""
_WINDOW = 33
"""LR pixels of a response to keep where the network's reach is not known, and at most twice as many."""
_SMALLEST_WINDOW = 2 * SIMILARITY_RADIUS + 1
"""At least what the likeness to the sinc looks at, so that it does not depend on the network's reach."""
_CHECKED = 4
_LARGE_DISCARDED_ENERGY = 1e-6
_LONG_CALL = 0.1
"""Seconds that a call of the network takes when its own cost no longer counts."""
_WORTHWHILE = 1.1
"""How many times as many images per second a batch of twice the size must give to be kept."""


@dataclass(frozen=True, eq=False, repr=False)
class Probe(Result):
    """Responses to one lit pixel at many positions, aligned.

    Attributes:
        positions: `[P, 2]` int64, LR row and column of each impulse.
        deviation: `[P]` float64, L2 distance of each response from `reference` over the norm of `reference`.
        peak_deviation: `[P]` float64, largest distance over the peak of `reference`.
        mean: the mean of all responses, `[C, kh, kw]`, or `[C_out, C_in, kh, kw]` with `channels="matrix"`.
        variance: float64 of the shape of `mean`, of each sample over the positions.
        reference: the response at the position nearest to the middle, measured alone. Its `discarded_energy`, which
            `mean` has too, is the share of the energy of what the impulse changes that lies outside the window.
        canvas: height and width of the probe images in LR pixels.
        locality: how far the network looks, as measured; None if packing was not asked for.
        packed: whether images held several impulses.
        packing_error: largest difference that packing made where it was checked, over the peak; None if it was not.
        images: number of images that the network was run on for the positions.
        responses: each position's own, `[P, C, kh, kw]` or `[P, C_out, C_in, kh, kw]` and zero beyond the output, if
            they were to be kept.
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

    def __repr__(self) -> str:
        height, width = self.canvas
        how = "packed" if self.packed else "not packed"
        return (
            f"Probe({len(self.positions)} positions in {self.images} images of {height}x{width}, {how}; "
            f"deviation {float(self.deviation.mean()):.3g} on average, {float(self.deviation.max()):.3g} at most)"
        )

    def response(self, index: int) -> ImpulseResponse:
        """The response at `positions[index]`, if responses were kept.

        Raises:
            ValueError: they were not.
        """
        return replace(self.reference, response=self._kept[index])

    @cached_property
    def ring_cosine(self) -> Tensor:
        """`[P]` float64: how like the ideal sinc each response is outside its main lobe, as `SincFit.ring_cosine`.

        It looks at 9 LR pixels, or at the window where that is smaller.

        Raises:
            ValueError: responses were not kept.
        """
        found = (self.response(i) for i in range(len(self._kept)))
        return torch.tensor([cosines(h.white, h.center, h.scale)[1] for h in found], dtype=torch.float64)

    @property
    def _kept(self) -> Tensor:
        if self.responses is None:
            raise ValueError("keep_responses must be true for responses of single positions, got False")
        return self.responses

    @property
    def deviation_per_subpixel(self) -> Tensor:
        """`[s, s]` float64: standard deviation over the positions at each sub-pixel position, over the mean's norm.

        Both are root mean squares over the samples of the window that have this sub-pixel position.
        """
        mean = self.mean
        energies = (mean.response.double().square(), self.variance)
        signal, noise = (dc_gain_per_phase(x, mean.origin, mean.scale).flatten(0, -3).sum(0) for x in energies)
        return (noise / signal).sqrt()

    def deviation_per_phase(self, period: int | None = None) -> Tensor:
        """`[period, period]`: mean deviation of the positions at each place of a window, NaN where none was probed.

        Args:
            period: the window in LR pixels; the measured period when not given.
        """
        if period is None:
            period = (self.locality and self.locality.period) or 1
        validate.positive_integer("period", period)
        phase = (self.positions % period).to(self.deviation.device)
        index = phase[:, 0] * period + phase[:, 1]
        total = torch.zeros(period**2, dtype=self.deviation.dtype, device=self.deviation.device)
        count = total.index_add(0, index, torch.ones_like(self.deviation))
        return (total.index_add(0, index, self.deviation) / count).view(period, period)


def probe(
    network: Network,
    positions: Tensor | str,
    *,
    channels: str,
    canvas: int | None,
    size: int | None,
    packing: bool,
    amplitude: float,
    background: float | Tensor,
    form: str | None,
    mode: str,
    keep_responses: bool,
    batch_size: int | None,
    progress: bool,
) -> Probe:
    """`HyRA.probe`."""
    validate.choice("channels", channels, CHANNELS)
    validate.choice("mode", mode, MODES)
    form = form_of(form, mode, background)
    check_amplitude(amplitude)
    for name, value in (("canvas", canvas), ("size", size), ("batch_size", batch_size)):
        if value is not None:
            validate.positive_integer(name, value)
    dtype = torch.promote_types(network.dtype, torch.float32)
    pixel = torch.zeros(network.in_channels, 1, 1, dtype=dtype, device=network.device)
    with network.untouched():
        flat = _canvas(network, pixel, canvas, background)
        height, width = flat.shape[-2:]
        without = network.run(flat[None])
        colours = colours_of(flat, channels)

        def lit(impulses: Tensor, colour: Tensor) -> Tensor:
            if mode == "jvp":
                directions = impulse_batch(torch.zeros_like(flat), impulses, colour.expand(len(impulses), -1))
                return network.derivative(flat.expand_as(directions), directions)
            heights = (amplitude * colour).expand(len(impulses), -1)
            outputs = network(impulse_batch(flat, impulses, heights))
            outputs = outputs - without if form == "affine" else outputs
            return outputs if amplitude == 1 else outputs / amplitude

        def run(impulses: Tensor) -> Tensor:
            """Responses `[N, K * C_out, H, W]` to images with impulses at `[N, M, 2]`, those outside left out."""
            responses = [lit(impulses, colour) for colour in colours]
            return responses[0] if len(responses) == 1 else torch.cat(responses, dim=1)

        locality = measure_locality(network, pixel, amplitude, float(flat.mean())) if packing else None
        size = _window(size, locality, min(height, width))
        places = _places(positions, height, width, size).to(flat.device)
        window = Window(network.scale, size)
        middle = places[(places - places.new_tensor([height // 2, width // 2])).square().sum(1).argmin()]
        whole = run(middle[None, None])
        reference = window.cut(whole, middle)
        warn_if_it_explodes(reference, 0.0 if mode == "jvp" else amplitude, background)
        # What the impulse changes; in the literal form the rest of the canvas holds the background's output too.
        excess = whole if form == "affine" else whole - without.repeat(1, len(colours), 1, 1) / amplitude
        discarded = energy_outside(window.cut(excess, middle), excess)
        if discarded > _LARGE_DISCARDED_ENERGY:
            message = f"the window of {size}x{size} LR pixels discards {discarded:.2g} of the response's energy"
            warn(f"{message}: use a larger size")

        members, error = torch.arange(len(places))[:, None], None
        if locality is not None and locality.spacing is not None and locality.period is not None:
            spacing = math.ceil(max(locality.spacing, size) / locality.period) * locality.period
            packed = _padded(pack(places, spacing, locality.period))
            error = _packing_error(run, window, places[packed[0]])
            members = packed if error <= TOLERANCE else members
        if packing and members.shape[1] == 1 < len(places):
            _warn_not_packed(locality, error)
        members = members.to(places.device)
        impulses = torch.where(members[..., None] < 0, -1, places[members])

        state = window.empty(reference)
        kept = reference.new_empty(len(places), *reference.shape) if keep_responses else None
        deviations = reference.new_empty(len(places), 2, dtype=torch.float64)
        with Progress(len(members), "image", enabled=progress) as bar:
            for start, outputs in _batches(run, impulses, batch_size):
                these = slice(start, start + len(outputs))
                origins = impulses[these] * network.scale
                *state, deviation = response_moments(outputs, origins, reference, window.origin, state)
                real = members[these] >= 0
                deviations[members[these][real]] = deviation[real]
                if kept is not None:
                    for image, position in real.nonzero().tolist():
                        index = members[these][image, position]
                        kept[index] = window.cut(outputs[image : image + 1], places[index])
                bar.update(len(outputs))
    count, mean, m2 = state

    def by_colour(planes: Tensor) -> Tensor:
        """`[..., K * C_out, kh, kw]`, colour by colour as they were lit, in the shape of an `ImpulseResponse`."""
        if channels == "joint":
            return planes
        *leading, _, height, width = planes.shape
        return planes.view(*leading, len(colours), -1, height, width).transpose(-4, -3)

    alone = ImpulseResponse(
        response=by_colour(reference),
        scale=network.scale,
        origin=(window.origin[0], window.origin[1]),
        amplitude=0.0 if mode == "jvp" else float(amplitude),
        background=background if isinstance(background, Tensor) else float(background),
        form=form,
        mode=mode,
        discarded_energy=discarded,
        provenance=provenance_of(network, flat),
    )
    return Probe(
        positions=places,
        deviation=deviations[:, 0],
        peak_deviation=deviations[:, 1],
        mean=replace(alone, response=by_colour(mean)),
        variance=by_colour(m2 / count.clamp(min=1)),
        reference=alone,
        canvas=(height, width),
        locality=locality,
        packed=members.shape[1] > 1,
        packing_error=error,
        images=len(members) * len(colours),
        responses=None if kept is None else by_colour(kept),
    )


def _window(size: int | None, locality: Locality | None, side: int) -> int:
    if size is not None:
        return size
    field = None if locality is None else locality.receptive_field
    return min(max(field or _WINDOW, _SMALLEST_WINDOW), 2 * _WINDOW - 1, side)


def _canvas(network: Network, pixel: Tensor, side: int | None, background: float | Tensor) -> Tensor:
    """What the impulses are added to: an image `[C, h, w]`, or a level on a square."""
    if isinstance(background, Tensor):
        validate.floating_tensor("background", background)
        if background.ndim != 3 or len(background) != len(pixel) or 0 in background.shape:
            expected = f"[{len(pixel)}, h, w]"
            raise ValueError(f"background must be a level or an image {expected}, got {list(background.shape)}")
        if side is not None:
            raise ValueError(f"canvas must be left out when background is an image, got {side}")
        return background.to(pixel)
    if not (isinstance(background, int | float) and math.isfinite(background)):
        raise ValueError(f"background must be a finite level or an image [C, h, w], got {background!r}")
    side = network.input_sizes().at_least(_CANVAS) if side is None else side
    return pixel.new_full((len(pixel), side, side), background)


def _places(positions: Tensor | str, height: int, width: int, size: int) -> Tensor:
    """The positions, or a grid of those whose windows lie inside."""
    if isinstance(positions, Tensor):
        if positions.ndim != 2 or positions.shape[1] != 2 or positions.is_floating_point():
            raise ValueError(f"positions must be integers [P, 2], got {positions.dtype} {list(positions.shape)}")
        if len(positions) == 0:
            raise ValueError("positions must hold at least one position, got none")
        outside = ((positions < 0) | (positions >= positions.new_tensor([height, width]))).any(1)
        if bool(outside.any()):
            first = positions[outside][0].tolist()
            raise ValueError(f"positions must lie inside the {height}x{width} canvas, got {first}")
        return positions.long()
    if positions != "grid":
        raise ValueError(f"positions must be 'grid' or a tensor of integers [P, 2], got {positions!r}")
    along = (torch.arange(size // 2, max(size // 2 + 1, n - (size - 1) // 2), _STEP) for n in (height, width))
    return torch.cartesian_prod(*along)


def _padded(groups: list[list[int]]) -> Tensor:
    """`[G, M]`, the fullest group first, with -1 where a group has fewer."""
    groups = sorted(groups, key=len, reverse=True)
    return torch.tensor([group + [-1] * (len(groups[0]) - len(group)) for group in groups])


def _packing_error(run: Callable[[Tensor], Tensor], window: Window, impulses: Tensor) -> float:
    """Largest difference over the peak that packing `[M, 2]` into one image makes to some of the responses."""
    together = run(impulses[None])
    worst = 0.0
    for i in sorted({round(j * (len(impulses) - 1) / (_CHECKED - 1)) for j in range(_CHECKED)}):
        alone = window.cut(run(impulses[None, i : i + 1]), impulses[i])
        difference = (window.cut(together, impulses[i]) - alone).abs().max() / alone.abs().max()
        worst = max(worst, float(difference.nan_to_num(math.inf)))
    return worst


def _warn_not_packed(locality: Locality | None, error: float | None) -> None:
    if error is not None and error > TOLERANCE:
        why = f"impulses in one image change each other's responses by {error:.2g} of the peak"
    elif locality is None or locality.reach is None:
        why = "one impulse changes the output everywhere"
    elif locality.spacing is None:
        why = "the response differs at every position"
    else:
        why = f"no two positions lie {locality.spacing} LR pixels apart, by whole windows: use a larger canvas"
    warn(f"probing one impulse an image, which takes longer: {why}")


def _batches(run: Callable[[Tensor], Tensor], impulses: Tensor, batch_size: int | None) -> Iterator[tuple[int, Tensor]]:
    """Run in batches of the size given, or of one that is found, and in ever smaller ones when memory runs out.

    What batches save is the cost of a call. So the size is doubled while calls are short and that makes them faster.
    """
    searching, fastest, start = batch_size is None, 0.0, 0
    batch = batch_size or (1 if impulses.device.type == "cpu" else 16)
    while start < len(impulses):
        began = perf_counter()
        try:
            outputs = run(impulses[start : start + batch])
        except torch.OutOfMemoryError:
            if batch == 1:
                raise
            batch //= 2
            searching = False
            continue
        if searching:
            outputs[0, 0, 0, 0].item()  # waits for the device
            seconds = perf_counter() - began
            rate = len(outputs) / seconds
            if rate <= _WORTHWHILE * fastest:
                batch, searching = batch // 2, False
            elif seconds > _LONG_CALL:
                searching = False
            else:
                batch, fastest = 2 * batch, rate
        yield start, outputs
        start += len(outputs)
