"""What a report says about each number: its name, its unit, what to compare it with, and what it means.

Braces stand for what depends on the network; `hyra.report.numbers` fills them in.
"""

from __future__ import annotations

from typing import NamedTuple


class Quantity(NamedTuple):
    """One kind of number: `key` in summary.json, the rest for people."""

    key: str
    label: str
    unit: str
    reference: str
    meaning: str


QUANTITIES = (
    Quantity(
        "ring_cosine",
        "likeness to the sinc, side lobes",
        "",
        "sinc 1, Lanczos-3 0.87, bicubic 0.77",
        "Cosine between the response and the ideal sinc outside the main lobe. For a white pixel on black it "
        "separates most networks trained for fidelity (0.5 to 0.8) from most trained against a discriminator (below"
        " 0.2); elsewhere both kinds can score low.",
    ),
    Quantity(
        "similarity",
        "likeness to the sinc, all of it",
        "",
        "sinc 1",
        "The same with the main lobe, which rules it: nearly every network reaches 0.8, so it separates little.",
    ),
    Quantity(
        "cutoff",
        "cut-off of the fitted sinc",
        "cycles / LR pixel",
        "sinc 0.5",
        "Of the windowed sinc that fits best (a {window} window of radius {radius:.1f} LR pixels). Above 0.5 parts "
        "of the spectral copies pass, below it the image is blurred.",
    ),
    Quantity(
        "fit_residual",
        "what the fit leaves over",
        "",
        "0",
        "Norm of response minus fit over the norm of the response: how far the response is from any windowed sinc.",
    ),
    Quantity(
        "main_lobe",
        "main lobe",
        "",
        "sinc {main_lobe:.2f}",
        "The largest value near the centre; the response to a white pixel of value 1.",
    ),
    Quantity(
        "side_lobe",
        "first side lobe",
        "",
        "sinc {side_lobe:.2f}",
        "The lowest value between 1 and 2 LR pixels from the centre, mean over the four directions. Negative side "
        "lobes keep edges steep, and ring.",
    ),
    Quantity(
        "dc_gain",
        "gain of a constant image",
        "",
        "1",
        "How the linear part alone changes the brightness. Where it differs from 1, G makes up for it.",
    ),
    Quantity(
        "mtf50",
        "gain falls to half at",
        "cycles / pixel",
        "sharp ∞, blurred below 0.5",
        "MTF50: the frequency at which half of the contrast is left, mean over both axes. Infinite where the gain "
        "stays above.",
    ),
    Quantity(
        "noise_gain",
        "amplification of noise",
        "",
        "identity 1",
        "Standard deviation of white noise behind the linear part over that before it. Below 1 it denoises, above 1 it "
        "pays for sharpness with noise.",
    ),
    Quantity(
        "peak_gain",
        "largest gain over that of a constant image",
        "",
        "identity 1",
        "Above 1 some frequencies are amplified: the network sharpens.",
    ),
    Quantity(
        "anisotropy",
        "spread of the gain over directions",
        "",
        "0",
        "Largest difference of the gain between directions at one frequency, over the gain of a constant image.",
    ),
    Quantity(
        "linearity",
        "linearity over amplitudes",
        "",
        "linear network 1",
        "Share of the responses' energy that is common to impulses of 0.01 to 1 up and down.",
    ),
    Quantity(
        "deviation",
        "deviation from place to place",
        "",
        "0",
        "Mean distance of the response at other places from that in the middle, over its norm: 0 where the network "
        "does the same everywhere.",
    ),
    Quantity(
        "dc_gain_spread",
        "spread of that gain over the sub-pixels",
        "",
        "0",
        "Each of the {scale}×{scale} sub-pixel positions has its own gain; where they differ, the linear part "
        "paints a grid on flat areas.",
    ),
    Quantity(
        "passband_ripple_db",
        "passband ripple",
        "dB",
        "0",
        "Largest over smallest gain up to 0.8 of the LR image's highest frequency.",
    ),
    Quantity(
        "stopband_db",
        "stopband attenuation",
        "dB",
        "∞",
        "How far the strongest frequency beyond 1.2 of the LR image's highest is pushed down.",
    ),
    Quantity(
        "copy_share",
        "energy at the spectral copies",
        "",
        "0",
        "Share of the response's energy at the copies of the spectrum that zero insertion makes: seen as a grid.",
    ),
    Quantity(
        "shift_y",
        "shift down",
        "HR pixels",
        "0",
        "Group delay; not 0 means misaligned.",
    ),
    Quantity(
        "shift_x",
        "shift right",
        "HR pixels",
        "0",
        "The same along the rows.",
    ),
    Quantity(
        "border_energy",
        "energy at the canvas's border",
        "",
        "0",
        "Not negligible means that the canvas was too small for this network, or that padding leaves a mark.",
    ),
    Quantity(
        "cross_channel_share",
        "energy from one colour to another",
        "",
        "interpolation 0",
        "Share of the energy of all responses that lies in those from one colour to another.",
    ),
    Quantity(
        "background_error",
        "error on the background alone, inside",
        "",
        "0",
        "Largest difference from {background:g} that the network makes of a constant image of that level, away from"
        " its border (at it: {frame:.2g}).",
    ),
    Quantity(
        "nonlinear_share",
        "energy of G over that of the image",
        "",
        "linear network 0",
        "Energy of the non-linear part over that of the output's deviation from its mean. It may exceed what H "
        "lacks, since H and G cancel each other at the copies.",
    ),
    Quantity(
        "copy_opposition",
        "phase of G against H at the copies",
        "",
        "−1 opposes, 0 unrelated",
        "Cosine between H and G around the spectral copies, mean over the copies. Near −1, G removes the grid of H.",
    ),
    Quantity(
        "copy_remaining",
        "energy left at the copies",
        "of H's",
        "below 1 weakened",
        "Energy of H + G over that of H around the copies. New detail from G is in it too.",
    ),
)
