"""How much the response depends on the operating point: the paper's, and small changes of a grey image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hyra._util.table import number, or_nan
from hyra.analyzer import HyRA
from hyra.network.forward import NetworkError
from hyra.probing.impulse import impulse_response
from hyra.probing.operating_point import OperatingPoint

PAPER = OperatingPoint(form="affine")
LOCAL = OperatingPoint(background=0.5, mode="jvp")


@dataclass(frozen=True)
class Characteristics:
    """What the response is like at an operating point; all values are ideal at 1, 0.5 and 1 but for `main_lobe`.

    `probe` is the operating point in words; the name is that in `summary.json`.
    """

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


def compare(model: HyRA) -> list[Characteristics]:
    """Both operating points, less what the network makes of the background alone; those that can be measured."""
    rows = []
    for point in (PAPER, LOCAL):
        try:
            response = impulse_response(model.network, point)
        except NetworkError:
            if point is PAPER:
                raise
            continue  # an operation of the network has no forward-mode derivative
        if not response.is_finite:
            continue
        fit = response.fit_sinc()
        gain = float(response.dc_gain.mean())
        rows.append(Characteristics(str(point), or_nan(fit.ring_cosine), fit.cutoff, response.main_lobe, gain))
    return rows
