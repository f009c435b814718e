"""Scores of the low-pass filter over its cut-off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hyra.evaluate.sweep import LowpassSweep
from hyra.plots import style
from hyra.results.figures import draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_LABELS = {"psnr": "PSNR (dB)", "ssim": "SSIM", "fsds": "FSDS (dB)"}


@draws(LowpassSweep)
@style.figure
def lowpass_sweep(sweep: LowpassSweep) -> tuple[Figure, tuple[Axes, ...]]:
    """PSNR, SSIM and FSDS over the cut-off: the mean over the images, each image faintly, and the best of the mean.

    Args:
        sweep: what `hyra.lowpass_sweep` returned.

    Returns:
        The figure and its three axes.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 3, figsize=(style.PAGE, 0.33 * style.PAGE))
    cutoff = sweep.cutoff.numpy()
    for panel, (score, label), color in zip(axes, _LABELS.items(), style.SERIES, strict=False):
        each = getattr(sweep, score).numpy()
        if len(each) > 1:
            panel.plot(cutoff, each.T, color=color, alpha=0.25, linewidth=0.5)
        panel.plot(cutoff, each.mean(0), color=color)
        where, value = sweep.best(score)
        panel.plot(where, value, "o", color=color, markersize=4)
        panel.axvline(0.5, color="black", linewidth=0.6, linestyle="--")
        panel.set_title(f"best {value:.4g} at {where:.2f}")
        panel.set(xlabel="cut-off (cycles / LR pixel)", ylabel=label, xlim=_limits(cutoff))
    axes[0].text(
        0.5, 0.02, "LR Nyquist ", transform=axes[0].get_xaxis_transform(), ha="right", rotation=90, fontsize=6.5
    )
    return fig, tuple(axes)


def _limits(cutoff: np.ndarray) -> tuple[float, float]:
    margin = 0.03 * (cutoff[-1] - cutoff[0]) or 0.1
    return min(cutoff[0], 0.5) - margin, max(cutoff[-1], 0.5) + margin
