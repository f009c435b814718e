"""PSNR per band of frequencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from hyra.plots import style
from hyra.results.figures import draws
from hyra.spectrum.bands import BandPSNR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hyra.spectrum import BandPSNR


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
