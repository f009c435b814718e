"""What becomes of frequencies from layer to layer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from hyra.attribution.layer_spectra import EDGES, LayerSpectra
from hyra.plots import style
from hyra.results.figures import draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = 24
_NAMES = 24


@draws(LayerSpectra)
@style.figure
def layer_spectra(found: LayerSpectra, *, layers: Sequence[str] | None = None) -> tuple[Figure, tuple[Axes, ...]]:
    """The relative log amplitude of each layer over frequency, and the shares of the bands from layer to layer.

    Curves go from dark, the first layer, to light, the last. Where black was measured, a third panel has the root mean
    square of what the layers make of black and of what the image adds to that.

    Args:
        found: what `HyRA.layer_spectra` returned.
        layers: the ones to show, in this order; when not given, all, or where there are more than 24, so many evenly
            spaced ones.

    Returns:
        The figure and its axes, two or three.

    Raises:
        ValueError: there is nothing to show, or a name is not that of a measured layer.
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt
    import numpy as np

    shown = _spread([*found]) if layers is None else [*layers]
    unknown = [name for name in shown if name not in found]
    if unknown or not shown:
        raise ValueError(f"layers must be some of {[*found]}, got {unknown[0] if unknown else 'none'!r}")
    has_black = all(found[name].black_power is not None for name in shown)
    count = 2 + has_black
    height = max(0.42 * style.PAGE, 0.16 * len(shown) + 0.8)
    fig, axes = plt.subplots(1, count, figsize=(style.PAGE, height), width_ratios=(1.2, *(1,) * (count - 1)))
    colours = mpl.colormaps["viridis"](np.linspace(0, 0.8, len(shown)))
    for name, colour in zip(shown, colours, strict=True):
        layer = found[name]
        axes[0].plot(layer.frequency.cpu(), layer.relative_log_amplitude.cpu(), color=colour, linewidth=0.8)
    highest = max(found[name].scale for name in shown) / 2
    axes[0].axvline(0.5, color="black", linewidth=0.7, linestyle="--")
    axes[0].set(xlim=(0, highest), xlabel="frequency (cycles / LR pixel)", ylabel="relative log amplitude")
    places = np.arange(len(shown))
    left = np.zeros(len(shown))
    labels = (*(f"{low:g} to {high:g}" for low, high in pairwise(EDGES)), f"above {EDGES[-1]:g}")
    shares = np.stack([found[name].band_shares().cpu().numpy() for name in shown])
    for band, label in enumerate(labels):
        colour = mpl.colormaps["cividis"](band / (len(labels) - 1))
        axes[1].barh(places, shares[:, band], left=left, color=colour, label=label, height=0.85)
        left += shares[:, band]
    axes[1].set(xlim=(0, 1), ylim=(len(shown) - 0.4, -0.6), xlabel="share of energy without the mean")
    axes[1].set_yticks(places, [style.plain(_short(name)) for name in shown], fontsize=6)
    for tick, colour in zip(axes[1].get_yticklabels(), colours, strict=True):
        tick.set_color(tuple(0.8 * c for c in colour[:3]))
    fig.legend(
        *axes[1].get_legend_handles_labels(),
        title="bands in cycles / LR pixel",
        loc="outside lower center",
        ncols=len(labels),
    )
    if has_black:
        _draw_black(axes[2], found, shown)
    return fig, tuple(axes)


def _draw_black(axes: Axes, found: LayerSpectra, shown: Sequence[str]) -> None:
    from matplotlib.ticker import NullFormatter

    for attribute, label, colour, look in (
        ("black_power", "black", style.COLORS["LR"], "o-"),
        ("power", "image", style.COLORS["SR"], "o-"),
        ("difference_power", "difference", style.COLORS["H"], "x:"),
    ):
        values = [_root_mean_square(found, name, attribute) for name in shown]
        name = label if any(values) else f"{label} (0)"
        axes.plot(values, range(len(shown)), look, color=colour, label=name, markersize=2.5)
    axes.set(ylim=(len(shown) - 0.4, -0.6), yticks=[], xlabel="root mean square", xscale="log")
    low, high = axes.get_xlim()
    if high < 100 * low:  # less than two decades may show one tick or none
        middle = (low * high) ** 0.5
        axes.set_xlim(middle / 10, middle * 10)
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.legend(loc="best")


def _root_mean_square(found: LayerSpectra, name: str, attribute: str) -> float:
    layer = found[name]
    energy = (getattr(layer, attribute) * layer.count).sum() / layer.count.sum() ** 2
    return float(energy.sqrt())


def _spread(names: list[str]) -> list[str]:
    if len(names) <= _MOST:
        return names
    return [names[round(i * (len(names) - 1) / (_MOST - 1))] for i in range(_MOST)]


def _short(name: str) -> str:
    return name if len(name) <= _NAMES else f"…{name[1 - _NAMES :]}"
