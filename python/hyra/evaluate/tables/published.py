"""Published means, to put beside one's own: Table 1 of the paper, and what it was measured on."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

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
_IMAGES = 100
_PROTOCOL = (
    "Published: Table 1 of Deng et al. (ICML 2024), means over the 100 images of DIV2K validation, 8-bit PNG files, "
    "RGB, no border cut; SSIM by torchmetrics, LPIPS with SqueezeNet, fed 0..1 where it expects -1..1, FSDS divided by "
    "the SR image's energy. It has no intervals and is not ranked."
)


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


def remarks(plan: Plan, images: int) -> list[str]:
    """What the published numbers were measured on, and how one's own differ from that."""
    other = []
    if plan.protocol != "paper":
        other.append(f"the protocol {plan.protocol!r} in place of 'paper'")
    if plan.modcrop:
        other.append("references cut to a multiple of the scale")
    if "ssim" in plan.scores:
        other.append("SSIM as MATLAB computes it ('ssim:torchmetrics' is the published form)")
    if "lpips" in plan.scores:
        other.append("LPIPS with AlexNet in its own range ('lpips:paper' is the published form)")
    if images != _IMAGES:
        other.append(f"{images} images" if images != 1 else "1 image")
    return [_PROTOCOL, *([f"Measured here otherwise: {'; '.join(other)}."] if other else [])]


def _mean(name: str, value: float) -> Mean:
    return Mean(name, value, math.nan, math.nan, 0)


@cache
def _table() -> dict[tuple[str, float], dict[str, float]]:
    text = files("hyra.evaluate.tables").joinpath("data", "table1.csv").read_text(encoding="utf-8")
    table: dict[tuple[str, float], dict[str, float]] = {}
    for line in csv.DictReader(text.splitlines()):
        table.setdefault((line["method"], float(line["scale"])), {})[line["metric"]] = float(line["value"])
    return table
