"""Responses at many positions: their mean, how much they vary, and where they deviate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from hyra.plots import style
from hyra.plots.impulse_response import default_limit, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hyra.probe import Probe


@style.figure
def probe(found: Probe, *, radius: float = 4) -> tuple[Figure, Any]:
    """Mean response, standard deviation of its samples, and deviation at each position and per place in the window.

    Args:
        found: what `HyRA.probe` returned.
        radius: how much of the mean to show, in LR pixels on each side of the centre.

    Returns:
        The figure and its four axes.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(2, 2, figsize=(style.PAGE, 0.85 * style.PAGE))
    (mean, spread), (places, phases) = axes
    image = draw(mean, found.mean, radius, default_limit(found.mean))
    fig.colorbar(image, ax=mean, extend="both", fraction=0.05, pad=0.03).set_label("response to a pixel of value 1")
    mean.set_title(f"mean of {len(found.positions)} responses")

    # One standard deviation for each sample, over positions and colours.
    deviation = found.variance.flatten(0, -3).mean(0).sqrt().cpu()
    image = spread.imshow(deviation, style.AMPLITUDE, vmin=0, vmax=_end(deviation), extent=mean.images[0].get_extent())
    spread.set(xlabel="x (LR pixels)", ylabel="y (LR pixels)")  # all of it: what varies is often at the edge
    spread.set_title("standard deviation over the positions")
    fig.colorbar(image, ax=spread, fraction=0.05, pad=0.03).set_label("response to a pixel of value 1")

    height, width = found.canvas
    y, x = found.positions.cpu().unbind(1)
    deviation = found.deviation.cpu()
    look = {"cmap": style.AMPLITUDE, "vmin": 0, "vmax": _end(deviation)}
    points = places.scatter(x, y, c=deviation, s=12, marker="s", **look)
    places.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal")
    places.set(xlabel="x (LR pixels)", ylabel="y (LR pixels)", title="relative deviation from the middle response")
    fig.colorbar(points, ax=places, fraction=0.05, pad=0.03).set_label("deviation over norm")

    per_phase = found.deviation_per_phase().cpu()
    image = phases.imshow(per_phase, style.AMPLITUDE, vmin=0, vmax=_end(per_phase))
    ticks = range(0, len(per_phase), max(1, len(per_phase) // 8))
    phases.set(xticks=ticks, yticks=ticks, xlabel="x in the window (LR pixels)", ylabel="y in the window (LR pixels)")
    phases.set_title(f"mean deviation per place, period {len(per_phase)}")
    fig.colorbar(image, ax=phases, fraction=0.05, pad=0.03).set_label("deviation over norm")
    return fig, axes


def _end(values: Tensor) -> float:
    """The largest value; 1 where nothing deviates, so that this has the colour of zero."""
    largest = float(values.where(values.isfinite(), 0).max())
    return largest if largest > 0 else 1.0
