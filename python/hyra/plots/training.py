"""The paper's figure 19: the response, H, G and the output while a network trains, as a figure and as an animation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hyra._util.extra import extra
from hyra._util.table import or_nan
from hyra.plots import style
from hyra.plots.bands import band_note
from hyra.plots.bands import picture as as_picture
from hyra.plots.response import default_limit, draw_response, extent_of
from hyra.results.figures import draws
from hyra.split.parts import BAND_WIDTH
from hyra.track.history import History
from hyra.track.records import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image

    from hyra.split.parts import Decomposition

_ROWS = ("response", "H", "G", "output")
_CURVES = {
    "ring_cosine": "ring cosine",
    "cutoff": "cut-off (cycles / LR pixel)",
    "side_lobe": "first side lobe",
    "linear_share": "share of H in energy",
}
_CURVES_OF_RESTORATION = {
    "mtf50": "MTF50 (cycles / pixel)",
    "noise_gain": "amplification of noise",
    "dc_gain": "DC gain",
    "linear_share": "share of H in energy",
}
_FRAME_DPI = 100
_RADIUS = 4  # LR pixels of the response on each side of its centre


@draws(History)
@style.figure
def training_progress(history: History, columns: int = 6) -> tuple[Figure, Any]:
    """Pictures at up to `columns` evenly spaced records, first and last among them, over curves of all records.

    G is drawn around grey with one factor for the whole row, so that the columns compare. The last of the curves' axes
    is a picture too: the share of H in the energy of H and G, over step and frequency.

    Args:
        history: what a tracker recorded.
        columns: how many steps to show at most.

    Returns:
        The figure, and its axes: a 4 x columns array of pictures and a list of the curves' axes.

    Raises:
        ValueError: there are no records.
    """
    import matplotlib.pyplot as plt

    records = _records(history)
    shown = _spread(records, columns)
    splits = [history.split(record.step) for record in shown]
    width = style.PAGE / 6
    fig = plt.figure(figsize=(style.PAGE, 4 * width + 1.7))
    top, bottom = fig.subfigures(2, 1, height_ratios=(4 * width, 1.7))
    pictures = top.subplots(4, len(shown), squeeze=False)
    gain = _gain(splits)
    for column, (record, parts) in enumerate(zip(shown, splits, strict=True)):
        _draw_column(pictures[:, column], parts, gain)
        pictures[0, column].set_title(f"step {record.step}")
    for panel, name in zip(pictures[:, 0], (*_ROWS[:2], f"G × {gain:.2g}", _ROWS[3]), strict=True):
        panel.set_ylabel(name)
    if note := band_note(splits[0].output.shape[-3]):
        pictures[-1, 0].set_ylabel(f"{_ROWS[3]}\n{note}")
    names = _CURVES_OF_RESTORATION if splits[0].response.scale == 1 else _CURVES
    *curves, bands = bottom.subplots(1, len(names) + 1)
    for panel, (name, label) in zip(curves, names.items(), strict=True):
        panel.plot([r.step for r in records], [or_nan(getattr(r, name)) for r in records], color=style.COLORS["H"])
        _draw_error(panel, name, records)
        panel.set(xlabel="step", title=label)
    _draw_bands(bands, records)
    return fig, (pictures, [*curves, bands])


def _draw_error(panel: Axes, name: str, records: Sequence[Record]) -> None:
    """A band of one standard error to each side, where there are any."""
    known = [r for r in records if name in r.standard_errors]
    values, errors = ([getattr(r, name) for r in known], [r.standard_errors[name] for r in known])
    low, high = ([value + sign * e for value, e in zip(values, errors, strict=True)] for sign in (-1, 1))
    if known:
        panel.fill_between([r.step for r in known], low, high, color=style.COLORS["H"], alpha=0.25, linewidth=0)


def _draw_bands(panel: Axes, records: Sequence[Record]) -> None:
    """Share of H in the energy of H and G, in colour over step and frequency."""
    records = [record for record in records if record.band_linear]
    panel.set(xlabel="step", title="share of H per band")
    if not records:  # of a version that did not record them
        panel.set_axis_off()
        return
    linear, nonlinear = (np.array([getattr(r, name) for r in records]).T for name in ("band_linear", "band_nonlinear"))
    middles = BAND_WIDTH * (np.arange(len(linear)) + 0.5)
    steps = [record.step for record in records]
    share = linear / (linear + nonlinear)
    image = panel.pcolormesh(steps, middles, share, cmap=style.AMPLITUDE, vmin=0, vmax=1, shading="nearest")
    panel.set_ylabel("cycles / LR pixel", labelpad=1)
    style.colorbar(image, panel, "")


@style.figure
def _frame(parts: Decomposition, gain: float) -> tuple[Figure, Any]:
    """The pictures of one record in a row."""
    import matplotlib.pyplot as plt

    fig, panels = plt.subplots(1, 4, figsize=(style.PAGE, style.PAGE / 4 + 0.12))
    _draw_column(panels, parts, gain)
    for panel, name in zip(panels, ("response", "H", f"G × {gain:.2g}", "output"), strict=True):
        panel.set_title(name)
    return fig, panels


@draws(History, "animation")
def animate(history: History, file: str | Path, frames_per_second: int = 4) -> None:
    """Write the pictures of `training_progress` as an animated GIF, a frame for each record.

    Raises:
        ValueError: there are no records.
    """
    with extra("cli", "writing animations"):
        from PIL.Image import Dither, Quantize, Resampling

    # 256 colours that come near to all of the frame's, the usual ones nearest: by default they are those of the large
    # images alone, which turns the few blue pixels of a side lobe green. Every other pixel knows them all.
    frames = []
    for frame in _frames(history):
        some = frame.resize((frame.width // 2, frame.height // 2), Resampling.NEAREST)
        palette = some.quantize(256, Quantize.MAXCOVERAGE, kmeans=1)
        frames.append(frame.quantize(palette=palette, dither=Dither.NONE))
    first, *rest = frames
    first.save(file, save_all=True, append_images=rest, duration=1000 // frames_per_second, loop=0)


def _frames(history: History) -> Iterator[Image]:
    """Each record's pictures: one figure is laid out, and only what it shows is exchanged."""
    with extra("cli", "writing animations"):
        import matplotlib.pyplot as plt
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from PIL.Image import fromarray

    records = _records(history)
    gain = _gain([history.split(record.step) for record in _spread(records, 6)])
    fig, panels = _frame(history.split(records[0].step), gain)
    fig.set_layout_engine("none")
    fig.set_dpi(_FRAME_DPI)
    canvas = FigureCanvasAgg(fig)
    for record in records:
        parts = history.split(record.step)
        panels[0].title.set_text(f"response, step {record.step}")
        response, limit = panels[0].images[0], default_limit(parts.response)
        response.set(data=parts.response.white.cpu(), clim=(-limit, limit), extent=extent_of(parts.response))
        for panel, picture in zip(panels[1:], _shown(parts, gain), strict=True):
            panel.images[0].set_data(picture)
        with plt.rc_context({"text.hinting": "none"}):  # which at so few pixels would space the letters unevenly
            canvas.draw()
        yield fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    plt.close(fig)


