"""Which pixels of one image a network uses, and what its layers do to that image's frequencies."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass

from torch import Tensor

from hyra.analyzer import HyRA
from hyra.attribution.layer_spectra import LayerSpectra
from hyra.attribution.maps import Attribution
from hyra.attribution.receptive_field import EffectiveReceptiveField
from hyra.network.gradients import MissingGradients
from hyra.report import text

_WINDOWS = 2
_BATCH = 4
"""Images a run: a fixed number, so that a report has the same numbers to the last digit every time."""
_LEAST = 3
"""LR pixels a side."""
_SIDE = 128
"""LR pixels of the image's middle that are looked at, so that large images take seconds too."""


@dataclass(frozen=True)
class Inside:
    """What `measure` found.

    Attributes:
        attribution: of the windows that have most detail.
        field: None if no gradients pass through the network.
        layers: None if the network is no module whose layers can be watched, or has none on the image's grid.
    """

    attribution: Attribution
    field: EffectiveReceptiveField | None
    layers: LayerSpectra | None

    def numbers(self) -> dict[str, float]:
        """For `summary.json`, by name."""
        found = {"diffusion_index": float(self.attribution.diffusion_index.mean())}
        if self.field is not None:
            found |= {f"erf_radius_{share}": self.field.radius(share / 100) for share in (50, 90, 99)}
            found |= {"erf_anisotropy": self.field.anisotropy}
        return found

    def paragraphs(self) -> list[str]:
        """What the numbers say, in words."""
        indices = " and ".join(f"{index:.2f}" for index in self.attribution.diffusion_index.tolist())
        said = [text.ATTRIBUTION.format(indices=indices)]
        if self.field is not None:
            radii = {f"r{share}": self.field.radius(share / 100) for share in (50, 90, 99)}
            said.append(text.FIELD.format(**radii))
        return said


def check_size(lr: Tensor) -> None:
    """There is room for the windows, and for the blur of attribution."""
    if min(lr.shape[1:]) < _LEAST:
        came = "x".join(map(str, lr.shape[1:]))
        raise ValueError(f"lr must be at least {_LEAST} pixels a side to look inside the network, got {came}")


def measure(model: HyRA, lr: Tensor) -> Inside:
    """Of the middle of an image `[C, h, w]`."""
    height, width = lr.shape[1:]
    rows, columns = (slice(max(0, (n - _SIDE) // 2), max(0, (n - _SIDE) // 2) + _SIDE) for n in (height, width))
    middle = lr[:, rows, columns]
    smaller = min(middle.shape[1:])
    side = min(16, max(1, math.floor(model.scale * smaller / 4)))
    sigma = min(1.2, (smaller - 1) / 3.5)
    attribution = model.attribution(middle, _WINDOWS, side=side, sigma=sigma, batch_size=_BATCH, progress=False)
    field = None
    if isinstance(model.scale, int):
        with suppress(MissingGradients):
            field = model.erf(middle, progress=False)
    layers = None
    if model.network.module is not None:
        try:
            layers = model.layer_spectra(middle, black=True)
        except ValueError:  # a program whose layers cannot be watched
            layers = None
    return Inside(attribution, field, layers if layers else None)
