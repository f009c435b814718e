"""The impulse response: as a picture, in sections against the sinc, and the sinc that fits it best."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from hyra._util.table import number
from hyra.filters.response import ImpulseResponse
from hyra.filters.sinc import SincFit
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

    The faint grid is that of the LR pixels; the impulse is the middle one.

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

    # Of a square picture with a scale at its side, the other layout cuts off the labels on the left.
    fig, axes = plt.subplots(figsize=(style.COLUMN, 0.85 * style.COLUMN), layout="compressed")
    limit = limit or default_limit(response)
    image = draw_response(axes, response, radius, limit)
    saturated = float(response.white.abs().max()) > limit
    style.colorbar(image, axes, style.RESPONSE, extend="both" if saturated else "neither")
    axes.set_title(style.plain(title) or f"impulse response, main lobe {response.main_lobe:.3g}")
    return fig, axes


def default_limit(response: ImpulseResponse, of_peak: float = 0.3) -> float:
    """See `impulse_response`."""
    white = response.white
    finite = white[white.isfinite()].abs()
    return of_peak * float(finite.max()) if finite.any() else 1.0


def extent_of(response: ImpulseResponse) -> tuple[float, float, float, float]:
    """Left, right, bottom and top edge of the response in LR pixels from its centre."""
    top, left = (-(c + 0.5) / response.density for c in response.center)
    height, width = (size / response.density for size in response.response.shape[-2:])
    return left, left + width, top + height, top


def draw_response(axes: Axes, response: ImpulseResponse, radius: float, limit: float) -> AxesImage:
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
    _draw_sections(axes, response, fit or response.fit_sinc(), radius)
    return fig, axes


def off_centre(response: ImpulseResponse) -> Tensor:
    """Distance of the rows of `ImpulseResponse.profile` from the centre in LR pixels: half an HR pixel, or 0."""
    center = response.center[0]
    return torch.tensor((math.ceil(center) - center) / response.density, dtype=torch.float64, device="cpu")


def _draw_sections(axes: Axes, response: ImpulseResponse, fit: SincFit, radius: float) -> None:
    """The sections and the curves alone, on given axes."""
    t = torch.linspace(-radius, radius, 1001, dtype=torch.float64, device="cpu")
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


@draws(SincFit)
@style.figure
def sinc_fit(fit: SincFit, *, radius: float = 6) -> tuple[Figure, tuple[Axes, Axes]]:
    """The fitted kernel through the centre beside the ideal sinc, and how well each window family fits.

    Args:
        fit: what `ImpulseResponse.fit_sinc` returned; `hyra.plots.profile` shows it with the response.
        radius: how much of the kernel to show, in LR pixels on each side of the centre.

    Returns:
        The figure and its two axes.
    """
    import matplotlib.pyplot as plt

    fig, (section, families) = plt.subplots(1, 2, figsize=(style.PAGE, 0.36 * style.PAGE), width_ratios=(1.6, 1))
    t = torch.linspace(-radius, radius, 1001, dtype=torch.float64, device="cpu")
    fitted = fit.gain * fit.kernel(t.new_zeros(1)) * fit.kernel(t)
    section.axhline(0, color="black", linewidth=0.4)
    section.plot(t, torch.sinc(t), "--", color=style.COLORS["ideal"], label="ideal sinc")
    section.plot(t, fitted, color=style.COLORS["fit"], label=f"fit: {fit.window}, cut-off {fit.cutoff:.2f}")
    section.set(xlim=(-radius, radius), xlabel="distance from the centre (LR pixels)", ylabel="response")
    section.set_title(f"ring cosine {number(fit.ring_cosine)}, cosine {number(fit.similarity)}")
    section.legend(loc="upper right", borderaxespad=0)

    names = sorted(fit.residuals, key=lambda name: -fit.residuals[name])
    colors = [style.COLORS["fit"] if name == fit.window else style.COLORS["LR"] for name in names]
    bars = families.barh(names, [fit.residuals[name] for name in names], color=colors)
    families.bar_label(bars, fmt="%.3g", padding=2, fontsize=7)
    families.margins(x=0.2)
    families.set(xlabel="residual of its best fit, relative")
    return fig, (section, families)
