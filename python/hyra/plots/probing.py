"""Responses at many positions: their mean, how much they vary and where, and how they change over an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hyra._util.table import or_nan
from hyra.plots import style
from hyra.plots.bands import band_note, picture
from hyra.plots.response import default_limit, draw_response
from hyra.probing.probe import Probe
from hyra.results.figures import draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import PatchCollection
    from matplotlib.figure import Figure

    from hyra.probing.probe import Probe


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
    image = draw_response(mean, found.mean, radius, default_limit(found.mean))
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

    if found.locality is not None and (found.locality.period or 1) > found.mean.scale.denominator:
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


@style.figure
def local_responses(found: Probe, *, radius: float = 4) -> tuple[Figure, Any]:
    """An image, how like the sinc the response is at each place of it, and four responses.

    Those are the least, the median and the most similar, with their places marked, and the mean of all; they share one
    colour scale, which saturates early as that of `impulse_response` does.

    Args:
        found: what `HyRA.probe` returned with an image as `background` and `keep_responses=True`.
        radius: how much of the responses to show, in LR pixels on each side of the centre.

    Returns:
        The figure, and its axes: a list of two for image and map, and a list of four for the responses.

    Raises:
        ValueError: the background is a level, or responses were not kept.
    """
    import matplotlib.pyplot as plt

    image = found.reference.background
    if not isinstance(image, Tensor):
        raise ValueError(f"found must be a probe over an image, got one on the level {image:g}")
    likeness = found.ring_cosine
    ranked = likeness.nan_to_num(-1).argsort().tolist()  # a response that is not finite is like nothing
    shown = dict(zip("abc", (ranked[0], ranked[len(ranked) // 2], ranked[-1]), strict=True))

    height, width = found.canvas
    heights = 0.42 * height / width + 0.04, 0.3
    fig = plt.figure(figsize=(style.PAGE, style.PAGE * sum(heights)))
    top, bottom = fig.subfigures(2, 1, height_ratios=heights)
    (photograph, places), panels = top.subplots(1, 2), bottom.subplots(1, 4)
    photograph.imshow(picture(image))
    photograph.set_title(", ".join(filter(None, ("image, LR", band_note(len(image))))))
    places.imshow(
        image.cpu().clamp(0, 1).mean(0).numpy(), "gray", vmin=-1, vmax=1
    )  # pale, so that the squares stand out
    squares = _draw_squares(places, found.positions, likeness)
    places.set_title(f"likeness of {len(likeness)} responses to the sinc")
    _add_bar(places, squares, "neither", "ring cosine")
    for axes in (photograph, places):
        _mark(axes, {letter: found.positions[index] for letter, index in shown.items()})
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)

    responses = [found.response(index) for index in shown.values()]
    names = [f"{letter}: {what}" for letter, what in zip(shown, ("least", "median", "most"), strict=True)]
    scores = [*likeness[list(shown.values())].tolist(), or_nan(found.mean.fit_sinc().ring_cosine)]
    limit = default_limit(found.mean)
    for axes, response, name, score in zip(
        panels, [*responses, found.mean], [*names, "mean of all"], scores, strict=True
    ):
        drawn = draw_response(axes, response, radius, limit)
        axes.set(title=f"{name}, {score:.2f}", xticks=axes.get_xticks()[::2], yticks=axes.get_yticks()[::2])
        if axes is not panels[0]:
            axes.set(yticklabels=[], ylabel="")
    _add_bar(panels[-1], drawn, "both", "response")
    return fig, ([photograph, places], list(panels))


def _draw_squares(axes: Axes, positions: Tensor, values: Tensor) -> PatchCollection:
    """A coloured square at each position, with gaps through which the image is seen."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    gaps = torch.cat([torch.unique(along).diff() for along in positions.unbind(1)])
    side = 0.7 * float(gaps.min()) if len(gaps) else 3.0
    corners = (positions.flip(1).double() - side / 2).tolist()
    squares = PatchCollection([Rectangle((x, y), side, side) for x, y in corners], cmap=style.AMPLITUDE, linewidth=0)
    squares.set_array(values.numpy())
    axes.add_collection(squares)
    return squares


def _add_bar(axes: Axes, drawn: ScalarMappable, extend: str, label: str) -> None:
    """A colour bar beside the axes, as high as they are."""
    place = axes.inset_axes((1.04, 0, 0.05, 1))
    axes.figure.colorbar(drawn, cax=place, extend=extend).set_label(label)


def _mark(axes: Axes, places: dict[str, Tensor]) -> None:
    """Circle each place, with its letter beside it."""
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=2, foreground="black")]
    for letter, place in places.items():
        y, x = place.tolist()
        axes.plot(x, y, "o", color="none", markeredgecolor="white", markersize=8, path_effects=outline)
        axes.annotate(
            letter, (x, y), (6, 4), textcoords="offset points", color="white", fontsize=10, path_effects=outline
        )
