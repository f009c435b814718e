"""The work of an evaluation: all predictions of one image, each pair on its own, in any process on any machine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import ceil, isnan
from typing import Any

from hyra._util import validate
from hyra._util.texts import message
from hyra.evaluate.pairs import Pair, Target
from hyra.evaluate.score import Score
from hyra.evaluate.scores import score
from hyra.evaluate.sources import Source
from hyra.evaluate.store import Key
from hyra.scores.protocol import Protocol


@dataclass(frozen=True)
class Plan:
    """What is measured of every pair.

    Attributes:
        scores: their names.
        protocol: what is done to the images first, as `hyra.Protocol.parse` takes it.
        modcrop: cut the reference to a multiple of the scale.
        device: where the scores are computed.
    """

    scores: tuple[str, ...] = ("psnr", "ssim", "fsds")
    protocol: str = "paper"
    modcrop: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        if isinstance(self.scores, str) or not isinstance(self.scores, Sequence):
            raise TypeError(f"scores must be a list of names, got {validate.kind(self.scores)}")
        for name in self.scores:
            validate.instance("scores", name, str)
        validate.instance("modcrop", self.modcrop, bool)
        validate.instance("device", self.device, str)
        object.__setattr__(self, "scores", tuple(dict.fromkeys(self.scores)))  # a column each, in a store too
        if not self.scores:
            raise ValueError("scores must name at least one score, got none")
        for name in self.scores:
            score(name)
        self.protocol_at(2)

    def protocol_at(self, scale: float) -> Protocol:
        """The protocol for images of a scale; of a fractional one, the next integer decides what is cut."""
        return Protocol.parse(self.protocol, ceil(scale))

    def check(self) -> None:
        """Everything that the scores need is on this machine: to be known before the first image.

        Raises:
            ImportError, FileNotFoundError, ValueError: something is not, and what.
        """
        for name in self.scores:
            score(name).check(self.device)

    def settings(self, name: Score, scale: float) -> str:
        """All that a score's number depends on beside the two images, as JSON."""
        settings: dict[str, Any] = {**name.settings, **asdict(self.protocol_at(scale))}
        if self.modcrop:
            settings["modcrop"] = scale
        return json.dumps(settings, sort_keys=True)


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
        return next((value for key, value in self.values.items() if key.name == name), float("nan"))


def measure(task: Task, plan: Plan) -> Iterator[Outcome]:
    """Score the predictions of a task, one after the other; what is wrong with one is its outcome."""
    target: Target | None = None
    for prediction in task.predictions:
        place = (prediction.method, prediction.scale, task.image, prediction.source.name, task.target.name)
        try:
            keys = _keys(task, prediction, plan)
            # Why a pair has no score is kept with a run, not with the score: it is asked again.
            values = {key: value for key in keys if not isnan(value := task.known.get(key, float("nan")))}
            notes: dict[str, str] = {}
            if len(values) < len(keys):
                target = target or Target(task.target.read().to(plan.device))
                preds = prediction.source.read().to(plan.device)
                protocol = plan.protocol_at(prediction.scale)
                pair = target.pair(preds, protocol, scale=prediction.scale, modcrop=plan.modcrop)
                for key in keys:
                    if key not in values:
                        values[key], note = _value(pair, score(key.name))
                        notes |= {key.name: note} if note else {}
            yield Outcome(*place, values, notes)
        except Exception as error:  # decoders, networks and metrics of other packages raise what they like
            yield Outcome(*place, error=_reason(error))


def _keys(task: Task, prediction: Prediction, plan: Plan) -> list[Key]:
    contents = (prediction.source.digest, task.target.digest)
    wanted = [score(name) for name in plan.scores]
    return [Key(*contents, each.name, plan.settings(each, prediction.scale), each.version) for each in wanted]


def _value(pair: Pair, wanted: Score) -> tuple[float, str]:
    """The score, NaN where there is none, and why."""
    try:
        return wanted.measure(pair), ""
    except ValueError as error:
        return float("nan"), message(error)


def _reason(error: Exception) -> str:
    """A sentence of ours as it is, what is none with its kind."""
    text = message(error)
    return text if text and isinstance(error, ValueError | OSError | ImportError) else f"{type(error).__name__}: {text}"
