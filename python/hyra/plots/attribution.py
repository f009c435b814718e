"""Which pixels a network uses: local attribution maps, and the effective receptive field."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hyra.attribution.maps import Attribution
from hyra.attribution.receptive_field import SHARES, EffectiveReceptiveField
from hyra.evaluate.attributions import AttributionComparison
from hyra.plots import style
from hyra.plots.bands import band_note
from hyra.plots.bands import picture as as_picture
from hyra.results.figures import draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hyra.attribution.detail import Window

_MOST, _COLUMNS = 6, 5
_FAINTEST = -3
"""Contribution that a map shows: powers of 10 below its peak."""
_FLOOR = -5
"""Of the field's map: powers of 10 below its peak."""


@draws(Attribution)
@style.figure
def attribution(found: Attribution, *, windows: int = _MOST) -> tuple[Figure, Any]:
    """For each window: where it lies in the output, which pixels make its detail, and its output.

    Red pixels of the input add detail to the window, blue ones take some away, by the logarithm of their share of the
    largest magnitude, down to a thousandth: what tells networks apart is how far weak contributions spread. The map
    lies over the input in grey.

    Args:
        found: what `HyRA.attribution` returned.
        windows: how many to show, of the first.

    Returns:
        The figure and its axes, one row for each window: the output with the window, the map, the window.
    """
    import matplotlib.pyplot as plt

    count = min(windows, len(found.windows))
    height, width = found.image.shape[1:]
    side = style.PAGE / 3.1
    fig, axes = plt.subplots(
        count, 3, figsize=(style.PAGE, count * (side * height / width + 0.25)), squeeze=False, layout="compressed"
    )
    for index, row in enumerate(axes):
        window = found.windows[index]
        draw_picture(row[0], found.output)
        draw_window(row[0], window)
        row[0].set_title(f"window at {window[0]}, {window[1]} of {window[2]}×{window[2]} pixels")
        draw_map(row[1], found, index)
        _draw_scale(row[1])
        error = "" if found.index_errors is None else f" ± {float(found.index_errors[index]):.2g}"
        row[1].set_title(f"diffusion index {float(found.diffusion_index[index]):.2f}{error}")
        draw_surroundings(row[2], found.output, window)
        row[2].set_title("window and surroundings")
    return fig, axes


def draw_picture(axes: Axes, picture: Tensor) -> None:
    """An image `[C, H, W]` in 0..1, without ticks."""
    axes.imshow(as_picture(picture.double()), interpolation="antialiased")
    if note := band_note(len(picture)):
        axes.set_xlabel(note)
    _without_ticks(axes)


def draw_surroundings(axes: Axes, output: Tensor, window: Window) -> None:
    """A window with as much around it as it is wide, or as there is on that side."""
    y, x, side = window
    top, left = (
        max(0, min(start - side, size - 3 * side)) for start, size in zip((y, x), output.shape[1:], strict=True)
    )
    draw_picture(axes, output[:, top : top + 3 * side, left : left + 3 * side])
    draw_window(axes, (y - top, x - left, side))


def draw_window(axes: Axes, window: Window) -> None:
    """A frame around a window, in a picture of the output."""
    from matplotlib.patches import Rectangle

    y, x, side = window
    for color, width in (("white", 2.2), (style.SERIES[1], 1.1)):
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), side, side, fill=False, edgecolor=color, linewidth=width))


def draw_map(axes: Axes, found: Attribution, index: int) -> None:
    """The signed map of a window over the grey image, as opaque as the contributions are large."""
    import matplotlib as mpl
    from matplotlib.patches import Rectangle

    grey = found.image.detach().cpu().double().mean(0).clamp(0, 1)
    values = found.signed[index].detach().cpu()
    peak = float(values.abs().max())
    values = values / peak if 0 < peak < math.inf else values.nan_to_num(0, 0, 0)
    strength = (1 - values.abs().log10() / _FAINTEST).clamp(0, 1)
    colours = torch.from_numpy(mpl.colormaps[style.SIGNED]((values.sign() * strength).numpy() / 2 + 0.5)[..., :3])
    opacity = strength.sqrt()[..., None]
    background = (0.35 + 0.65 * grey)[..., None]  # light, so that dark red and blue stay apart from it
    axes.imshow((opacity * colours + (1 - opacity) * background).numpy(), interpolation="nearest")
    y, x, side = (n / found.scale for n in found.windows[index])
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), side, side, fill=False, edgecolor="black", linewidth=0.7))
    _without_ticks(axes)


def _draw_scale(axes: Axes) -> None:
    """What the colours of `draw_map` mean."""
    import matplotlib as mpl

    colours = mpl.cm.ScalarMappable(mpl.colors.Normalize(-1, 1), style.SIGNED)
    bar = axes.figure.colorbar(colours, ax=axes, fraction=0.05, pad=0.03, ticks=[-1, 0, 1])
    bar.ax.set_yticklabels(["takes\naway", f"below\n$10^{{{_FAINTEST}}}$", "adds\ndetail"])


