"""Two runs side by side: what rose and what fell, on the images that both have, and what cannot be compared."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from hyra.evaluate.evaluation import Evaluation
from hyra.evaluate.scoring.scores import score
from hyra.evaluate.store.runs import Run
from hyra.evaluate.tables.summary import interval
from hyra.evaluate.work.tasks import Outcome

ROUNDING = 1e-9
"""Scores that differ by less than this part of them are equal: kinds of CPUs differ in the last bits."""

_Outcomes = Mapping[str, Outcome]


@dataclass(frozen=True)
class Change:
    """One score of one method at one scale in two runs; a difference is B less A.

    Attributes:
        method: who made the images.
        scale: HR pixels per LR pixel.
        score: its name.
        before: mean of A, over the images that have a finite score in both; NaN without any.
        after: mean of B over the same images.
        difference: mean of the finite differences; without any, infinite as they are, or 0 where all images are
            identical to their reference in both.
        low: lower end of the 95 % interval of that mean, by bootstrap over the images; NaN of less than two.
        high: its upper end.
        p_value: of the paired Wilcoxon test, 1 where nothing changed; not corrected for the number of tests.
        differences: of each image by name; infinite where it is identical to its reference in one run only.
        identical: images that are identical to their reference in both, whose score is infinite.
        lost: images with a score in A and none in B: they are not there, failed, or have no such score.
        gained: images with a score in B and none in A.
        obstacle: why the runs cannot be compared, empty where they can.
    """

    method: str
    scale: float
    score: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    p_value: float
    differences: Mapping[str, float]
    identical: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()
    obstacle: str = ""

    @property
    def images(self) -> int:
        """How many images are compared."""
        return len(self.differences) + len(self.identical)

    def worst(self, count: int = 5) -> list[tuple[str, float]]:
        """The images that became worse, the worst first, with their differences.

        Where nobody knows which end of the scale is better, those that changed, the most changed first.
        """
        sign = score(self.score).sign
        worseness = {image: -sign * value if sign else abs(value) for image, value in self.differences.items()}
        worse = [(image, value) for image, value in self.differences.items() if worseness[image] > 0]
        return sorted(worse, key=lambda item: (-worseness[item[0]], item[0]))[:count]


@dataclass(frozen=True)
class Absences:
    """Images of one method at one scale that are not in both runs, or not of the same.

    Attributes:
        method: who made the images.
        scale: HR pixels per LR pixel.
        only_before: images of A alone.
        only_after: images of B alone.
        failed_before: images that could not be scored in A, with the reason.
        failed_after: the same in B.
        references: images whose reference holds something else in B than in A.
    """

    method: str
    scale: float
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    failed_before: tuple[tuple[str, str], ...]
    failed_after: tuple[tuple[str, str], ...]
    references: tuple[str, ...]


@dataclass(frozen=True)
class Changes:
    """What changed from a run A to a run B.

    Attributes:
        before: A.
        after: B.
        changes: every score of every method at every scale that either run has.
        absences: what the two have not in common, of each method and scale.
    """

    before: Run
    after: Run
    changes: tuple[Change, ...]
    absences: tuple[Absences, ...]


def compare_runs(before: Evaluation, after: Evaluation) -> Changes:
    """Compare two runs on the images that both have a score of.

    Args:
        before: the run A, to compare with.
        after: the run B.

    Example:
        >>> from hyra.evaluate import Plan
        >>> from hyra.evaluate.work.keys import Key
        >>> def run(name, psnr):
        ...     value = {Key("p", "t", "psnr", "{}", 1): psnr}
        ...     return Evaluation(Run(name, Plan(("psnr",)), [], ""), (Outcome("EDSR", 4, "baby", "", "", value),))
        >>> (change,) = compare_runs(run("A", 30.5), run("B", 30.0)).changes
        >>> change.difference, change.worst()
        (-0.5, [('baby', -0.5)])
    """
    sides = _grouped(before), _grouped(after)
    groups = list(dict.fromkeys([*sides[0], *sides[1]]))
    names = list(dict.fromkeys([*before.run.plan.scores, *after.run.plan.scores]))
    of = {group: (sides[0].get(group, {}), sides[1].get(group, {})) for group in groups}
    changes = tuple(_change(*group, name, *of[group]) for group in groups for name in names)
    return Changes(before.run, after.run, changes, tuple(_absences(*group, *of[group]) for group in groups))


def _grouped(evaluation: Evaluation) -> dict[tuple[str, float], dict[str, Outcome]]:
    groups: dict[tuple[str, float], dict[str, Outcome]] = {}
    for outcome in evaluation.outcomes:
        groups.setdefault((outcome.method, outcome.scale), {})[outcome.image] = outcome
    return groups


def _change(method: str, scale: float, name: str, before: _Outcomes, after: _Outcomes) -> Change:
    a, b = _values(before, name), _values(after, name)
    lost, gained = tuple(image for image in a if image not in b), tuple(image for image in b if image not in a)
    obstacle = _obstacle(_settings(before, name), _settings(after, name))
    common = [] if obstacle else [image for image in a if image in b]
    identical = tuple(image for image in common if _identical(a[image], b[image]))
    differences = {image: _difference(a[image], b[image]) for image in common if not _identical(a[image], b[image])}
    finite = [image for image, value in differences.items() if math.isfinite(value)]
    values = np.array([differences[image] for image in finite])
    unchanged = bool(identical) and not differences
    low, high = interval(values)
    return Change(
        method=method,
        scale=scale,
        score=name,
        before=float(np.mean([a[image] for image in finite])) if finite else math.nan,
        after=float(np.mean([b[image] for image in finite])) if finite else math.nan,
        difference=float(values.mean()) if finite else _mean_infinite(differences, unchanged),
        low=low,
        high=high,
        p_value=1.0 if unchanged else wilcoxon_p(values),
        differences=differences,
        identical=identical,
        lost=lost,
        gained=gained,
        obstacle=obstacle,
    )


def _values(outcomes: _Outcomes, name: str) -> dict[str, float]:
    values = {image: outcome.value(name) for image, outcome in outcomes.items()}
    return {image: value for image, value in values.items() if not math.isnan(value)}


def _mean_infinite(differences: Mapping[str, float], unchanged: bool) -> float:
    """The mean change where no image has a finite one."""
    if unchanged:
        return 0.0
    return sum(differences.values()) if differences else math.nan


def _identical(before: float, after: float) -> bool:
    return math.isinf(before) and before == after


def _difference(before: float, after: float) -> float:
    return 0.0 if math.isclose(before, after, rel_tol=ROUNDING) else after - before


def _settings(outcomes: _Outcomes, name: str) -> dict[str, Any]:
    """What the numbers of a score depend on, the same for all images of a scale."""
    keys = (key for outcome in outcomes.values() for key in outcome.values if key.name == name)
    return next(({**json.loads(key.settings), "version": key.version} for key in keys), {})


def _obstacle(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    other = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    if not (before and after and other):
        return ""
    sides = (", ".join(f"{name} {side.get(name)}" for name in other) for side in (before, after))
    return "A was measured with {}, B with {}".format(*sides)


def wilcoxon_p(differences: np.ndarray) -> float:
    """The p value of the paired Wilcoxon test that differences lie around 0, two-sided; NaN of none.

    Differences of 0 are left out, as Wilcoxon did; where all are 0 nothing changed, and it is 1.

    Example:
        >>> wilcoxon_p(np.zeros(3)), wilcoxon_p(np.array([0.0, 1, 2, 3, 4, 5]))
        (1.0, 0.0625)
    """
    changed = differences[differences != 0]
    if not changed.size:
        return 1.0 if differences.size else math.nan
    with warnings.catch_warnings():  # of few images; the p value says it
        warnings.simplefilter("ignore")
        return float(scipy.stats.wilcoxon(changed).pvalue)


def _absences(method: str, scale: float, before: _Outcomes, after: _Outcomes) -> Absences:
    both = [image for image in before if image in after]
    return Absences(
        method=method,
        scale=scale,
        only_before=tuple(image for image in before if image not in after),
        only_after=tuple(image for image in after if image not in before),
        failed_before=_failed(before),
        failed_after=_failed(after),
        references=tuple(image for image in both if len(_references(before[image]) | _references(after[image])) > 1),
    )


def _failed(outcomes: _Outcomes) -> tuple[tuple[str, str], ...]:
    return tuple((image, outcome.error) for image, outcome in outcomes.items() if outcome.error is not None)


def _references(outcome: Outcome) -> set[str]:
    return {key.target for key in outcome.values}
