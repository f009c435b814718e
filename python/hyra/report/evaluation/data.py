"""What the scripts of the page know of an evaluation, as values for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from hyra.evaluate.evaluation import Evaluation
from hyra.evaluate.scoring.score import Score
from hyra.evaluate.scoring.scores import score
from hyra.evaluate.work.tasks import Outcome
from hyra.plots.style import SERIES
from hyra.report.evaluation.examples import Example


def of(evaluation: Evaluation, shown: Sequence[Example], by: Score) -> dict[str, Any]:
    """Scores, each method's values at each scale, and the pairs that have pictures.

    An image is named once: its index stands for it. Of a score that is not finite JSON has only what JavaScript's
    `Number` reads from a text, and null for NaN.
    """
    scores = [score(name) for name in evaluation.run.plan.scores]
    images = {name: index for index, name in enumerate(dict.fromkeys(pair.image for pair in evaluation.outcomes))}
    groups: dict[tuple[str, float], list[Outcome]] = {}
    for outcome in evaluation.outcomes:
        groups.setdefault((outcome.method, outcome.scale), []).append(outcome)
    places = {key: index for index, key in enumerate(groups)}
    return {
        "scores": [_score(each) for each in scores],
        "images": list(images),
        "groups": [_group(key, group, images, scores) for key, group in groups.items()],
        "pairs": [_pair(each, places, images) for each in _in_order(shown, places)],
        "by": evaluation.run.plan.scores.index(by.name),
        "colours": SERIES,
    }


def _score(of: Score) -> dict[str, Any]:
    return {"name": of.name, "title": of.title, "digits": of.digits}


def _group(
    key: tuple[str, float], group: Sequence[Outcome], images: dict[str, int], scores: Sequence[Score]
) -> dict[str, Any]:
    return {
        "method": key[0],
        "scale": key[1],
        "images": [images[outcome.image] for outcome in group],
        "values": [_numbers(outcome.value(each.name) for outcome in group) for each in scores],
        "notes": {images[outcome.image]: reason for outcome in group if (reason := why(outcome))},
    }


def why(outcome: Outcome) -> str:
    """Why a pair lacks scores; nothing where it has all."""
    return "; ".join(dict.fromkeys(filter(None, (outcome.error, *outcome.notes.values()))))


def _numbers(values: Iterable[float]) -> list[float | str | None]:
    """Six digits, as many as anybody looks at, keep a page of many thousand pairs small."""
    infinite = {math.inf: "Infinity", -math.inf: "-Infinity"}
    return [None if math.isnan(v) else infinite.get(v, float(f"{v:.6g}")) for v in values]


def _in_order(shown: Iterable[Example], places: dict[tuple[str, float], int]) -> list[Example]:
    """Those that have pictures, by method: from the worst to the best."""

    def place(example: Example) -> tuple[int, bool, int]:
        best = example.end in ("best", "highest")
        return places[example.outcome.method, example.outcome.scale], best, -example.place if best else example.place

    return sorted((example for example in shown if example.pictures is not None), key=place)


def _pair(example: Example, places: dict[tuple[str, float], int], images: dict[str, int]) -> dict[str, Any]:
    outcome = example.outcome
    return {
        "group": places[outcome.method, outcome.scale],
        "image": images[outcome.image],
        "end": example.end,
        "place": example.place,
        **asdict(example.pictures),  # type: ignore[arg-type]  # only those with pictures
    }
