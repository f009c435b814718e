"""How the impulse response depends on the height of the impulse: where a network is linear, and where it breaks."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from hyra._util.warnings import warn
from hyra.filters.response import ImpulseResponse
from hyra.filters.sinc import SincFit
from hyra.network.forward import NetworkError
from hyra.network.wrapper import Network
from hyra.probing.impulse import canvas_of, explodes, impulse_response
from hyra.probing.operating_point import OperatingPoint
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
    """

    responses: tuple[ImpulseResponse, ...]
    fits: tuple[SincFit, ...]
    local: ImpulseResponse | None
    explosion: float | None

    def __post_init__(self) -> None:
        responses = (*self.responses, *([] if self.local is None else [self.local]))
        if not self.responses:
            raise ValueError("responses must hold at least one response, got none")
        if len(self.fits) != len(self.responses):
            counts = f"{len(self.responses)} and {len(self.fits)}"
            raise ValueError(f"responses and fits must be as many, got {counts}")
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
        sound = [r.response.double() for r in self.responses if not explodes(r.response)]
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
) -> AmplitudeSweep:
    """`HyRA.amplitude_sweep` with everything of the operating point, of the affine form, but its amplitude."""
    heights = AMPLITUDES if amplitudes is None else tuple(float(amplitude) for amplitude in amplitudes)
    if not heights:
        raise ValueError("amplitudes must hold at least one number, got none")
    points = [replace(point, amplitude=amplitude) for amplitude in sorted(set(heights))]

    with network.untouched():
        _ = network.traits  # what there is to warn of is told before warnings are held back
        canvas = canvas_of(network, point.background, size)
        measure = partial(impulse_response, network, position=position, canvas=canvas)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one warning for the sweep, below
            responses = tuple(measure(point) for point in points)
            try:
                local = measure(replace(point, mode="jvp"))
            except NetworkError:
                local = None
    broken = [response.amplitude for response in responses if explodes(response.response)]
    explosion = min(broken, key=abs) if broken else None
    if explosion is not None:
        message = f"the response explodes or is not finite at amplitude {explosion:g}, the smallest of {len(broken)}"
        warn(message, RuntimeWarning)
    return AmplitudeSweep(responses, tuple(response.fit_sinc() for response in responses), local, explosion)
