"""Curves over frequency: power and correlation per ring, PSNR per band, the power of H and G."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from hyra import spectrum
from hyra.plots import style
from hyra.plots.transfer import draw_bands
from hyra.results.figures import draws
from hyra.spectrum.bands import BandPSNR
from hyra.spectrum.comparison import SpectrumComparison
from hyra.spectrum.correlation import ONE_SEVENTH, RingCorrelation
from hyra.spectrum.radial import RadialProfile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

    from hyra.spectrum import BandPSNR, RadialProfile, RingCorrelation
    from hyra.split.parts import Decomposition


@draws(RadialProfile)
@style.figure
def radial_profile(profile: RadialProfile) -> tuple[Figure, Axes]:
    """Mean power per ring, on a logarithmic axis; a curve for each channel of each image."""
    fig, axes = _curves(profile.frequency, profile.power)
    axes.set(yscale="log", ylabel="mean power of the DFT")
    return fig, axes


@draws(RingCorrelation)
@style.figure
def ring_correlation(result: RingCorrelation) -> tuple[Figure, Axes]:
    """Correlation per ring; a curve for each channel of each image."""
    fig, axes = _curves(result.frequency, result.correlation)
    axes.axhline(0, color="black", linewidth=0.4)
    axes.set(ylabel="Fourier ring correlation", ylim=(min(0.0, result.correlation.nan_to_num().min().item()), 1.02))
    return fig, axes


def _curves(frequency: Tensor, values: Tensor) -> tuple[Figure, Axes]:
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(figsize=(style.COLUMN, 0.72 * style.COLUMN))
    curves = values.detach().cpu().reshape(-1, values.shape[-1])
    for index, curve in enumerate(curves):
        label = f"channel {index}" if values.ndim == 2 and len(curves) > 1 else None
        axes.plot(frequency.cpu(), curve, color=style.SERIES[index % len(style.SERIES)], label=label)
    axes.set(xlim=(0, frequency[-1].item() or 1), xlabel="frequency (cycles per pixel)")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best")
    return fig, axes


@style.figure
def radial_power(split: Decomposition) -> tuple[Figure, tuple[Axes, Axes]]:
    """Power of LR, H, G and SR over frequency, and whether G adds to H there or cancels it.

    Power is the mean over a ring, over the colours and over the images of a batch. LR's is shown up to its highest
    frequency, times `scale**4`, which is what keeping the mean brings: H is the transfer function's square times it,
    so far as H's copies do not reach into the ring. Copies on the diagonal lie at 1.41. The cosine is the real part of
    the product of H's and G's spectra over the ring, divided by their norms: -1 where G is opposed to H in phase.

    Args:
        split: what `HyRA.decompose` returned.

    Returns:
        The figure and its two axes, powers and cosine.
    """
    import matplotlib.pyplot as plt

    scale = float(split.response.scale)
    fig, (power, phase) = plt.subplots(1, 2, figsize=(style.PAGE, 0.36 * style.PAGE))
    images = {"LR": split.input, "H": split.linear, "G": split.nonlinear, "SR": split.output}
    curves = {name: _mean_power(image) for name, image in images.items()}
    reference = float(curves["SR"][1].max())
    for name, (frequency, values) in curves.items():
        gain, to_lr_pixels = (scale**4, 1) if name == "LR" else (1, scale)
        decibels = 10 * (gain * values / reference).log10()
        (curve,) = power.plot(
            (frequency * to_lr_pixels).numpy(), decibels.numpy(), color=style.COLORS[name], label=name
        )
        curve.set_linewidth(2.5 if name == "LR" else 1.1)
    power.set_ylabel("power (dB)")
    power.legend(loc="upper right")

    bands = split.band_shares()
    cosine = bands.cross / (2 * (bands.linear * bands.nonlinear).sqrt())
    phase.axhline(0, color="black", linewidth=0.4)
    phase.plot((bands.frequency * scale).cpu().numpy(), cosine.cpu().numpy(), color=style.COLORS["G"])
    phase.set(ylim=(-1.05, 1.05), ylabel="cosine between H and G")
    for axes in (power, phase):
        draw_bands(axes, scale / 2)
        axes.set_xlim(0, scale / 2)
    return fig, (power, phase)


def _mean_power(image: Tensor) -> tuple[Tensor, Tensor]:
    """Frequency in cycles per pixel, without 0, and mean power over colours and images."""
    found = spectrum.radial_power(image.detach().double().cpu())
    return found.frequency[1:], found.power.reshape(-1, len(found.frequency)).mean(0)[1:]


@draws(BandPSNR)
@style.figure
def band_psnr(found: BandPSNR) -> tuple[Figure, Axes]:
    """PSNR over frequency as steps, for each image its own; bands without an error or without a ring are left out.

    Args:
        found: what `hyra.spectrum.band_psnr` returned.

    Returns:
        The figure and its axes.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(figsize=(style.COLUMN, 0.72 * style.COLUMN))
    curves = found.psnr.detach().cpu().reshape(-1, len(found.edges) - 1)
    for index, curve in enumerate(curves.where(curves.isfinite(), torch.nan)):
        label = f"image {index}" if len(curves) > 1 else None
        color = style.SERIES[index % len(style.SERIES)]
        axes.stairs(curve.numpy(), found.edges, baseline=None, color=color, label=label)
    axes.set(xlim=(found.edges[0], found.edges[-1]), xlabel="frequency (cycles per pixel)", ylabel="PSNR (dB)")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best")
    return fig, axes


