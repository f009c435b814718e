"""The numbers of a report, each with what to compare it with and what it means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from hyra._util.table import number
from hyra.filters.response import ImpulseResponse
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
    """What the impulse response says about the linear part."""
    ideal_lobe = math.sin(x := math.pi / 2 / response.scale) / x if response.scale % 2 == 0 else 1.0
    gains = response.dc_gain_per_phase
    gains = gains.sum(1) if gains.ndim == 4 else gains
    values = {
        "ring_cosine": fit.ring_cosine,
        "similarity": fit.similarity,
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
    return _numbers(values, words)


def of_split(split: Decomposition) -> list[Number]:
    """What the decomposition of one image says."""
    nonlinear, output = split.nonlinear.double(), split.output.double()
    varying = (output - output.mean((-2, -1), keepdim=True)).square().sum()
    compensation = split.copy_compensation()
    values = {
        "nonlinear_share": float(nonlinear.square().sum() / varying),
        "copy_opposition": float(torch.nanmean(compensation.opposition)),
        "copy_remaining": float(torch.nanmean(compensation.remaining)),
    }
    return _numbers(values, {})


def _numbers(values: Mapping[str, float], words: Mapping[str, object]) -> list[Number]:
    """Each value with what its quantity says, in the order of the quantities."""
    return [
        Number(
            quantity.key,
            quantity.label,
            values[quantity.key],
            quantity.unit,
            quantity.reference.format_map(words).replace("-0", "−0"),
            quantity.meaning.format_map(words),
        )
        for quantity in QUANTITIES
        if quantity.key in values
    ]
