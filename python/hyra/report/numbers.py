"""The numbers of a report, each with what to compare it with and what it means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from hyra._util.table import number, or_nan
from hyra.filters.response import ImpulseResponse
from hyra.filters.restoration import Restoration
from hyra.filters.sinc import SincFit
from hyra.report.quantities import QUANTITIES
from hyra.split.parts import Decomposition


@dataclass(frozen=True)
class Number:
    """One measured value: `key` in summary.json, the rest for people."""

    key: str
    label: str
    value: float
    unit: str
    reference: str
    meaning: str

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "not defined"
        text = f"{self.value:.2g}" if 0 < abs(self.value) < 0.01 else number(self.value)
        return f"{text} {self.unit}".strip().replace("inf", "∞").replace("-", "−")


def of_response(response: ImpulseResponse, fit: SincFit) -> list[Number]:
    """What the impulse response says about the linear part, at a scale above 1."""
    ideal_lobe = math.sin(x := math.pi / 2 / response.scale) / x if response.scale % 2 == 0 else 1.0
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
    words = {
        "window": fit.window,
        "radius": fit.radius,
        "scale": response.scale,
        "main_lobe": ideal_lobe**2,
        "side_lobe": -0.217 * ideal_lobe,
    }
    if response.cross_channel_share is not None:
        values["cross_channel_share"] = response.cross_channel_share
    if response.background_output is not None:
        values["background_error"] = response.background_output.interior
        words |= {"background": response.background, "frame": response.background_output.frame}
    return _numbers(values, words, clipped=response.clipped > 0)


def of_restoration(response: ImpulseResponse, linearity: float, deviation: float) -> list[Number]:
    """What the impulse response says about a network at scale 1, where no sinc is the ideal.

    Args:
        response: of the network.
        linearity: of `AmplitudeSweep`.
        deviation: of `Probe`, the mean one.
    """
    found = Restoration.of(response)
    values = {
        "dc_gain": found.dc_gain,
        "mtf50": math.inf if found.mtf50 is None else found.mtf50,
        "noise_gain": found.noise_gain,
        "peak_gain": found.peak_gain,
        "anisotropy": found.anisotropy,
        "linearity": linearity,
        "deviation": deviation,
        "shift_y": response.shift[0],
        "shift_x": response.shift[1],
        "border_energy": response.border_energy,
    }
    return _numbers(values, {}, clipped=response.clipped > 0)


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


def _numbers(values: Mapping[str, float], words: Mapping[str, object], *, clipped: bool = False) -> list[Number]:
    """Each value with what its quantity says, in the order of the quantities; `clipped` is said beside each."""
    return [
        Number(
            quantity.key,
            quantity.label + " (clipped)" * clipped,
            values[quantity.key],
            quantity.unit,
            quantity.reference.format_map(words).replace("-0", "−0"),
            quantity.meaning.format_map(words),
        )
        for quantity in QUANTITIES
        if quantity.key in values
    ]
