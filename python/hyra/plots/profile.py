"""Sections through the impulse response, against the sinc."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hyra.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hyra.filters.response import ImpulseResponse
    from hyra.filters.sinc import SincFit


@style.figure
def profile(response: ImpulseResponse, *, fit: SincFit | None = None, radius: float = 6) -> tuple[Figure, Axes]:
    """Sections of the response along both axes, the ideal sinc, and the windowed sinc that fits best.

    For an even scale the centre lies between two rows and a section is their mean (see `ImpulseResponse.profile`); both
    curves are drawn for those rows, so that an ideal interpolator's points lie on the ideal curve.

    Args:
        response: its `white` is shown: the mean over the colours.
        fit: what `response.fit_sinc()` returned, if it is there already.
        radius: how much to show, in LR pixels on each side of the centre.

    Returns:
        The figure and its axes.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(figsize=(style.COLUMN, 0.72 * style.COLUMN))
    draw(axes, response, fit or response.fit_sinc(), radius)
    return fig, axes


def off_centre(response: ImpulseResponse) -> Tensor:
    """Distance of the rows of `ImpulseResponse.profile` from the centre in LR pixels: half an HR pixel, or 0."""
    center = response.center[0]
    return torch.tensor((math.ceil(center) - center) / response.scale, dtype=torch.float64)


def draw(axes: Axes, response: ImpulseResponse, fit: SincFit, radius: float) -> None:
    """The sections and the curves alone, on given axes."""
    t = torch.linspace(-radius, radius, 1001, dtype=torch.float64)
    across = off_centre(response)
    axes.axhline(0, color="black", linewidth=0.4)
    ideal = torch.sinc(across) * torch.sinc(t)
    axes.plot(t.numpy(), ideal.numpy(), "--", color=style.COLORS["ideal"], label="ideal sinc", zorder=3)
    fitted = fit.gain * fit.kernel(across) * fit.kernel(t)
    axes.plot(
        t,
        fitted,
        color=style.COLORS["fit"],
        linewidth=2,
        label=f"fit: {fit.window}, cut-off {fit.cutoff:.2f}",
        zorder=2,
    )
    for axis, marker, size in (("x", ".", 3), ("y", "o", 4)):
        position, values = (x.cpu().numpy() for x in response.profile(axis))
        (points,) = axes.plot(position, values, marker, color=style.COLORS["H"], markersize=size, markeredgewidth=0.6)
        points.set(label=f"response along {axis}", markerfacecolor="none" if axis == "y" else None, zorder=4)
    axes.set(xlim=(-radius, radius), xlabel="distance from the centre (LR pixels)", ylabel="response")
    axes.legend(loc="upper right", borderaxespad=0)
