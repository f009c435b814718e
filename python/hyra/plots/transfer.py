"""What the impulse response does to frequencies."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hyra.filters.transfer import TransferFunction
from hyra.plots import style
from hyra.results.figures import draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_FLOOR_DB, _TOP_DB = -60, 6


@draws(TransferFunction)
@style.figure
def transfer_function(found: TransferFunction, *, floor_db: float = _FLOOR_DB) -> tuple[Figure, tuple[Axes, Axes]]:
    """Gain over frequency, as a map and along the two axes of the frequency plane.

    Zero insertion repeats the LR spectrum around every whole frequency (in cycles per LR pixel). A perfect interpolator
    keeps what lies within 0.5 on both axes, the dashed square, and removes the copies, the crosses. At a scale p/q what
    lies beyond s / 2, the output's highest frequency, folds back into it.

    Args:
        found: what `ImpulseResponse.transfer_function` returned; its `white` is shown: the mean over the colours.
        floor_db: lowest gain shown; higher by as much as the largest gain exceeds 6 dB.

    Returns:
        The figure and its two axes, the map and the section.
    """
    import matplotlib.pyplot as plt

    fig, (plane, section) = plt.subplots(1, 2, figsize=(style.PAGE, 0.4 * style.PAGE), width_ratios=(1, 1.3))
    frequency, gain = _gain_db(found)
    top = max(_TOP_DB, float(gain.max()) + 1)
    limits = (top + floor_db - _TOP_DB, top)
    gain = gain.clamp(min=limits[0] - 20)  # out of sight
    image = draw_map(
        plane, frequency, gain, highest_frequency(found.scale), vmin=limits[0], vmax=top, cmap=style.AMPLITUDE
    )
    style.colorbar(image, plane, "gain (dB)", extend="min")

    middle_y, middle_x = (n // 2 for n in gain.shape)
    for name, f, values, line in (
        ("x", frequency[1], gain[middle_y], "-"),
        ("y", frequency[0], gain[:, middle_x], "--"),
    ):
        right = f >= 0
        label = f"along $f_{name}$"
        section.plot(f[right].numpy(), values[right].numpy(), line, color=style.SERIES[name == "y"], label=label)
    highest = highest_frequency(found.scale)
    draw_bands(section, highest)
    section.set(xlim=(0, highest), ylim=limits, ylabel="gain (dB)")
    section.legend(loc="upper right")
    return fig, (plane, section)


def _gain_db(found: TransferFunction) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Frequencies (y, x) in cycles per LR pixel, ascending, and the gain there."""
    scale = float(found.scale)
    frequency = (found.frequency_y.cpu() * scale, found.frequency_x.cpu() * scale)
    return frequency, (20 * found.white.abs().log10()).cpu()


def highest_frequency(scale: int | Fraction) -> float:
    """Up to where a transfer function is drawn, in cycles per LR pixel: the output's highest frequency.

    At a scale p/q twice as far, or as far as it goes: what lies there folds back into the output.
    """
    return float(min(scale, Fraction(scale.numerator, 2)))


def draw_map(axes: Axes, frequency: tuple[Tensor, Tensor], values: Tensor, highest: float, **look: Any) -> Any:
    """A quantity over the frequency plane, in cycles per LR pixel, with passband and copies marked."""
    bottom, top = _edges(frequency[0])
    left, right = _edges(frequency[1])
    image = axes.imshow(values.numpy(), origin="lower", extent=(left, right, bottom, top), aspect="auto", **look)
    axes.set_box_aspect(1)
    draw_passband(axes, highest)
    axes.set(xlim=(-highest, highest), ylim=(-highest, highest))
    axes.set(xlabel="$f_x$ (cycles / LR pixel)", ylabel="$f_y$ (cycles / LR pixel)")
    return image


def _edges(frequency: Tensor) -> tuple[float, float]:
    half = float(frequency[1] - frequency[0]) / 2 if len(frequency) > 1 else 0.5
    return float(frequency[0]) - half, float(frequency[-1]) + half


def draw_passband(axes: Axes, highest: float) -> None:
    """The dashed square of the LR band, and a cross at the centre of each of its copies."""
    square = ([-0.5, 0.5, 0.5, -0.5, -0.5], [-0.5, -0.5, 0.5, 0.5, -0.5])
    axes.plot(*square, "--", color="white", linewidth=0.8)
    whole = torch.arange(-int(highest), int(highest) + 1, device="cpu")
    copies = torch.cartesian_prod(whole, whole)
    copies = copies[(copies != 0).any(1)]
    axes.plot(*copies.T.flip(0).numpy(), "+", color="white", markersize=4, markeredgewidth=0.6)


def draw_bands(axes: Axes, highest: float) -> None:
    """On a frequency axis in cycles per LR pixel: the edge of the passband, and where the copies are centred."""
    axes.axvline(0.5, color="black", linewidth=0.7, linestyle="--")
    for copy in range(1, int(highest) + 1):
        axes.axvline(copy, color="black", linewidth=0.5, linestyle=":")
    axes.set_xlabel("frequency (cycles / LR pixel)")
    top = axes.get_xaxis_transform()
    axes.text(0.5, 1.01, "passband edge", transform=top, ha="center", va="bottom", fontsize=7)
    for copy in range(1, int(highest) + 1):
        axes.text(copy, 1.01, "copy", transform=top, ha="center", va="bottom", fontsize=7)
