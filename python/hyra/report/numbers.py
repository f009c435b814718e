"""The numbers of a report, each with what to compare it with and what it means."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from hyra._util.table import number, or_nan
from hyra.filters.response import ImpulseResponse
from hyra.filters.restoration import Restoration
from hyra.filters.sinc import SincFit
from hyra.probing.amplitude import AmplitudeSweep
from hyra.probing.probe import Probe
from hyra.probing.seeds import jackknife, mean_of
from hyra.report.quantities import QUANTITIES
from hyra.split.parts import Decomposition


@dataclass(frozen=True)
class Number:
    """One measured value: `key` in summary.json, the rest for people.

    `error` is its standard error, of a network that draws random numbers; None for one seed.
    """

    key: str
    label: str
    value: float
    unit: str
    reference: str
    meaning: str
    error: float | None = None

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "not defined"
        text = f"{self.value:.2g}" if 0 < abs(self.value) < 0.01 else number(self.value)
        if self.error is not None:
            text += f" ± {self.error:.1g}"
        return f"{text} {self.unit}".strip().replace("inf", "∞").replace("-", "−")


def of_response(draws: Sequence[ImpulseResponse], fit: SincFit) -> list[Number]:
    """What the impulse response says about the linear part, at a scale above 1.

    Args:
        draws: the response with each seed; one of a network that draws no random numbers.
        fit: of their mean.
    """
    response = mean_of(draws)
    values = _response_values(response, fit)
    errors = _errors(draws, list(values), lambda some: _response_values(mean := mean_of(some), mean.fit_sinc()))
    between = response.center[0] % 1 != 0  # no sample lies in the centre
    ideal_lobe = math.sin(x := math.pi / 2 / response.density) / x if between else 1.0
    words = {
        "window": fit.window,
        "radius": fit.radius,
        "scale": response.density,
        "main_lobe": ideal_lobe**2,
        "side_lobe": -0.217 * ideal_lobe,
    }
    if response.background_output is not None:
        values["background_error"] = response.background_output.interior
        words |= {"background": response.background, "frame": response.background_output.frame}
    return _numbers(values, words, errors, clipped=response.clipped > 0)


def _response_values(response: ImpulseResponse, fit: SincFit) -> dict[str, float]:
    gains = response.dc_gain_per_phase
    gains = gains.sum(1) if gains.ndim == 4 else gains
    values = {
        "ring_cosine": or_nan(fit.ring_cosine),
        "similarity": or_nan(fit.similarity),
        "cutoff": fit.cutoff,
        "fit_residual": fit.residual,
        "main_lobe": response.main_lobe,
        "side_lobe": response.side_lobe,
        "dc_gain": float(gains.mean()),
        "dc_gain_spread": float(gains.max() - gains.min()),
        "passband_ripple_db": response.passband_ripple_db,
        "stopband_db": response.stopband_db,
        "copy_share": 1 - float(response.copy_energy[0, 0]),
        "shift_y": response.shift[0],
        "shift_x": response.shift[1],
        "border_energy": response.border_energy,
    }
    if response.cross_channel_share is not None:
        values["cross_channel_share"] = response.cross_channel_share
    return values


def of_restoration(draws: Sequence[ImpulseResponse], sweep: AmplitudeSweep, probe: Probe) -> list[Number]:
    """What the impulse response says about a network at scale 1, where no sinc is the ideal.

    Args:
        draws: the network's response with each seed.
        sweep: how far it is from linear.
        probe: and from spatially invariant.
    """
    response = mean_of(draws)
    values = _restoration_values(response)
    errors = _errors(draws, list(values), lambda some: _restoration_values(mean_of(some)))
    values |= {"linearity": sweep.linearity, "deviation": probe.mean_deviation}
    if sweep.linearity_error is not None:
        errors["linearity"] = sweep.linearity_error
    if probe.standard_error is not None:
        errors["deviation"] = float(probe.standard_error.nanmean())
    return _numbers(values, {}, errors, clipped=response.clipped > 0)


def _restoration_values(response: ImpulseResponse) -> dict[str, float]:
    found = Restoration.of(response)
    return {
        "dc_gain": found.dc_gain,
        "mtf50": math.inf if found.mtf50 is None else found.mtf50,
        "noise_gain": found.noise_gain,
        "peak_gain": found.peak_gain,
        "anisotropy": found.anisotropy,
        "shift_y": response.shift[0],
        "shift_x": response.shift[1],
        "border_energy": response.border_energy,
    }


def _errors(
    draws: Sequence[ImpulseResponse],
    names: Sequence[str],
    values: Callable[[Sequence[ImpulseResponse]], dict[str, float]],
) -> dict[str, float]:
    """The standard errors of what follows from several draws, by its names; none for one draw."""
    if len(draws) == 1:
        return {}
    return dict(zip(names, jackknife(draws, lambda some: list(values(some).values())), strict=True))


def of_split(split: Decomposition) -> list[Number]:
    """What the decomposition of one image says."""
    nonlinear, output = split.nonlinear.double(), split.output.double()
    varying = (output - output.mean((-2, -1), keepdim=True)).square().sum()
    values = {"nonlinear_share": float(nonlinear.square().sum() / varying)}
    if split.response.scale == 1:  # nothing is inserted, so there are no copies
        return _numbers(values, {})
    compensation = split.copy_compensation()
    values |= {
        "copy_opposition": float(torch.nanmean(compensation.opposition)),
        "copy_remaining": float(torch.nanmean(compensation.remaining)),
    }
    return _numbers(values, {})


def _numbers(
    values: Mapping[str, float],
    words: Mapping[str, object],
    errors: Mapping[str, float] | None = None,
    *,
    clipped: bool = False,
) -> list[Number]:
    """Each value with what its quantity says, in the order of the quantities; `clipped` is said beside each."""
    return [
        Number(
            quantity.key,
            quantity.label + " (clipped)" * clipped,
            values[quantity.key],
            quantity.unit,
            quantity.reference.format_map(words).replace("-0", "−0"),
            quantity.meaning.format_map(words),
            (errors or {}).get(quantity.key),
        )
        for quantity in QUANTITIES
        if quantity.key in values
    ]
