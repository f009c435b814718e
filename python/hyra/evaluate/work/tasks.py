"""The work of an evaluation: all predictions of one image, each pair on its own, in any process on any machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isnan, nan

from hyra._util.texts import message
from hyra.evaluate.scoring.pairs import Pair, Target
from hyra.evaluate.scoring.score import Score
from hyra.evaluate.work.keys import Key
from hyra.evaluate.work.plan import Plan
from hyra.evaluate.work.sources import Source


@dataclass(frozen=True)
class Prediction:
    """What one method made of an image."""

    method: str
    scale: float
    source: Source


@dataclass(frozen=True)
class Task:
    """An image, what all methods made of it, so its reference is decoded once, and what is known of it already."""

    image: str
    target: Source
    predictions: tuple[Prediction, ...]
    known: Mapping[Key, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came of one pair.

    Attributes:
        method: who made the prediction.
        scale: HR pixels per LR pixel.
        image: the name of both.
        preds: where the prediction comes from.
        target: where the reference comes from.
        values: the scores; NaN where the pair has none.
        notes: why a pair has no score, by the score's name.
        error: why nothing could be measured, None where it could.
    """

    method: str
    scale: float
    image: str
    preds: str
    target: str
    values: Mapping[Key, float] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None

    def value(self, name: str) -> float:
        """The score of that name, NaN where there is none."""
        return next((value for key, value in self.values.items() if key.name == name), nan)


def measure(task: Task, plan: Plan) -> Iterator[Outcome]:
    """Score the predictions of a task, one after the other; what is wrong with one is its outcome."""
    target: Target | None = None
    for prediction in task.predictions:
        place = (prediction.method, prediction.scale, task.image, prediction.source.name, task.target.name)
        try:
            measurement = plan.at(prediction.scale)
            contents = (prediction.source.digest, task.target.digest)
            columns = {column.key(*contents): column.score for column in measurement.columns}
            # Why a pair has no score is kept with a run, not with the score: it is asked again.
            values = {key: value for key in columns if not isnan(value := task.known.get(key, nan))}
            notes: dict[str, str] = {}
            if len(values) < len(columns):
                target = target or Target(task.target.read().to(plan.device))
                preds = prediction.source.read().to(plan.device)
                pair = target.pair(
                    preds,
                    measurement.protocol,
                    scale=prediction.scale,
                    modcrop=plan.modcrop,
                    differences=measurement.differences,
                )
                for key, wanted in columns.items():
                    if key not in values:
                        values[key], note = _value(pair, wanted)
                        notes |= {key.name: note} if note else {}
            elif not prediction.source.is_kept:
                prediction.source.read()
            yield Outcome(*place, values, notes)
        except Exception as error:  # decoders, networks and metrics of other packages raise what they like
            yield Outcome(*place, error=_reason(error))


def _value(pair: Pair, wanted: Score) -> tuple[float, str]:
    """The score, NaN where there is none, and why."""
    try:
        return wanted.measure(pair), ""
    except ValueError as error:
        return nan, message(error)


def _reason(error: Exception) -> str:
    """A sentence of ours as it is, what is none with its kind."""
    text = message(error)
    return text if text and isinstance(error, ValueError | OSError | ImportError) else f"{type(error).__name__}: {text}"
