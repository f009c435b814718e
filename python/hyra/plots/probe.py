"""Responses at many positions: their mean, how much they vary, and where they deviate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hyra.plots import style
from hyra.plots.impulse_response import default_limit, draw
from hyra.probing.probe import Probe
from hyra.results.figures import draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@draws(Probe)
@style.figure
def probe(found: Probe, *, radius: float = 4) -> tuple[Figure, Any]:
    """Mean response, standard deviation of its samples, deviation at each position, and what it depends on.

    The last is the place in the network's window; for a network without windows, the distance from the border, where
    padding shows.

    Args:
        found: what `HyRA.probe` returned.
        radius: how much of the mean to show, in LR pixels on each side of the centre.

    Returns:
        The figure and its four axes.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(2, 2, figsize=(style.PAGE, 0.85 * style.PAGE), layout="compressed")
    (mean, spread), (places, per_place) = axes
    image = draw(mean, found.mean, radius, default_limit(found.mean))
    style.colorbar(image, mean, style.RESPONSE, extend="both")
    mean.set_title(f"mean of {len(found.positions)} responses")

    # One standard deviation for each sample, over positions and colours.
    deviation = found.variance.flatten(0, -3).mean(0).sqrt().cpu()
    image = spread.imshow(deviation, style.AMPLITUDE, vmin=0, vmax=_end(deviation), extent=mean.images[0].get_extent())
    spread.set(xlabel="x (LR pixels)", ylabel="y (LR pixels)")  # all of it: what varies is often at the edge
    spread.set_title("standard deviation over the positions")
    style.colorbar(image, spread, style.RESPONSE)

    height, width = found.canvas
    y, x = found.positions.cpu().unbind(1)
    deviation = found.deviation.cpu()
    look = {"cmap": style.AMPLITUDE, "vmin": 0, "vmax": _end(deviation)}
    points = places.scatter(x, y, c=deviation, s=12, marker="s", **look)
    places.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), box_aspect=height / width)
    places.set(xlabel="x (LR pixels)", ylabel="y (LR pixels)", title="relative deviation from the middle response")
    style.colorbar(points, places, "deviation over norm")

    if found.locality is not None and (found.locality.period or 1) > 1:
        _draw_phases(per_place, found.deviation_per_phase().cpu())
    else:
        edge = torch.stack([y, x, height - 1 - y, width - 1 - x]).amin(0)
        _draw_border(per_place, edge, deviation)
    return fig, axes


def _draw_phases(axes: Axes, deviation: Tensor) -> None:
    image = axes.imshow(deviation, style.AMPLITUDE, vmin=0, vmax=_end(deviation))
    ticks = range(0, len(deviation), max(1, len(deviation) // 8))
    axes.set(xticks=ticks, yticks=ticks, xlabel="x in the window (LR pixels)", ylabel="y in the window (LR pixels)")
    axes.set_title(f"mean deviation per place, period {len(deviation)}")
    style.colorbar(image, axes, "deviation over norm")


def _draw_border(axes: Axes, distance: Tensor, deviation: Tensor) -> None:
    axes.plot(distance, deviation, ".", color=style.COLORS["H"], markersize=3)
    axes.set(xlabel="distance from the border (LR pixels)", ylabel="deviation over norm")
    axes.set(xlim=(0, None), ylim=(0, 1.05 * _end(deviation)), title="deviation by distance from the border")


def _end(values: Tensor) -> float:
    """The largest value; 1 where nothing deviates, so that this has the colour of zero."""
    largest = float(values.where(values.isfinite(), 0).max())
    return largest if largest > 0 else 1.0
