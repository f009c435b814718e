"""Networks side by side, and the low-pass filter over its cut-off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from hyra._util.table import number, or_nan
from hyra.evaluate.lowpass.comparison import ComparedModel, ModelComparison
from hyra.evaluate.lowpass.scales import ScaleSweep
from hyra.evaluate.lowpass.sweep import LowpassSweep
from hyra.plots import style
from hyra.plots.bands import band_note, picture
from hyra.plots.response import draw_response, off_centre
from hyra.results.figures import draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hyra.filters.response import ImpulseResponse


_LIMIT = 0.3
_PANEL = 1.35
_CROP = 48
_EXPLODED = 4


@draws(ModelComparison)
@style.figure
def model_comparison(comparison: ModelComparison, *, radius: float = 5) -> tuple[Figure, list[list[Axes]]]:
    """The ideal sinc, then every network: response, section, and the middle of the output if there is an image.

    All responses share one scale of colours, which saturates at 0.3 of the ideal main lobe, and all sections one axis.

    Args:
        comparison: what `hyra.compare_models` returned.
        radius: how much of the responses to show, in LR pixels on each side of the centre.

    Returns:
        The figure and its axes, a list for each row; the first column is the ideal's.
    """
    import matplotlib.pyplot as plt

    models = comparison.models
    outputs = any(model.output is not None for model in models)
    columns, rows = len(models) + 1, 3 if outputs else 2
    width = max(style.PAGE, columns * _PANEL)
    side = width / columns
    heights = [1.0, 0.8, 1.0][:rows]
    size = (width, sum(heights) * side + 0.5)
    fig, axes = plt.subplots(rows, columns, figsize=size, height_ratios=heights, squeeze=False)
    ideal = _ideal(models[0].response.density, radius)
    for column, response in enumerate([ideal, *(model.response for model in models)]):
        picture, section = axes[:2, column]
        draw_response(picture, response, radius, _LIMIT)
        _draw_section(section, response, radius)
        for panel in (picture, section):
            if column:
                panel.set_ylabel("")
                panel.tick_params(labelleft=False)
        picture.set_xlabel("")
    low, high = _heights([model.response for model in models])
    for section in axes[1]:
        section.set_ylim(low, high)
    axes[0, 0].set_title("ideal sinc")
    axes[1, 0].set_ylabel("section")
    for column, model in enumerate(models, 1):
        axes[0, column].set_title(f"{style.plain(_short(model.name))}\nring cosine {number(model.fit.ring_cosine)}")
    if outputs:
        scale = models[0].response.scale
        _draw_image(axes[2, 0], comparison.target, scale, "reference" if comparison.target is not None else "")
        for panel, model in zip(axes[2, 1:], models, strict=True):
            _draw_image(panel, model.output, model.response.scale, _scores(model))
    return fig, axes.tolist()


def _ideal(scale: int, radius: float) -> ImpulseResponse:
    """The response of the ideal interpolator, as far as it is shown."""
    from hyra.filters.response import ImpulseResponse

    reach = math.ceil(radius) + 1
    origin = scale * reach
    t = (torch.arange(scale * (2 * reach + 1), dtype=torch.float64, device="cpu") - origin - (scale - 1) / 2) / scale
    line = torch.sinc(t)
    return ImpulseResponse((line[:, None] * line)[None], scale, (origin, origin))


def _draw_section(axes: Axes, response: ImpulseResponse, radius: float) -> None:
    """Along x through the centre: points for the response, a dashed curve for the ideal on the same rows."""
    t = torch.linspace(-radius, radius, 501, dtype=torch.float64, device="cpu")
    axes.axhline(0, color="black", linewidth=0.4)
    axes.plot(t, torch.sinc(off_centre(response)) * torch.sinc(t), "--", color=style.COLORS["ideal"], linewidth=0.7)
    position, values = (x.cpu().numpy() for x in response.profile("x"))
    axes.plot(position, values, ".", color=style.COLORS["H"], markersize=2.5)
    axes.set(xlim=(-radius, radius), xlabel="x (LR pixels)")


def _heights(responses: Sequence[ImpulseResponse]) -> tuple[float, float]:
    """Limits for all sections: room for every value, but for those of networks that explode."""
    values = torch.cat([response.profile("x")[1].cpu() for response in responses])
    usual = values[values.abs() < _EXPLODED]
    low, high = (float(usual.min()), float(usual.max())) if len(usual) else (0.0, 0.0)
    return min(-0.3, low) - 0.05, max(1.15, high) + 0.1


def _draw_image(axes: Axes, image: Tensor | None, scale: int | Fraction, title: str) -> None:
    """The middle of an image: as much as 48 LR pixels."""
    axes.set_axis_off()
    if image is None:
        return
    extent = math.floor(_CROP * scale)
    top, left = (max(0, (n - extent) // 2) for n in image.shape[-2:])
    axes.imshow(picture(image[:, top : top + extent, left : left + extent]), interpolation="nearest")
    axes.set_title("\n".join(filter(None, (title, band_note(len(image))))))


def _scores(model: ComparedModel) -> str:
    return "" if model.psnr is None else f"PSNR {model.psnr:.2f} dB\nFSDS {model.fsds:.2f} dB"


def _short(name: str, limit: int = 24) -> str:
    return name if len(name) <= limit else f"{name[: limit - 1]}…"


_LABELS = {"psnr": "PSNR (dB)", "ssim": "SSIM", "fsds": "FSDS (dB)"}


@draws(LowpassSweep)
@style.figure
def lowpass_sweep(sweep: LowpassSweep) -> tuple[Figure, tuple[Axes, ...]]:
    """PSNR, SSIM and FSDS over the cut-off: the mean over the images, each image faintly, and the best of the mean.

    Args:
        sweep: what `hyra.lowpass_sweep` returned.

    Returns:
        The figure and its three axes.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 3, figsize=(style.PAGE, 0.33 * style.PAGE))
    cutoff = sweep.cutoff.numpy()
    for panel, (score, label), color in zip(axes, _LABELS.items(), style.SERIES, strict=False):
        each = getattr(sweep, score).numpy()
        if len(each) > 1:
            panel.plot(cutoff, each.T, color=color, alpha=0.25, linewidth=0.5)
        panel.plot(cutoff, each.mean(0), color=color)
        where, value = sweep.best(score)
        panel.plot(where, value, "o", color=color, markersize=4)
        panel.axvline(0.5, color="black", linewidth=0.6, linestyle="--")
        panel.set_title(f"best {value:.4g} at {where:.2f}")
        panel.set(xlabel="cut-off (cycles / LR pixel)", ylabel=label, xlim=_limits(cutoff))
    axes[0].text(
        0.5, 0.02, "LR Nyquist ", transform=axes[0].get_xaxis_transform(), ha="right", rotation=90, fontsize=6.5
    )
    return fig, tuple(axes)


