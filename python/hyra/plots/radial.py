"""Curves over frequency: power per ring, and correlation per ring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyra.plots import style
from hyra.results.figures import draws
from hyra.spectrum.radial import RadialProfile, RingCorrelation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

    from hyra.spectrum import RadialProfile, RingCorrelation


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
