"""How the impulse response depends on the height of the impulse: where a network is linear, and where it breaks."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hyra._util.warnings import warn
from hyra.filters.response import ImpulseResponse
from hyra.filters.sinc import SincFit
from hyra.network.wrapper import Network, NetworkError
from hyra.probing.impulse import canvas_of, check_amplitude, explodes, impulse_response
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
        if not self.responses:
            raise ValueError("responses must hold at least one response, got none")

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
            return torch.full((len(self.responses),), torch.nan, dtype=torch.float64)
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
    pixel: Tensor,
    amplitudes: Sequence[float] | None,
    *,
    background: float | Tensor,
    size: int | None,
    channels: str,
    position: tuple[int, int] | None,
) -> AmplitudeSweep:
    """`HyRA.amplitude_sweep`; the black `pixel` `[C, 1, 1]` says colours, dtype and device of the probe."""
    chosen = AMPLITUDES if amplitudes is None else tuple(float(amplitude) for amplitude in amplitudes)
    if not chosen:
        raise ValueError("amplitudes must hold at least one number, got none")
    for amplitude in chosen:
        check_amplitude(amplitude)

    def measure(amplitude: float, mode: str = "finite") -> ImpulseResponse:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one warning for the sweep, below
            return impulse_response(
                network,
                pixel,
                size=size,
                channels=channels,
                amplitude=amplitude,
                background=background,
                form="affine",
                mode=mode,
                position=position,
                canvas=canvas,
            )

    with network.untouched():
        canvas = canvas_of(network, pixel, size, background)
        responses = tuple(measure(amplitude) for amplitude in sorted(set(chosen)))
        try:
            local = measure(1.0, "jvp")
        except NetworkError:
            local = None
    broken = [response.amplitude for response in responses if explodes(response.response)]
    explosion = min(broken, key=abs) if broken else None
    if explosion is not None:
        message = f"the response explodes or is not finite at amplitude {explosion:g}, the smallest of {len(broken)}"
        warn(message, RuntimeWarning)
    return AmplitudeSweep(responses, tuple(response.fit_sinc() for response in responses), local, explosion)
