"""Published means, to put beside one's own: Table 1 of the paper, and what it was measured on."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Self

from hyra.evaluate.tables.summary import Mean, Summary
from hyra.evaluate.work.plan import Plan

SOURCES = ("paper",)
"""What there is to put beside a table."""

_METRICS = {
    "psnr": "PSNR",
    "ssim": "SSIM",
    "ssim:torchmetrics": "SSIM",
    "fsds": "FSDS",
    "lpips": "LPIPS",
    "lpips:paper": "LPIPS",
}
"""The column of Table 1 that stands beside a score."""
_OTHER_FORMS = {
    "ssim": "SSIM as MATLAB computes it ('ssim:torchmetrics' is the published form)",
    "lpips": "LPIPS with AlexNet in its own range ('lpips:paper' is the published form)",
}
"""Scores that are another form of the published column."""
_IMAGES = frozenset(f"{number:04}" for number in range(801, 901))
_PROTOCOL = (
    "Published: Table 1 of Deng et al. (ICML 2024), means over the 100 images of DIV2K validation, 8-bit PNG files, "
    "RGB, no border cut; SSIM by torchmetrics, LPIPS with SqueezeNet, fed 0..1 where it expects -1..1, FSDS divided by "
    "the SR image's energy. It has no intervals and is not ranked."
)


@dataclass(frozen=True)
class Published:
    """What of Table 1 stands beside a run.

    Attributes:
        plan: what the run measured.
        images: the names of its images.
        asked: the methods that were asked for, in lower case, beside those of the run's own names.
    """

    plan: Plan
    images: Collection[str]
    asked: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str, plan: Plan, images: Collection[str]) -> Self:
        """From ``paper``, or with methods: ``paper:HAT,EDSR``.

        Raises:
            ValueError: there is no such source, or no such method in it.
        """
        source, colon, listed = text.partition(":")
        if source not in SOURCES:
            raise ValueError(f"against must be one of {', '.join(SOURCES)}, got {text!r}")
        names = [name.strip() for name in listed.split(",")] if colon else []
        known = list(dict.fromkeys(method for method, _ in _table()))
        if unknown := [name for name in names if name.lower() not in map(str.lower, known)]:
            raise ValueError(f"against must name methods of Table 1 ({', '.join(known)}), got {', '.join(unknown)}")
        return cls(plan, images, frozenset(map(str.lower, names)))

    def rows(self, scale: float, methods: Iterable[str]) -> list[Summary]:
        """Those at a scale that are of a method of the run, of the same images, or that were asked for."""
        own = set(map(str.lower, methods)) if self._is_of_these_images else set()
        lines = summaries(scale, self.plan.scores)
        return [line for line in lines if line.method.lower() in own | self.asked]

    def difference(self, ours: Summary, theirs: Summary) -> Summary | None:
        """The measured means less the published ones, of scores of the same form; None where something else differs."""
        if self._obstacles():
            return None

        def less(mean: Mean) -> Mean:
            other = math.nan if mean.score in _OTHER_FORMS else theirs.mean(mean.score).value
            return Mean(mean.score, mean.value - other, math.nan, math.nan, 0)

        return Summary(ours.method, ours.scale, tuple(map(less, ours.means)), 0)

    def remarks(self, rows: int) -> list[str]:
        """What the published numbers were measured on, and why there is no difference, or no row."""
        remarks = [_PROTOCOL]
        other = [*self._obstacles(), *(_OTHER_FORMS[name] for name in self.plan.scores if name in _OTHER_FORMS)]
        if other:
            remarks.append(f"Measured here otherwise, so without a difference: {'; '.join(other)}.")
        if not rows:
            why = "has none of these methods at this scale" if self._is_of_these_images else "is of other images"
            remarks.append(f"Table 1 {why}: no row of it is shown. Those of a method are, with --against paper:METHOD.")
        return remarks

    @property
    def _is_of_these_images(self) -> bool:
        return bool(self.images) and _IMAGES.issuperset(self.images)

    def _obstacles(self) -> list[str]:
        """What of all scores is otherwise."""
        other = []
        if self.plan.protocol != "paper":
            other.append(f"the protocol {self.plan.protocol!r} in place of 'paper'")
        if self.plan.modcrop:
            other.append("references cut to a multiple of the scale")
        if not self._is_of_these_images:
            other.append("other images than 0801 to 0900")
        elif (count := len(set(self.images))) < len(_IMAGES):
            other.append(f"{count} of the 100 images")
        return other


def summaries(scale: float, scores: Sequence[str]) -> list[Summary]:
    """The published means at a scale, by the names of one's own scores; NaN where there is none.

    Example:
        >>> [line.mean("psnr").value for line in summaries(4, ["psnr", "mae"]) if line.method == "EDSR"]
        [28.87]
    """
    return [
        Summary(method, at, tuple(_mean(name, values.get(_METRICS.get(name, ""), math.nan)) for name in scores), 0)
        for (method, at), values in _table().items()
        if at == scale
    ]


def _mean(name: str, value: float) -> Mean:
    return Mean(name, value, math.nan, math.nan, 0)


@cache
def _table() -> dict[tuple[str, float], dict[str, float]]:
    text = files("hyra.evaluate.tables").joinpath("data", "table1.csv").read_text(encoding="utf-8")
    table: dict[tuple[str, float], dict[str, float]] = {}
    for line in csv.DictReader(text.splitlines()):
        table.setdefault((line["method"], float(line["scale"])), {})[line["metric"]] = float(line["value"])
    return table