def _records(history: History) -> list[Record]:
    if not history.records:
        raise ValueError("history must not be empty: the tracker has not recorded a step yet")
    return history.records


def _spread(records: Sequence[Record], columns: int) -> list[Record]:
    """Up to `columns` records, evenly spaced, with the first and the last."""
    count = min(columns, len(records))
    if count == 1:
        return [records[-1]]
    return [records[round(i * (len(records) - 1) / (count - 1))] for i in range(count)]


def _gain(splits: Sequence[Decomposition]) -> float:
    """What brings the largest of all G, but for a few pixels, to the ends of the range around grey."""
    largest = max(float(parts.nonlinear.abs().flatten().quantile(0.999)) for parts in splits)
    return 0.5 / largest if largest > 0 else 1.0


def _draw_column(panels: Sequence[Axes], parts: Decomposition, gain: float) -> None:
    draw_response(panels[0], parts.response, _RADIUS, default_limit(parts.response))
    panels[0].set(xlabel="", ylabel="")
    for panel, picture in zip(panels[1:], _shown(parts, gain), strict=True):
        panel.imshow(picture, interpolation="antialiased")
    for panel in panels:
        panel.set(xticks=[], yticks=[])
        panel.tick_params(which="both", length=0)


def _shown(parts: Decomposition, gain: float) -> Iterator[npt.NDArray[Any]]:
    """H, G around grey and the output, as matplotlib takes them."""
    for picture in (parts.linear, 0.5 + gain * parts.nonlinear, parts.output):
        image = picture if picture.ndim == 3 else picture[0]
        yield as_picture(image)
