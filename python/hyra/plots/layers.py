"""Where in a network the response takes shape: what each layer makes of one white pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from hyra.plots import style
from hyra.plots.response import default_limit, draw_response
from hyra.probing.layers import LayerResponses, PrincipalPattern
from hyra.results.figures import draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hyra.filters.response import ImpulseResponse

_COLUMNS = 6
_MOST = 24
_FLOOR_DB = -50
_TITLE = 20


@draws(LayerResponses)
@style.figure
def layer_responses(
    found: LayerResponses, *, layers: Sequence[str] | None = None, radius: float = 4
) -> tuple[Figure, dict[str, tuple[Axes, Axes]]]:
    """The principal pattern of each layer with its sinc score, and below it the layer's gain over frequency.

    Titles say what share of the layer's energy the pattern has. Each pattern has its own colours, white at zero; they
    saturate at its peak, and behind the upsampler at 0.3 of that, as in `impulse_response`, for the side lobes. Gains
    are those along the horizontal axis of the frequency plane, up to the highest frequency of the layer's grid and
    relative to the largest there: of the principal pattern, and of all channels (root of the mean square). The dashed
    line is the edge of the LR passband.

    Args:
        found: what `HyRA.layer_responses` returned.
        layers: the ones to show, in this order; when not given, all, or where there are more than 24, so many evenly
            spaced ones with the first and the last.
        radius: how much of the patterns to show, in LR pixels on each side of the centre.

    Returns:
        The figure and, by layer, the axes of the pattern and of the gain.

    Raises:
        ValueError: there is nothing to show, or a name is not that of a measured layer.
    """
    import matplotlib.pyplot as plt

    shown = _spread(list(found)) if layers is None else list(layers)
    unknown = [name for name in shown if name not in found]
    if unknown or not shown:
        raise ValueError(f"layers must be some of {list(found)}, got {unknown[0] if unknown else 'none'!r}")
    columns = min(_COLUMNS, len(shown))
    rows = math.ceil(len(shown) / columns)
    side = style.PAGE / max(columns, 3)
    size = (columns * side, rows * 1.9 * side + 0.2)
    fig, panels = plt.subplots(2 * rows, columns, figsize=size, height_ratios=(1, 0.6) * rows, squeeze=False)
    axes = {}
    for index in range(rows * columns):
        row, column = divmod(index, columns)
        picture, gain = panels[2 * row : 2 * row + 2, column]
        if index >= len(shown):
            picture.set_axis_off()
            gain.set_axis_off()
            continue
        name = shown[index]
        pattern = found.patterns[name]
        _draw_pattern(picture, pattern.response, radius)
        picture.set_title(_title(name, pattern))
        _draw_gain(gain, found[name], pattern.response)
        if index + columns < len(shown):
            gain.set_xlabel("")
        if column > 0:
            for panel in (picture, gain):
                panel.set_ylabel("")
                panel.tick_params(labelleft=False)
        axes[name] = (picture, gain)
    next(iter(axes.values()))[1].legend(loc="lower left", handlelength=1, borderaxespad=0)
    return fig, axes


def _spread(names: list[str]) -> list[str]:
    if len(names) <= _MOST:
        return names
    return [names[round(i * (len(names) - 1) / (_MOST - 1))] for i in range(_MOST)]


def _title(name: str, pattern: PrincipalPattern) -> str:
    short = name if len(name) <= _TITLE else f"…{name[1 - _TITLE :]}"
    score = "" if pattern.ring_cosine is None else f"\nring cosine {pattern.ring_cosine:.2f}".replace("-", "−")
    return f"{style.plain(short)}\nshare {pattern.share:.2f}{score}"


def _draw_pattern(axes: Axes, pattern: ImpulseResponse, radius: float) -> None:
    draw_response(axes, pattern, radius, default_limit(pattern, of_peak=1 if pattern.scale == 1 else 0.3))
    end = math.floor(axes.get_xlim()[1])
    axes.set(xlabel="", xticks=[-end, 0, end], yticks=[-end, 0, end])


def _draw_gain(axes: Axes, layer: ImpulseResponse, pattern: ImpulseResponse) -> None:
    for response, label, look in (
        (layer, "all channels", {"color": style.COLORS["LR"], "linewidth": 2}),
        (pattern, "pattern", {"color": style.COLORS["H"]}),
    ):
        frequency, gain = _section_db(response)
        axes.plot(frequency.cpu(), gain.cpu(), label=label, **look)
    axes.axvline(0.5, color="black", linewidth=0.7, linestyle="--")
    end = layer.scale / 2
    axes.set(xlim=(0, end), xticks=[0, end], ylim=(_FLOOR_DB, 5), ylabel="gain (dB)")
    axes.set_xlabel("$f_x$ (cycles / LR pixel)")


def _section_db(response: ImpulseResponse) -> tuple[Tensor, Tensor]:
    """Frequencies from 0 in cycles per LR pixel, and the root mean square of the channels' gains over the largest."""
    found = response.transfer_function()
    middle_y, middle_x = (len(f) // 2 for f in (found.frequency_y, found.frequency_x))
    gain = found.gain[:, middle_y].abs().square().mean(0).sqrt()
    gain = (gain / gain.max()).log10().mul(20).clamp(min=_FLOOR_DB - 20)
    # One period, from the frequency 0 that lies in its middle and around its end.
    order = [*range(middle_x, len(gain)), *range(middle_x)][: len(gain) // 2 + 1]
    return found.frequency_x[order].abs() * float(response.scale), gain[order]
