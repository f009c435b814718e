"""The numbers of a report, each with what to compare it with and what it means."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from hyra._util.table import number
from hyra.filters.response import ImpulseResponse
from hyra.filters.sinc import SincFit
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
    copies = 1 - float(response.copy_energy[0, 0])
    found = [
        Number(
            "ring_cosine",
            "likeness to the sinc, side lobes",
            fit.ring_cosine,
            "",
            "sinc 1, Lanczos-3 0.87, bicubic 0.78",
            "Cosine between the response and the ideal sinc outside the main lobe. For a white pixel on black it "
            "separates most networks trained for fidelity (0.5 to 0.8) from most trained against a discriminator "
            "(below 0.2); elsewhere both kinds can score low.",
        ),
        Number(
            "similarity",
            "likeness to the sinc, all of it",
            fit.similarity,
            "",
            "sinc 1",
            "The same with the main lobe, which rules it: nearly every network reaches 0.8, so it separates little.",
        ),
        Number(
            "cutoff",
            "cut-off of the fitted sinc",
            fit.cutoff,
            "cycles / LR pixel",
            "sinc 0.5",
            f"Of the windowed sinc that fits best (a {fit.window} window of radius {fit.radius:.1f} LR pixels). Above "
            "0.5 parts of the spectral copies pass, below it the image is blurred.",
        ),
        Number(
            "fit_residual",
            "what the fit leaves over",
            fit.residual,
            "",
            "0",
            "Norm of response minus fit over the norm of the response: how far the response is from any windowed sinc.",
        ),
        Number(
            "main_lobe",
            "main lobe",
            response.main_lobe,
            "",
            f"sinc {ideal_lobe**2:.2f}",
            "The largest value near the centre; the response to a white pixel of value 1.",
        ),
        Number(
            "side_lobe",
            "first side lobe",
            response.side_lobe,
            "",
            f"sinc {-0.217 * ideal_lobe:.2f}".replace("-", "−"),
            "The lowest value between 1 and 2 LR pixels from the centre, mean over the four directions. Negative side "
            "lobes keep edges steep, and ring.",
        ),
        Number(
            "dc_gain",
            "gain of a constant image",
            float(gains.mean()),
            "",
            "1",
            "How the linear part alone changes the brightness. Where it differs from 1, G makes up for it.",
        ),
        Number(
            "dc_gain_spread",
            "spread of that gain over the sub-pixels",
            float(gains.max() - gains.min()),
            "",
            "0",
            f"Each of the {response.scale}×{response.scale} sub-pixel positions has its own gain; where they differ, "
            "the linear part paints a grid on flat areas.",
        ),
        Number(
            "passband_ripple_db",
            "passband ripple",
            response.passband_ripple_db,
            "dB",
            "0",
            "Largest over smallest gain up to 0.8 of the LR image's highest frequency.",
        ),
        Number(
            "stopband_db",
            "stopband attenuation",
            response.stopband_db,
            "dB",
            "∞",
            "How far the strongest frequency beyond 1.2 of the LR image's highest is pushed down.",
        ),
        Number(
            "copy_share",
            "energy at the spectral copies",
            copies,
            "",
            "0",
            "Share of the response's energy at the copies of the spectrum that zero insertion makes: seen as a grid.",
        ),
        Number("shift_y", "shift down", response.shift[0], "HR pixels", "0", "Group delay; not 0 means misaligned."),
        Number("shift_x", "shift right", response.shift[1], "HR pixels", "0", "The same along the rows."),
        Number(
            "border_energy",
            "energy at the probe's border",
            response.border_energy,
            "",
            "0",
            "Not negligible means that the probe was too small for this network, or that padding leaves a mark.",
        ),
    ]
    if response.cross_channel_share is not None:
        found.append(
            Number(
                "cross_channel_share",
                "energy from one colour to another",
                response.cross_channel_share,
                "",
                "interpolation 0",
                "Share of the energy of all responses that lies in those from one colour to another.",
            )
        )
    if response.background_output is not None:
        off = response.background_output
        found.append(
            Number(
                "background_error",
                "error on the background alone, inside",
                off.interior,
                "",
                "0",
                f"Largest difference from {response.background:g} that the network makes of a constant image of that "
                f"level, away from its border (at it: {off.frame:.2g}).",
            )
        )
    return found


def of_split(split: Decomposition) -> list[Number]:
    """What the decomposition of one image says."""
    nonlinear, output = split.nonlinear.double(), split.output.double()
    varying = (output - output.mean((-2, -1), keepdim=True)).square().sum()
    compensation = split.copy_compensation()
    return [
        Number(
            "nonlinear_share",
            "energy of G over that of the image",
            float(nonlinear.square().sum() / varying),
            "",
            "linear network 0",
            "Energy of the non-linear part over that of the output's deviation from its mean. It may exceed what H "
            "lacks, since H and G cancel each other at the copies.",
        ),
        Number(
            "copy_opposition",
            "phase of G against H at the copies",
            float(torch.nanmean(compensation.opposition)),
            "",
            "−1 opposes, 0 unrelated",
            "Cosine between H and G around the spectral copies, mean over the copies. Near −1, G removes the grid of"
            " H.",
        ),
        Number(
            "copy_remaining",
            "energy left at the copies",
            float(torch.nanmean(compensation.remaining)),
            "of H's",
            "below 1 weakened",
            "Energy of H + G over that of H around the copies. New detail from G is in it too.",
        ),
    ]
