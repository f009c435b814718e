"""The impulse response over the height of the impulse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from hyra._util.table import or_nan
from hyra.plots import style
from hyra.probing.amplitude import AmplitudeSweep
from hyra.probing.impulse import explodes
from hyra.results.figures import draws

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@draws(AmplitudeSweep)
@style.figure
def amplitude_sweep(sweep: AmplitudeSweep, *, radius: float = 4) -> tuple[Figure, Any]:
    """Sections of the responses at all amplitudes, and their likeness to the sinc and to the local response.

    Sections of responses that explode are left out, and their distances run out of the panel, which has room for the
    others.

    Args:
        sweep: what `HyRA.amplitude_sweep` returned.
        radius: how much of the sections to show, in LR pixels on each side of the centre.

    Returns:
        The figure and its three axes: sections, ring cosine, distance from the local response.
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import SymLogNorm

    fig, axes = plt.subplots(1, 3, figsize=(style.PAGE, 0.32 * style.PAGE), width_ratios=(1.5, 1, 1))
    sections, likeness, distance = axes
    smallest, largest = (f(abs(a) for a in sweep.amplitudes) for f in (min, max))
    norm = SymLogNorm(smallest, vmin=-largest, vmax=largest, base=10)
    colors = plt.get_cmap("coolwarm")
    sound = [not explodes(response.response) for response in sweep.responses]
    for response in (r for r, s in zip(sweep.responses, sound, strict=True) if s or not any(sound)):
        t, values = (x.cpu() for x in response.profile())
        sections.plot(t, values, color=colors(norm(response.amplitude)), linewidth=0.9)
    if sweep.local is not None:
        t, values = (x.cpu() for x in sweep.local.profile())
        sections.plot(t, values, "--", color="black", linewidth=0.9, label="local (jvp)")
        sections.legend(loc="upper left")
    bar = fig.colorbar(plt.cm.ScalarMappable(norm, colors), ax=sections, fraction=0.05, pad=0.02)
    bar.set_label("amplitude")
    sections.set(xlim=(-radius, radius), xlabel="distance from the centre (LR pixels)", ylabel="response / amplitude")

    ring = torch.tensor([or_nan(fit.ring_cosine) for fit in sweep.fits], dtype=torch.float64, device="cpu")
    for panel, values, label in (
        (likeness, ring, "ring cosine to the sinc"),
        (distance, sweep.distance, "distance from the local response"),
    ):
        panel.plot(sweep.amplitudes, values, ".-", color=style.COLORS["H"])
        panel.set_xscale("symlog", linthresh=smallest)
        panel.set(xlabel="amplitude", ylabel=label)
        panel.set_xticks([-largest, -smallest, smallest, largest])
        panel.minorticks_off()
    if sweep.local is not None:
        local = or_nan(sweep.local.fit_sinc().ring_cosine)
        likeness.axhline(local, color="black", linestyle="--", linewidth=0.7)
        ring = torch.cat([ring, ring.new_tensor([local])])
    likeness.set_ylim(min(0.0, float(ring.nan_to_num().min()) - 0.05), 1.02)
    farthest = sweep.distance.cpu()[sound].amax() if any(sound) else sweep.distance.amax()
    if farthest.isfinite():
        distance.set_ylim(0, 1.05 * float(farthest) or 1.0)
    return fig, axes