@draws(SpectrumComparison)
@style.figure
def spectrum_comparison(found: SpectrumComparison) -> tuple[Figure, tuple[Axes, Axes, Axes]]:
    """Mean spectra of methods beside their references': power, Fourier ring correlation and PSNR of each band.

    Dots mark where a correlation falls below 1/7 (dotted) and below the half-bit threshold (dashed, the first
    method's). The references' power is the first method's, and that of every other method that has others.

    Args:
        found: what `hyra.spectrum.SpectrumStatistics` gave.

    Returns:
        The figure and its three axes.
    """
    import matplotlib.pyplot as plt

    fig, (power, correlation, bands) = plt.subplots(1, 3, figsize=(style.PAGE, 0.36 * style.PAGE))
    frequency = found.frequency.cpu()
    targets = found.target_power.cpu()
    for index, target in enumerate(targets):
        if index == 0 or not torch.equal(target.nan_to_num(), targets[0].nan_to_num()):
            label = "HR" if index == 0 else None
            power.plot(frequency, target, color=style.COLORS["ideal"], linewidth=2.2, alpha=0.35, label=label)
    crossings = torch.stack([found.crossing(), found.crossing("half_bit")], -1).cpu()
    correlation.axhline(ONE_SEVENTH, color="black", linewidth=0.6, linestyle=":")
    correlation.plot(frequency, found.half_bit[0].cpu(), color="black", linewidth=0.6, linestyle="--")
    for name, height in (("1/7", ONE_SEVENTH), ("half-bit", found.half_bit[0, -1].nan_to_num().item())):
        correlation.annotate(name, (0.5, height), (-2, 2), textcoords="offset points", ha="right", fontsize=6)
    colors = style.SERIES[:-1]  # black is the references'
    for index, method in enumerate(found.methods):
        look = {
            "color": colors[index % len(colors)],
            "linestyle": ("-", "--", ":", "-.")[index // len(colors) % 4],
        }
        power.plot(frequency, found.power[index].cpu(), label=style.plain(method), **look)
        curve = found.correlation[index].cpu()
        correlation.plot(frequency, curve, **look)
        limits = torch.stack([torch.full_like(curve, ONE_SEVENTH), found.half_bit[index].cpu()])
        heights = [np.interp(at, frequency, limit) for at, limit in zip(crossings[index], limits, strict=True)]
        correlation.plot(crossings[index], heights, linestyle="none", marker="o", markersize=2.5, color=look["color"])
        psnr = found.band_psnr[index].cpu()
        bands.stairs(psnr.where(psnr.isfinite(), torch.nan), found.edges, baseline=None, **look)
    power.set(yscale="log", ylabel="mean power per pixel", xlim=(0, 0.5))
    lowest = found.correlation.nan_to_num(nan=1.0).min().item()
    correlation.set(ylabel="Fourier ring correlation", xlim=(0, 0.5), ylim=(min(0.0, lowest), 1.02))
    bands.set(ylabel="PSNR (dB)", xlim=(found.edges[0], found.edges[-1]))
    for axes in (power, correlation, bands):
        axes.set_xlabel("frequency (cycles per pixel)")
    fig.legend(loc="outside lower center", ncols=min(len(found.methods) + 1, 6))
    return fig, (power, correlation, bands)
