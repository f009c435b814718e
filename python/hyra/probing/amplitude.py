"""How the impulse response depends on the height of the impulse: where a network is linear, and where it breaks."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from hyra._util.table import or_nan
from hyra._util.warnings import warn
from hyra.filters.response import ImpulseResponse
from hyra.filters.sinc import SincFit, cosines
from hyra.network.forward import NetworkError
from hyra.network.wrapper import Network
from hyra.probing.impulse import canvas_of, explodes, impulse_response
from hyra.probing.operating_point import OperatingPoint
from hyra.probing.seeds import jackknife, mean_of, of_seeds
from hyra.results.result import Result

AMPLITUDES = tuple(sign * a for sign in (-1, 1) for a in (0.01, 0.03, 0.1, 0.3, 1.0))


@dataclass(frozen=True, eq=False, repr=False)
class AmplitudeSweep(Result):
    """Responses per unit of amplitude at several amplitudes, all of the affine form.

    A linear network has the same response at every amplitude.

    Attributes:
        responses: by ascending amplitude, the negative ones first.
        fits: the windowed sinc nearest to each; NaN where a response is not finite.
        local: the limit of small amplitudes (`mode="jvp"`); None for a network without a forward-mode derivative.
        explosion: the amplitude of smallest magnitude whose response explodes or is not finite; None if none does.
        linearity_error: standard error of `linearity`, where responses are means over several seeds of a network that
            draws random numbers; None for one.
        ring_cosine_errors: of the ring cosines of `fits`; empty for one seed, NaN at scale 1.
    """

    responses: tuple[ImpulseResponse, ...]
    fits: tuple[SincFit, ...]
    local: ImpulseResponse | None
    explosion: float | None
    linearity_error: float | None = field(default=None, metadata={"since": 2})
    ring_cosine_errors: tuple[float, ...] = field(default=(), metadata={"since": 2})

    def __post_init__(self) -> None:
        responses = (*self.responses, *([] if self.local is None else [self.local]))
        if not self.responses:
            raise ValueError("responses must hold at least one response, got none")
        if len(self.fits) != len(self.responses):
            counts = f"{len(self.responses)} and {len(self.fits)}"
            raise ValueError(f"responses and fits must be as many, got {counts}")
        if len(self.ring_cosine_errors) not in (0, len(self.responses)):
            raise ValueError(f"ring_cosine_errors must be as many as responses, got {len(self.ring_cosine_errors)}")
        if len({(response.response.shape, response.scale) for response in responses}) > 1:
            raise ValueError("responses and local must have one shape and scale, got several")

    def __repr__(self) -> str:
        first, last = self.responses[0].amplitude, self.responses[-1].amplitude
        broken = "" if self.explosion is None else f"; explodes at {self.explosion:g}"
        count = len(self.responses)
        return f"AmplitudeSweep({count} amplitudes from {first:g} to {last:g}, linearity {self.linearity:.3g}{broken})"

    @property
    def amplitudes(self) -> tuple[float, ...]:
        """Heights of the impulses over the background, ascending."""
        return tuple(response.amplitude for response in self.responses)

    @property
    def distance(self) -> Tensor:
        """`[A]` float64: L2 distance of each response from `local` over the norm of `local`; NaN without `local`."""
        if self.local is None:
            return torch.full((len(self.responses),), torch.nan, dtype=torch.float64, device="cpu")
        local = self.local.response.double()
        return torch.stack([(r.response.double() - local).norm() / local.norm() for r in self.responses]).cpu()

    @property
    def linearity(self) -> float:
        """Share of the responses' energy that is common to all of them, from 0 to 1; 1 for a linear network.

        It is the magnitude-squared coherence of system identification, with every impulse scaled to unit height so that
        all amplitudes count alike: `|sum h_a|^2 / (A sum |h_a|^2)` for the A responses `h_a` that neither explode nor
        are other than finite; NaN if there is none.
        """
        return _linearity([response.response for response in self.responses])


def _linearity(responses: Iterable[Tensor]) -> float:
    sound = [response.double() for response in responses if not explodes(response)]
    if not sound:
        return math.nan
    energy = len(sound) * sum(float(h.square().sum()) for h in sound)
    common = torch.stack(sound).sum(0)
    return float(common.square().sum()) / energy if energy > 0 else math.nan


def amplitude_sweep(
    network: Network,
    point: OperatingPoint,
    amplitudes: Sequence[float] | None,
    *,
    size: int | None,
    position: tuple[int, int] | None,
    seeds: int = 1,
) -> AmplitudeSweep:
    """`HyRA.amplitude_sweep` with everything of the operating point, of the affine form, but its amplitude."""
    heights = AMPLITUDES if amplitudes is None else tuple(float(amplitude) for amplitude in amplitudes)
    if not heights:
        raise ValueError("amplitudes must hold at least one number, got none")
    points = [replace(point, amplitude=amplitude) for amplitude in sorted(set(heights))]

    def measure(_: int) -> tuple[list[ImpulseResponse], ImpulseResponse | None]:
        canvas = canvas_of(network, point.background, size)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one warning for the sweep, below
            responses = [impulse_response(network, each, position=position, canvas=canvas) for each in points]
            with suppress(NetworkError):
                derivative = replace(point, mode="jvp")
                return responses, impulse_response(network, derivative, position=position, canvas=canvas)
        return responses, None

    with network.untouched():
        _ = network.traits  # what there is to warn of is told before warnings are held back
        draws = list(of_seeds(network, seeds, measure))
    of_each = list(zip(*(responses for responses, _ in draws), strict=True))
    responses = tuple(mean_of(draws_of_one) for draws_of_one in of_each)
    local = [derivative for _, derivative in draws if derivative is not None]
    broken = [response.amplitude for response in responses if explodes(response.response)]
    explosion = min(broken, key=abs) if broken else None
    if explosion is not None:
        message = f"the response explodes or is not finite at amplitude {explosion:g}, the smallest of {len(broken)}"
        warn(message, RuntimeWarning)
    sweep = AmplitudeSweep(
        responses, tuple(response.fit_sinc() for response in responses), mean_of(local) if local else None, explosion
    )
    if seeds == 1:
        return sweep
    (linearity,) = jackknife(draws, lambda some: [_linearity(_means(responses for responses, _ in some))])
    cosines = tuple(jackknife(each, lambda some: [_ring_cosine(mean_of(some))])[0] for each in of_each)
    return replace(sweep, linearity_error=linearity, ring_cosine_errors=cosines)


def _means(draws: Iterable[Sequence[ImpulseResponse]]) -> list[Tensor]:
    return [mean_of(of_one).response for of_one in zip(*draws, strict=True)]


def _ring_cosine(response: ImpulseResponse) -> float:
    return or_nan(cosines(response.white, response.center, response.density)[1])