@draws(ScaleSweep)
@style.figure
def scale_sweep(sweep: ScaleSweep) -> tuple[Figure, tuple[Axes, Axes]]:
    """Cut-off and ring cosine over the scale; the ideal interpolator's are the dashed lines.

    Args:
        sweep: what `hyra.scale_sweep` returned.

    Returns:
        The figure and its two axes.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(style.PAGE, 0.36 * style.PAGE))
    scales = [float(scale) for scale in sweep.scales]
    cutoffs = [fit.cutoff for fit in sweep.fits]
    cosines = [or_nan(fit.ring_cosine) for fit in sweep.fits]
    for panel, values, ideal, label in (
        (axes[0], cutoffs, 0.5, "cut-off (cycles / LR pixel)"),
        (axes[1], cosines, 1.0, "ring cosine to the sinc"),
    ):
        panel.axhline(ideal, color=style.COLORS["ideal"], linestyle="--", linewidth=0.8, label="ideal")
        panel.plot(scales, values, "-", color=style.COLORS["H"], linewidth=0.8)
        for whole, fill, name in ((True, None, "integer scale"), (False, "white", "fraction")):
            chosen = [i for i, scale in enumerate(sweep.scales) if isinstance(scale, int) == whole]
            points = ([scales[i] for i in chosen], [values[i] for i in chosen])
            panel.plot(*points, "o", color=style.COLORS["H"], markerfacecolor=fill, markersize=4, label=name)
        finite = [value for value in values if math.isfinite(value)]
        low, high = min([*finite, 0.0]), max([*finite, ideal])
        margin = 0.05 * (high - low)
        panel.set(xlabel="scale (HR pixels / LR pixel)", ylabel=label, ylim=(low - margin, high + margin))
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig, (axes[0], axes[1])


def _limits(cutoff: np.ndarray) -> tuple[float, float]:
    margin = 0.03 * (cutoff[-1] - cutoff[0]) or 0.1
    return min(cutoff[0], 0.5) - margin, max(cutoff[-1], 0.5) + margin
