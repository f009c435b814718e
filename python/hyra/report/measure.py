"""Everything that a report measures, before a word of it is written."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from hyra._util.warnings import recorded
from hyra.analyzer import HyRA
from hyra.environment import environment
from hyra.filters.response import ImpulseResponse
from hyra.filters.sinc import SincFit
from hyra.plots.bands import band_note
from hyra.probing.impulse import responses_of_seeds
from hyra.probing.operating_point import OperatingPoint
from hyra.probing.probe import Probe
from hyra.probing.seeds import mean_of
from hyra.report import inside, local, numbers, operating_points
from hyra.report.inside import Inside
from hyra.report.local import OverImage
from hyra.report.numbers import Number
from hyra.report.operating_points import Characteristics
from hyra.report.quality import Quality, compare
from hyra.split.parts import BAND_WIDTH, Decomposition

Log = Callable[[str], None]


@dataclass(frozen=True)
class Measurements:
    """What is known about a network and one image.

    Attributes:
        response: the impulse response.
        fit: the sinc fitted to it; None if the response is not finite, and then there are no `numbers`.
        split: what the network makes of the image, as H + G.
        numbers: of the response and of the split.
        characteristics: of the response at the paper's operating point, and for small changes.
        places: responses all over the image, if they were asked for.
        spread: what they say together.
        inside: which pixels the network uses and what its layers do, if that was asked for.
        quality: scores beside bicubic's, if there is a reference.
        messages: of the warnings on the way.
        facts: what a reader should know of how this was measured.
        colour: the image in RGB, where the network got its luma.
    """

    response: ImpulseResponse
    fit: SincFit | None
    split: Decomposition
    numbers: list[Number]
    characteristics: list[Characteristics]
    places: Probe | None
    spread: OverImage | None
    inside: Inside | None
    quality: list[Quality]
    messages: list[str]
    facts: dict[str, str]
    colour: Tensor | None = None

    def summary(self) -> dict[str, Any]:
        """What `summary.json` holds: see `hyra.report.write`."""
        return {
            "numbers": {number.key: _json(number.value) for number in self.numbers},
            "standard_errors": {n.key: _json(n.error) for n in self.numbers if n.error is not None},
            "band_shares": _fields(self.split.band_shares(BAND_WIDTH)),
            "operating_points": [_fields(row) for row in self.characteristics],
            "over_image": None if self.spread is None else _fields(self.spread),
            "inside": None if self.inside is None else {k: _json(v) for k, v in self.inside.numbers().items()},
            "quality": [_fields(row) for row in self.quality],
            "warnings": self.messages,
            "provenance": self.facts,
        }


def measure(
    model: HyRA,
    lr: Tensor,
    folder: Path,
    *,
    colour: Tensor | None,
    hr: Tensor | None,
    boundary: str,
    point: OperatingPoint,
    size: int | None,
    tile: int | None,
    halo: int | None,
    over_image: bool,
    look_inside: bool,
    seeds: int,
    provenance: Mapping[str, str],
    log: Log,
) -> Measurements:
    """Measure, and save response and decomposition in `folder` as soon as they are there."""
    with _messages() as messages:
        log("measuring the impulse response")
        draws = responses_of_seeds(model.network, point, seeds, size=size)
        response = mean_of(draws)
        response.save(folder / "response.safetensors")
        log("splitting the output into H and G")
        split = model.decompose(lr, boundary, response, tile=tile, halo=halo, seeds=seeds)
        split.save(folder / "decomposition.safetensors")
        quality = [] if hr is None else compare(split.input, split.output, hr, response.scale)
        log("comparing operating points")
        characteristics = operating_points.compare(model, seeds) if response.is_finite else []
        places = spread = None
        if over_image and response.scale > 1:  # its places differ in their likeness to the sinc
            log("measuring responses over the image")
            places, spread = local.measure(model, lr)
        within = None
        if look_inside:
            log("finding the pixels that it uses, and what its layers do")
            within = inside.measure(model, lr)
    fit, measured = None, []
    if response.is_finite:
        log("fitting the sinc")
        fit = response.fit_sinc()
        measured = _numbers(model, draws, fit) + numbers.of_split(split)
    if note := band_note(len(lr)):
        provenance = {**provenance, "pictures": note}
    tiles = "" if tile is None else f", tiles of {tile}"
    image = f"{lr.shape[-1]}×{lr.shape[-2]} pixels, {boundary} boundary{tiles}"
    facts = {
        "scale": f"×{response.scale}",
        "probe": str(OperatingPoint.of(response)),
        **response.provenance,
        **({"seeds": f"{seeds}: numbers are means, ± is their standard error"} if seeds > 1 else {}),
        "input": image,
        **environment(),
    }
    facts = {**provenance, **facts, **provenance}  # the caller's come first, and hold
    return Measurements(
        response, fit, split, measured, characteristics, places, spread, within, quality, messages, facts, colour
    )


def _numbers(model: HyRA, draws: Sequence[ImpulseResponse], fit: SincFit) -> list[Number]:
    """Those of the response; of a network at scale 1 those of a restoration."""
    if draws[0].scale > 1:
        return numbers.of_response(draws, fit)
    point = OperatingPoint.of(draws[0])
    with recorded():
        sweep = model.amplitude_sweep(background=point.background, seeds=len(draws))
        probe = model.probe(
            amplitude=point.amplitude or 1.0,
            background=point.background,
            form=point.form,
            mode=point.mode,
            progress=False,
            seeds=len(draws),
        )
    return numbers.of_restoration(draws, sweep, probe)


@contextmanager
def _messages() -> Iterator[list[str]]:
    """Collect the messages of warnings, each once, and let them through at the end."""
    messages: list[str] = []
    with recorded() as caught:
        yield messages
    for message, warning in {str(warning.message): warning for warning in caught}.items():
        messages.append(message)
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _fields(row: object) -> dict[str, Any]:
    return {key: _json(value) for key, value in vars(row).items()}


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, Tensor):
        return [_json(item) for item in value.tolist()]
    if isinstance(value, Fraction):
        return float(value)
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
