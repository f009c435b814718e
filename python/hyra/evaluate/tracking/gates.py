"""Limits to what may change from one run to another, for continuous integration."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from hyra.evaluate.scoring.scores import score
from hyra.evaluate.tracking.changes import ROUNDING, Change, Changes

_GRAMMAR = re.compile(
    r"\s*(?P<score>[^@<>\s]+)\s*(?:@\s*(?P<method>.+?)(?:\s*:[xX]?(?P<scale>\d+(?:\.\d+)?))?)?"
    r"\s*(?P<sign>[<>])\s*(?P<limit>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*"
)


@dataclass(frozen=True)
class Verdict:
    """What a gate says of one method at one scale, or of both runs as a whole.

    Attributes:
        gate: the gate's text.
        subject: method and scale, empty where it is about the runs as a whole.
        passed: whether it lets them through; None where there was nothing to judge.
        reason: in words.
    """

    gate: str
    subject: str
    passed: bool | None
    reason: str


@dataclass(frozen=True)
class Gate:
    """A change of a mean score that must not be: B less A, below or above a number.

    A change of just that number is one, too, since means are rounded; at 0 only a change is.

    Attributes:
        text: as it was given.
        score: the score's name.
        method: the method's name; None of each.
        scale: the scale; None of each.
        sign: ``"<"`` or ``">"``.
        limit: the number.
    """

    text: str
    score: str
    method: str | None
    scale: float | None
    sign: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``SCORE[@METHOD[:SCALE]]<NUMBER`` or with ``>``.

        A fall is negative whatever the score: ``psnr<-0.05`` fails where the mean PSNR falls by 0.05 dB or more,
        ``mae>0.001`` where the mean error grows.

        Raises:
            ValueError: it has another form.

        Example:
            >>> Gate.parse("fsds:radial@EDSR:x4 < -0.1").scale
            4.0
        """
        match = _GRAMMAR.fullmatch(text)
        if match is None or not math.isfinite(float(match["limit"])):
            form = "SCORE[@METHOD[:SCALE]]<NUMBER or >NUMBER, such as psnr<-0.05 or ssim@EDSR:4<-0.001"
            raise ValueError(f"fail_if must be {form}, got {text!r}")
        scale = None if match["scale"] is None else float(match["scale"])
        return cls(text.strip(), match["score"], match["method"], scale, match["sign"], float(match["limit"]))

    def stops(self, difference: float) -> bool:
        """Whether a change is one that must not be."""
        if self.limit and math.isclose(difference, self.limit, rel_tol=ROUNDING):
            return True
        return difference < self.limit if self.sign == "<" else difference > self.limit

    def verdicts(self, changes: Changes, *, allow_missing: bool = False) -> list[Verdict]:
        """One for each method and scale that the gate is about; one more where nothing could be compared.

        An image that has a score in A and none in B fails, too: a change cannot be told, and the mean of the others
        may hide it. `allow_missing` judges the others alone. A method of B alone is judged by nothing, and passes with
        the others, but not alone.

        Raises:
            ValueError: neither run has such a score, method or scale.
        """
        mine = self._chosen(changes.changes)
        verdicts = [self._verdict(change, allow_missing) for change in mine]
        if all(verdict.passed is None for verdict in verdicts):
            verdicts.append(Verdict(self.text, "", False, "nothing that it is about can be compared"))
        return verdicts

    def _chosen(self, changes: Sequence[Change]) -> list[Change]:
        chosen = list(changes)
        for name, wanted in (("score", self.score), ("method", self.method), ("scale", self.scale)):
            known = dict.fromkeys(getattr(change, name) for change in chosen)
            chosen = [change for change in chosen if wanted is None or getattr(change, name) == wanted]
            if not chosen:
                listed = ", ".join(f"{each:g}" if isinstance(each, float) else str(each) for each in known)
                raise ValueError(
                    f"fail_if must be about a {name} that one of the runs has ({listed or 'none: they are empty'}), "
                    f"got {self.text!r}"
                )
        return chosen

    def _verdict(self, change: Change, allow_missing: bool) -> Verdict:
        subject = f"{change.method} x{change.scale:g}"

        def verdict(passed: bool | None, reason: str) -> Verdict:
            return Verdict(self.text, subject, passed, reason)

        if change.obstacle:
            return verdict(False, change.obstacle)
        infinite = [item for item in change.differences.items() if math.isinf(item[1])]
        for image, difference in infinite:
            if self.stops(difference):
                sign = score(change.score).sign
                when = "no longer" if sign * difference < 0 else "now" if sign else "in one run alone"
                return verdict(False, f"{image} is {when} identical to its reference")
        if change.images and self.stops(change.difference):
            return verdict(False, f"{signed(change, change.difference)} on {change.images} images")
        if change.lost and not allow_missing:
            return verdict(False, f"with a score in A, without one in B: {listed(change.lost)}")
        if not change.images:
            return verdict(None, "no image has a score in both runs")
        return verdict(True, f"{signed(change, change.difference)} on {change.images} images")


def signed(change: Change, difference: float) -> str:
    """A difference of a score, with its sign and unit."""
    kind = score(change.score)
    return f"{difference:+.{kind.digits + 2}f} {kind.unit}".strip() if difference else "no change"


def listed(names: Sequence[str], most: int = 20) -> str:
    """Names, those beyond the first ones as a number."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
