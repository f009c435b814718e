"""How much the response depends on where it is measured: the paper's probe, and small changes of a grey image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from hyra._util.table import number
from hyra.analyzer import HyRA
from hyra.filters.response import ImpulseResponse
from hyra.network.wrapper import NetworkError

PAPER = {"amplitude": 1.0, "background": 0.0, "form": "affine"}
LOCAL = {"background": 0.5, "mode": "jvp"}


@dataclass(frozen=True)
class OperatingPoint:
    """What the response is like at one operating point; all values are ideal at 1, 0.5 and 1 but for `main_lobe`."""

    probe: str
    ring_cosine: float
    cutoff: float
    main_lobe: float
    dc_gain: float

    HEAD: ClassVar = ("operating point", "likeness to the sinc, side lobes", "cut-off", "main lobe", "DC gain")

    def row(self) -> tuple[str, ...]:
        """The cells of a table."""
        values = (self.ring_cosine, self.cutoff, self.main_lobe, self.dc_gain)
        return self.probe, *(number(value).replace("-", "−") for value in values)


def compare(model: HyRA) -> list[OperatingPoint]:
    """Both operating points, less what the network makes of the background alone; those that can be measured."""
    points = []
    for probe in (PAPER, LOCAL):
        try:
            response = model.impulse_response(**probe)  # type: ignore[arg-type]  # one mapping for unlike arguments
        except NetworkError:
            if probe is PAPER:
                raise
            continue  # an operation of the network has no forward-mode derivative
        if not response.is_finite:
            continue
        fit = response.fit_sinc()
        gain = float(response.dc_gain.mean())
        points.append(OperatingPoint(describe(response), fit.ring_cosine, fit.cutoff, response.main_lobe, gain))
    return points


def describe(response: ImpulseResponse) -> str:
    """The operating point in words."""
    background = "an image" if isinstance(response.background, Tensor) else _level(response.background)
    channels = "each colour" if response.response.ndim == 4 else "all colours"
    if response.mode == "jvp":
        return f"derivative at {background}, {channels}"
    return f"a pixel of {response.amplitude:g} on {background}, {channels}, {response.form} form"


def _level(value: float) -> str:
    return {0.0: "black", 1.0: "white"}.get(value, f"grey {value:g}")
