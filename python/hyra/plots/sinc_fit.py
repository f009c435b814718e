"""A windowed sinc on its own, without the response that it was fitted to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from hyra.filters.sinc import SincFit
from hyra.plots import style
from hyra.results.figures import draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
    t = torch.linspace(-radius, radius, 1001, dtype=torch.float64)
    fitted = fit.gain * fit.kernel(t.new_zeros(1)) * fit.kernel(t)
    section.axhline(0, color="black", linewidth=0.4)
    section.plot(t, torch.sinc(t), "--", color=style.COLORS["ideal"], label="ideal sinc")
    section.plot(t, fitted, color=style.COLORS["fit"], label=f"fit: {fit.window}, cut-off {fit.cutoff:.2f}")
    section.set(xlim=(-radius, radius), xlabel="distance from the centre (LR pixels)", ylabel="response")
    section.set_title(f"ring cosine {fit.ring_cosine:.3f}, cosine {fit.similarity:.3f}")
    section.legend(loc="upper right", borderaxespad=0)

    names = sorted(fit.residuals, key=lambda name: -fit.residuals[name])
    colors = [style.COLORS["fit"] if name == fit.window else style.COLORS["LR"] for name in names]
    bars = families.barh(names, [fit.residuals[name] for name in names], color=colors)
    families.bar_label(bars, fmt="%.3g", padding=2, fontsize=7)
    families.margins(x=0.2)
    families.set(xlabel="residual of its best fit, relative")
    return fig, (section, families)
