"""The impulse response as a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hyra.filters.response import ImpulseResponse
from hyra.plots import style
from hyra.results.figures import draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage


@draws(ImpulseResponse)
@style.figure
def impulse_response(
    response: ImpulseResponse, *, radius: float = 6, limit: float | None = None, title: str = ""
) -> tuple[Figure, Axes]:
    """What a network makes of one white pixel: blue below zero, red above, white at zero.

    The faint grid is that of the LR pixels; the lit one is the middle one.

    Args:
        response: its `white` is shown: the mean over the colours.
        radius: how much to show, in LR pixels on each side of the centre.
        limit: the value at which the colours saturate; when not given, 0.3 of the largest magnitude, since side lobes
            are 0.05 to 0.2 of it and would be too pale to see.
        title: above the picture.

    Returns:
        The figure and its axes.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(figsize=(style.COLUMN, 0.85 * style.COLUMN))
    limit = limit or default_limit(response)
    image = draw(axes, response, radius, limit)
    saturated = float(response.white.abs().max()) > limit
    style.colorbar(image, axes, style.RESPONSE, extend="both" if saturated else "neither")
    axes.set_title(title or f"impulse response, main lobe {response.main_lobe:.3g}")
    return fig, axes


def default_limit(response: ImpulseResponse, of_peak: float = 0.3) -> float:
    """See `impulse_response`."""
    white = response.white
    finite = white[white.isfinite()].abs()
    return of_peak * float(finite.max()) if finite.any() else 1.0


def extent_of(response: ImpulseResponse) -> tuple[float, float, float, float]:
    """Left, right, bottom and top edge of the response in LR pixels from its centre."""
    top, left = (-(c + 0.5) / response.scale for c in response.center)
    height, width = (size / response.scale for size in response.response.shape[-2:])
    return left, left + width, top + height, top


def draw(axes: Axes, response: ImpulseResponse, radius: float, limit: float) -> AxesImage:
    """The picture alone, on given axes."""
    left, right, bottom, top = extent = extent_of(response)
    image = axes.imshow(response.white.cpu().numpy(), style.SIGNED, vmin=-limit, vmax=limit, extent=extent)
    radius = min(radius, -top, -left, bottom, right)
    edges = np.arange(math.ceil(-radius - 0.5), radius + 0.5) + 0.5
    step = max(1, round(radius / 3))
    middles = np.arange(-step * (radius // step), radius + 0.01, step)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(middles)
        axis.set_ticks(edges, minor=True)
        axis.set_tick_params(which="minor", length=0)
        axis.grid(which="minor", color="black", alpha=0.12, linewidth=0.4)
    axes.spines[["top", "right"]].set_visible(True)
    axes.set(xlim=(-radius, radius), ylim=(radius, -radius), xlabel="x (LR pixels)", ylabel="y (LR pixels)")
    return image
