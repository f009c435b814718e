"""How much the response depends on the operating point: the paper's, and small changes of a grey image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyra._util.table import number, or_nan
from hyra.analyzer import HyRA
from hyra.filters.response import ImpulseResponse
from hyra.filters.restoration import Restoration
from hyra.network.forward import NetworkError
from hyra.probing.impulse import responses_of_seeds
from hyra.probing.operating_point import OperatingPoint
from hyra.probing.seeds import jackknife, mean_of

PAPER = OperatingPoint(form="affine")
LOCAL = OperatingPoint(background=0.5, mode="jvp")


@dataclass(frozen=True)
class Characteristics:
    """What the response is like at an operating point; all values are ideal at 1, 0.5 and 1 but for `main_lobe`.

    `probe` is the operating point in words; the name is that in `summary.json`. At scale 1, where no sinc is the ideal,
    likeness and cut-off are None, and `mtf50` and `noise_gain` are those of `hyra.filters.restoration`, which are None
    at others. `standard_errors` are of the values by their names, for several seeds.
    """

    probe: str
    ring_cosine: float | None
    cutoff: float | None
    main_lobe: float
    dc_gain: float
    mtf50: float | None = None
    noise_gain: float | None = None
    standard_errors: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, draws: Sequence[ImpulseResponse]) -> Characteristics:
        """Of the response with each seed."""
        values = _values(mean_of(draws))
        errors: dict[str, float] = {}
        if len(draws) > 1:
            names = [name for name, value in values.items() if value is not None]
            told = jackknife(draws, lambda some: [or_nan(_values(mean_of(some))[name]) for name in names])
            errors = dict(zip(names, told, strict=True))
        return cls(str(OperatingPoint.of(draws[0])), standard_errors=errors, **values)

    def row(self) -> tuple[str, ...]:
        """The cells of a table."""
        return self.probe, *(self._cell(name) for name in _columns(self))

    def _cell(self, name: str) -> str:
        error = self.standard_errors.get(name)
        return number(getattr(self, name)).replace("-", "−") + ("" if error is None else f" ± {error:.1g}")


def head(rows: Sequence[Characteristics]) -> tuple[str, ...]:
    """The headings over `Characteristics.row`."""
    return "operating point", *(_HEADS[name] for name in _columns(rows[0]))


_HEADS = {
    "ring_cosine": "likeness to the sinc, side lobes",
    "cutoff": "cut-off",
    "mtf50": "MTF50",
    "noise_gain": "amplification of noise",
    "main_lobe": "main lobe",
    "dc_gain": "DC gain",
}


def _columns(row: Characteristics) -> list[str]:
    hidden = ("ring_cosine", "cutoff") if row.ring_cosine is None else ("mtf50", "noise_gain")
    return [name for name in _HEADS if name not in hidden]


def _values(response: ImpulseResponse) -> dict[str, Any]:
    values: dict[str, float | None] = dict.fromkeys(("ring_cosine", "cutoff", "mtf50", "noise_gain"))
    if response.scale == 1:
        restoration = Restoration.of(response)
        values |= {"mtf50": restoration.mtf50, "noise_gain": restoration.noise_gain}
    else:
        fit = response.fit_sinc()
        values |= {"ring_cosine": fit.ring_cosine, "cutoff": fit.cutoff}
    return {**values, "main_lobe": response.main_lobe, "dc_gain": float(response.dc_gain.mean())}


def compare(model: HyRA, seeds: int = 1) -> list[Characteristics]:
    """Both operating points, less what the network makes of the background alone; those that can be measured."""
    rows = []
    for point in (PAPER, LOCAL):
        try:
            draws = responses_of_seeds(model.network, point, seeds)
        except NetworkError:
            if point is PAPER:
                raise
            continue  # an operation of the network has no derivative
        if all(response.is_finite for response in draws):
            rows.append(Characteristics.of(draws))
    return rows