def _without_ticks(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


@draws(AttributionComparison)
@style.figure
def attribution_comparison(found: AttributionComparison, *, window: int = 0) -> tuple[Figure, Any]:
    """A column for each network, as papers print them: the window and its surroundings, and the map.

    Every map has its own colours, those of `attribution`.

    Args:
        found: what `hyra.compare_attributions` returned.
        window: index of the window to show.

    Returns:
        The figure and its axes, two rows.
    """
    import matplotlib.pyplot as plt

    columns = min(len(found.models), _COLUMNS)
    bands = math.ceil(len(found.models) / columns)
    height, width = found.models[0].attribution.image.shape[1:]
    side = style.PAGE / max(columns, 3)
    size = (columns * side, bands * (side * (1 + height / width) + 0.6))
    fig, axes = plt.subplots(2 * bands, columns, figsize=size, squeeze=False, layout="compressed")
    for index in range(bands * columns):
        band, column = divmod(index, columns)
        part, plane = axes[2 * band : 2 * band + 2, column]
        if index >= len(found.models):
            part.set_axis_off()
            plane.set_axis_off()
            continue
        model = found.models[index]
        draw_surroundings(part, model.attribution.output, model.attribution.windows[window])
        score = "" if model.psnr is None else f"\nPSNR {model.psnr:.2f} dB"
        part.set_title(f"{style.plain(model.name)}{score}")
        draw_map(plane, model.attribution, window)
        radius = "" if model.field is None else f"\n90 % of the field within {model.field.radius(0.9):.1f} pixels"
        plane.set_title(f"diffusion index {float(model.attribution.diffusion_index[window]):.2f}{radius}")
    return fig, axes


@draws(EffectiveReceptiveField)
@style.figure
def effective_receptive_field(
    found: EffectiveReceptiveField, *, radius: float | None = None
) -> tuple[Figure, tuple[Axes, Axes]]:
    """The energy around the centre on a logarithmic scale with the radii of its shares, and the share over distance.

    The dashed square is the receptive field as `probe` measures it, if it was.

    Args:
        found: what `HyRA.erf` returned.
        radius: how much to show, in LR pixels on each side of the centre; when not given, twice what holds 99 % of
            the energy, or the receptive field.

    Returns:
        The figure and its two axes.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Circle, Rectangle

    fig, (plane, curve) = plt.subplots(1, 2, figsize=(style.PAGE, 0.42 * style.PAGE), width_ratios=(1, 1.25))
    energy = (found.energy / found.energy.max()).log10().clamp(min=_FLOOR - 1).cpu()
    (y, x), (height, width) = found.center, energy.shape
    extent = (-x - 0.5, width - x - 0.5, height - y - 0.5, -y - 0.5)
    image = plane.imshow(energy.numpy(), vmin=_FLOOR, vmax=0, extent=extent, cmap=style.AMPLITUDE)
    style.colorbar(image, plane, "energy over its peak, powers of 10", extend="min")
    reach = None if found.locality is None else found.locality.reach
    shown = radius or _shown(found, reach)
    looks = ("-", "--", ":")
    for share, look in zip(SHARES, looks, strict=True):
        if found.radius(share) >= 0.5:
            plane.add_patch(Circle((0, 0), found.radius(share), fill=False, edgecolor="white", linestyle=look))
    if reach is not None:
        side = 2 * reach + 1
        plane.add_patch(
            Rectangle((-side / 2, -side / 2), side, side, fill=False, edgecolor=style.SERIES[5], linestyle="--")
        )
    plane.set(xlim=(-shown, shown), ylim=(shown, -shown), xlabel="x (LR pixels)", ylabel="y (LR pixels)")

    _draw_shares(curve, *found.cumulated, label="effective receptive field", color=style.SERIES[1])
    if found.response_cumulated is not None:
        _draw_shares(curve, *found.response_cumulated, label="impulse response", color=style.COLORS["H"])
    for share, look in zip(SHARES, looks, strict=True):
        at = found.radius(share)
        curve.axvline(at, color=style.SERIES[1], linewidth=0.7, linestyle=look)
    if reach is not None:
        curve.axvline(reach, color=style.SERIES[5], linestyle="--", label="reach")
    numbers = ", ".join(f"{share:.0%} {found.radius(share):.1f}" for share in SHARES)
    plane.set_title(f"{found.images} image{'s' * (found.images > 1)}, anisotropy {found.anisotropy:.2f}")
    curve.set_title(f"radii in LR pixels: {numbers}")
    curve.set(xlim=(0, shown), ylim=(0, 1.02), xlabel="distance from the centre (LR pixels)", ylabel="share of energy")
    curve.legend(loc="lower right", frameon=True, framealpha=1, edgecolor="none")  # before the line of the reach
    return fig, (plane, curve)


def _shown(found: EffectiveReceptiveField, reach: int | None) -> float:
    most = min(found.center) + 0.5
    wanted = max(2 * found.radius(0.99), 4.0, 0.0 if reach is None else 1.15 * reach)
    return min(most, wanted if math.isfinite(wanted) else most)


def _draw_shares(axes: Axes, distances: Tensor, shares: Tensor, **look: Any) -> None:
    axes.step(distances.numpy(), shares.numpy(), where="post", **look)
