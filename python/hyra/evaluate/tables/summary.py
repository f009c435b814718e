"""Means over the images of an evaluation, how sure they are, and what they leave out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hyra.evaluate.scoring.score import Score
from hyra.evaluate.scoring.scores import score
from hyra.evaluate.work.tasks import Outcome

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """One score of one method at one scale.

    Attributes:
        score: its name.
        value: the mean over the images whose score is finite; infinite where all are identical, NaN where none has one.
        low: lower end of the 95 % interval of the mean, by bootstrap over the images; NaN of less than two.
        high: its upper end.
        count: how many images the mean is over.
        identical: images that equal their reference, left out where the score of such a pair is infinite.
        missing: images without a finite score.
    """

    score: str
    value: float
    low: float
    high: float
    count: int
    identical: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Summary:
    """One line of a table.

    Attributes:
        method: who made the images.
        scale: HR pixels per LR pixel.
        means: of each score, in the order of the plan.
        images: how many pairs there were.
        failed: images that could not be scored, with the reason.
        absent: images that other methods have at this scale, and this one has not: its means are of another set.
    """

    method: str
    scale: float
    means: tuple[Mean, ...]
    images: int
    failed: tuple[tuple[str, str], ...] = ()
    absent: tuple[str, ...] = ()

    def mean(self, name: str) -> Mean:
        """Of the score of that name."""
        return next(mean for mean in self.means if mean.score == name)


def summaries(outcomes: Iterable[Outcome], scores: Sequence[str]) -> list[Summary]:
    """A line for each method and scale, in the order in which they come first."""
    groups: dict[tuple[str, float], list[Outcome]] = {}
    images: dict[float, dict[str, None]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.method, outcome.scale), []).append(outcome)
        images.setdefault(outcome.scale, {})[outcome.image] = None
    return [_summary(group, scores, images[scale]) for (_, scale), group in groups.items()]


def _summary(group: Sequence[Outcome], scores: Sequence[str], images: Iterable[str]) -> Summary:
    done = [outcome for outcome in group if outcome.error is None]
    means = tuple(_mean(score(name), done) for name in scores)
    failed = tuple((outcome.image, outcome.error) for outcome in group if outcome.error is not None)
    own = {outcome.image for outcome in group}
    absent = tuple(image for image in images if image not in own)
    return Summary(group[0].method, group[0].scale, means, len(group), failed, absent)


def _mean(of: Score, outcomes: Sequence[Outcome]) -> Mean:
    values = {outcome.image: outcome.value(of.name) for outcome in outcomes}
    finite = np.array([value for value in values.values() if math.isfinite(value)])
    perfect = -math.inf if of.sign < 0 else math.inf
    identical = tuple(image for image, value in values.items() if value == perfect)
    missing = tuple(image for image, value in values.items() if not math.isfinite(value) and value != perfect)
    mean = float(finite.mean()) if finite.size else perfect if identical else math.nan
    return Mean(of.name, mean, *interval(finite), finite.size, identical, missing)


def interval(values: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """The ends of the interval of a mean, by the percentiles of `RESAMPLES` bootstrap samples.

    The samples are the same for all methods of as many images, and in every run.

    Example:
        >>> interval(np.array([1.0, 1.0, 1.0]))
        (1.0, 1.0)
    """
    if values.size < 2:
        return math.nan, math.nan
    generator = np.random.Generator(np.random.PCG64(0))
    means = np.empty(RESAMPLES)
    step = max(1, (1 << 20) // values.size)  # the samples of a step stay small however many images there are
    for first in range(0, RESAMPLES, step):
        part = means[first : first + step]
        part[:] = values[generator.integers(values.size, size=(part.size, values.size))].mean(1)
    tail = (1 - level) / 2
    low, high = np.quantile(means, (tail, 1 - tail))
    return float(low), float(high)


def ranks(lines: Sequence[Summary], name: str) -> dict[tuple[str, float], int]:
    """The rank of each line's mean among those of its scale: 1 is best, equal means share a rank, NaN has none."""
    ranked: dict[tuple[str, float], int] = {}
    sign = score(name).sign
    for line in lines if sign else ():
        value = sign * line.mean(name).value
        if not math.isnan(value):
            ahead = [sign * other.mean(name).value > value for other in lines if other.scale == line.scale]
            ranked[line.method, line.scale] = 1 + sum(ahead)
    return ranked
