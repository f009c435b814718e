"""Who makes what of the output's spectrum: H, G and their cross term, and the copies that G cancels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hyra.plots import style
from hyra.plots.transfer_function import draw_bands
from hyra.results.figures import draws
from hyra.split.parts import BandShares, CopyCompensation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@draws(BandShares)
@style.figure
def band_shares(shares: BandShares) -> tuple[Figure, Axes]:
    """Energy of H, of G and of their cross term over that of the output, per band of frequency; they add up to 1.

    Where H and G cancel, the cross term is negative and the two others are above 1 together.

    Args:
        shares: what `Decomposition.band_shares` returned.

    Returns:
        The figure and its axes.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(figsize=(style.COLUMN, 0.72 * style.COLUMN))
    frequency = (shares.frequency * shares.scale).cpu()
    axes.axhline(0, color="black", linewidth=0.4)
    axes.axhline(1, color="black", linewidth=0.4)
    curves = (("H", shares.linear, "H"), ("G", shares.nonlinear, "G"), ("2 H·G", shares.cross, "SR"))
    for label, values, color in curves:
        axes.plot(frequency, values.cpu(), color=style.COLORS[color], label=label)
    draw_bands(axes, shares.scale / 2)
    axes.set(xlim=(0, shares.scale / 2), ylabel="share of the output's energy")
    axes.set_yscale("symlog", linthresh=1)  # at the copies the output keeps next to nothing of H and G
    axes.legend(loc="best")
    return fig, axes


@draws(CopyCompensation)
@style.figure
def copy_compensation(found: CopyCompensation) -> tuple[Figure, Any]:
    """How G treats each spectral copy that H lets through: its phase against H's, and what is left of H's energy.

    Args:
        found: what `Decomposition.copy_compensation` returned.

    Returns:
        The figure and its two axes. The image itself, at (0, 0), is no copy and stays empty.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(style.PAGE, 0.42 * style.PAGE))
    panels = (
        (found.opposition, "cosine between H and G", style.SIGNED, (-1, 1)),
        (found.remaining, "energy of H + G over that of H", style.AMPLITUDE, (0, None)),
    )
    for panel, (values, label, colors, (low, high)) in zip(axes, panels, strict=True):
        image = panel.imshow(values.cpu(), colors, vmin=low, vmax=high, origin="lower")
        middle = (image.norm.vmin + image.norm.vmax) / 2
        for (k, m), value in ((index, float(values[index])) for index in _cells(len(values))):
            dark = value < middle if colors == style.AMPLITUDE else abs(value) > 0.6
            panel.text(m, k, f"{value:.2g}", ha="center", va="center", fontsize=7, color="white" if dark else "black")
        ticks = range(len(values))
        panel.set(xticks=ticks, yticks=ticks, xlabel="copy, $f_x$ (cycles / LR pixel)")
        style.colorbar(image, panel, label)
    axes[0].set_ylabel("copy, $f_y$ (cycles / LR pixel)")
    return fig, axes


def _cells(scale: int) -> list[tuple[int, int]]:
    return [(k, m) for k in range(scale) for m in range(scale) if (k, m) != (0, 0)]
