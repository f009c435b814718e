"""Scores over the runs of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hyra._util.texts import printable
from hyra.evaluate.scoring.scores import score
from hyra.evaluate.tracking.score_history import Point, ScoreHistory
from hyra.plots import style
from hyra.results.figures import draws

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABELS = 12  # runs named on an axis
_LETTERS = 22  # of a run's name
_LINES, _MARKERS = ("-", "--", ":", "-."), ("o", "s", "^", "D")


@draws(ScoreHistory)
@style.figure
def score_history(history: ScoreHistory) -> tuple[Figure, npt.NDArray[Any]]:
    """Mean scores over runs with their 95 % intervals: a row for each score, a column for each scale.

    A line joins means over the same images and references, with the same settings. Where these differ from those of the
    run before, the line breaks and the marker is hollow.

    Args:
        history: what `hyra.evaluate.tracking.score_history.score_history` returned.

    Returns:
        The figure and its axes, scores by scales.
    """
    import matplotlib.pyplot as plt

    scores = list(dict.fromkeys(point.mean.score for point in history.points))
    scales = sorted({point.scale for point in history.points})
    methods = list(dict.fromkeys(point.method for point in history.points))
    size = (style.PAGE if len(scales) > 1 else 1.4 * style.COLUMN, 0.9 + 1.3 * len(scores))
    fig, axes = plt.subplots(len(scores), len(scales), figsize=size, sharex=True, squeeze=False)
    for row, name in zip(axes, scores, strict=True):
        row[0].set_ylabel(score(name).title)
        for panel, scale in zip(row, scales, strict=True):
            for index, method in enumerate(methods):
                points = [point for point in history.points if point.series == (method, scale, name)]
                _draw(panel, history, points, index, len(methods))
    for panel, scale in zip(axes[0], scales, strict=True):
        panel.set_title(f"x{scale:g}")
    _name_runs(axes[-1], history)
    handles = [_handle(axes[0, 0], method, index) for index, method in enumerate(methods)]
    if not all(point.comparable for point in history.points):
        label = "images or settings differ from before"
        handles += axes[0, 0].plot([], [], "o", markersize=3, color="black", markerfacecolor="white", label=label)
    fig.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 4 if len(scales) > 1 else 3))
    return fig, axes


def _look(index: int) -> dict[str, Any]:
    """Colours stay apart for seven methods; then another line and marker."""
    turn = index // len(style.SERIES) % len(_LINES)
    return {"color": style.SERIES[index % len(style.SERIES)], "linestyle": _LINES[turn], "marker": _MARKERS[turn]}


def _handle(panel: Axes, method: str, index: int) -> Any:
    (handle,) = panel.plot([], [], markersize=3, label=style.plain(printable(method, 40)), **_look(index))
    return handle


def _draw(panel: Axes, history: ScoreHistory, points: Sequence[Point], index: int, count: int) -> None:
    """One curve, a little beside those of the other methods, so that no interval hides another."""
    place = {run.name: number for number, run in enumerate(history.runs)}
    beside = 0.3 * ((index + 0.5) / count - 0.5)
    drawn = [point for point in points if math.isfinite(point.mean.value)]
    pieces: list[list[Point]] = []
    for point in drawn:
        if point.comparable and pieces:
            pieces[-1].append(point)
        else:
            pieces.append([point])
    look = _look(index)
    for piece in pieces:
        x = [place[point.run.name] + beside for point in piece]
        panel.plot(x, [point.mean.value for point in piece], markersize=3, **look)
        if not piece[0].comparable:
            panel.plot(x[:1], [piece[0].mean.value], markersize=3, markerfacecolor="white", zorder=3, **look)
        ends = [(at, point.mean) for at, point in zip(x, piece, strict=True) if point.mean.count > 1]
        bounds = ([mean.low for _, mean in ends], [mean.high for _, mean in ends])
        panel.vlines([at for at, _ in ends], *bounds, color=look["color"], linewidth=0.8, alpha=0.5)


def _name_runs(row: Sequence[Axes], history: ScoreHistory) -> None:
    count = len(history.runs)
    step = -(-count // _LABELS)
    shown = range((count - 1) % step, count, step)  # the newest among them
    labels = [style.plain(printable(history.runs[index].name, _LETTERS)) for index in shown]
    for panel in row:
        panel.set_xticks(list(shown), labels, rotation=35, ha="right", rotation_mode="anchor")
        panel.set_xlim(-0.5, count - 0.5)
