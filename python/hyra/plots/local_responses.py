"""How the response changes over an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hyra.plots import style
from hyra.plots.impulse_response import default_limit, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import PatchCollection
    from matplotlib.figure import Figure

    from hyra.probing.probe import Probe


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
    picture = image.cpu().clamp(0, 1)
    photograph.imshow(picture.expand(3, -1, -1).movedim(0, -1).numpy())
    photograph.set_title("image, LR")
    places.imshow(picture.mean(0).numpy(), "gray", vmin=-1, vmax=1)  # pale, so that the squares stand out
    squares = _draw_squares(places, found.positions, likeness)
    places.set_title(f"likeness of {len(likeness)} responses to the sinc")
    _add_bar(places, squares, "neither", "ring cosine")
    for axes in (photograph, places):
        _mark(axes, {letter: found.positions[index] for letter, index in shown.items()})
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)

    responses = [found.response(index) for index in shown.values()]
    names = [f"{letter}: {what}" for letter, what in zip(shown, ("least", "median", "most"), strict=True)]
    scores = [*likeness[list(shown.values())].tolist(), found.mean.fit_sinc().ring_cosine]
    limit = default_limit(found.mean)
    for axes, response, name, score in zip(
        panels, [*responses, found.mean], [*names, "mean of all"], scores, strict=True
    ):
        drawn = draw(axes, response, radius, limit)
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
