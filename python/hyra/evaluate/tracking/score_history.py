"""Mean scores over the runs of a store, as a table, as CSV and as a figure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hyra._util.table import in_columns
from hyra._util.texts import printable
from hyra.evaluate.scoring.scores import score
from hyra.evaluate.store.runs import Run, Runs
from hyra.evaluate.tables.summary import Mean, summaries
from hyra.evaluate.tracking.selection import by_time
from hyra.evaluate.work.tasks import Outcome
from hyra.results.figures import figure_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = (
    "run",
    "started",
    "finished",
    "commit",
    "tags",
    "method",
    "scale",
    "score",
    "protocol",
    "mean",
    "low",
    "high",
)
_COUNTS = ("count", "images", "failed", "comparable")


@dataclass(frozen=True)
class Point:
    """A mean score of one method at one scale in one run.

    Attributes:
        run: where it was measured.
        method: who made the images.
        scale: HR pixels per LR pixel.
        mean: the score with its interval, and what it leaves out.
        images: how many pairs the run had.
        failed: how many of them could not be scored.
        comparable: whether it is over the same images and references, with the same settings, as in the run before
            in which the method has this score; true of the first.
    """

    run: Run
    method: str
    scale: float
    mean: Mean
    images: int
    failed: int
    comparable: bool

    @property
    def series(self) -> tuple[str, float, str]:
        """Method, scale and score: the curve that it belongs to."""
        return self.method, self.scale, self.mean.score


@dataclass(frozen=True)
class ScoreHistory:
    """Scores over the runs of an evaluation; of a training, see `hyra.track.History`.

    Attributes:
        runs: the oldest first.
        points: in the order of the runs.
    """

    runs: tuple[Run, ...]
    points: tuple[Point, ...]

    def plot(self, **options: Any) -> tuple[Figure, Any]:
        """Draw it, with the options of `hyra.plots.score_history`."""
        drawn: tuple[Figure, Any] = figure_of(type(self))(self, **options)
        return drawn

    def table(self) -> str:
        """A line for each run of each method and scale, with means and their intervals.

        A mean that is not comparable with the one of the run before has a star; the images of a run that came to no end
        are those so far.
        """
        names = list(dict.fromkeys(point.mean.score for point in self.points))
        lines: dict[tuple[str, float, str], dict[str, Point]] = {}
        for point in self.points:
            lines.setdefault((point.method, point.scale, point.run.name), {})[point.mean.score] = point
        order = {group: place for place, group in enumerate(dict.fromkeys((p.method, p.scale) for p in self.points))}
        rows = [("method", "scale", "run", *(score(name).title for name in names), "images")]
        for (method, scale, run), points in sorted(lines.items(), key=lambda item: order[item[0][:2]]):
            cells = (_cell(points[name]) if name in points else "-" for name in names)
            first = next(iter(points.values()))
            rows.append(
                (
                    printable(method),
                    f"x{scale:g}",
                    printable(run),
                    *cells,
                    f"{first.images - first.failed} of {first.images}{'' if first.run.finished else ' so far'}",
                )
            )
        return in_columns(rows)

    def csv(self) -> str:
        """A line for each point below a line of headings."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*_COLUMNS, *_COUNTS))
        for point in self.points:
            run, mean = point.run, point.mean
            about = (run.name, run.started, run.finished or "", run.context.get("commit") or "")
            what = (" ".join(run.context.get("tags", ())), point.method, point.scale, mean.score, run.plan.protocol)
            numbers = (mean.value, mean.low, mean.high, mean.count, point.images, point.failed, point.comparable)
            writer.writerow((*about, *what, *numbers))
        return file.getvalue()


def score_history(
    store: Runs,
    *,
    scores: Sequence[str] = (),
    methods: Sequence[str] = (),
    tags: Sequence[str] = (),
    last: int | None = None,
) -> ScoreHistory:
    """The means of the runs of a store.

    Args:
        store: where they are.
        scores: which, by name; all by default.
        methods: of which, by name; of all by default.
        tags: of the runs that have all of these alone.
        last: of so many of the newest runs alone.

    Raises:
        ValueError: no run is left, or none has such a score or method.

    Example:
        >>> from hyra.evaluate import Plan
        >>> with Runs(None) as runs:
        ...     runs.begin("first", Plan(("psnr",)), [["EDSR", 4.0, "x4", "hr"]], {})
        ...     runs.add("first", 0, Outcome("EDSR", 4.0, "baby", "x4/baby.png", "hr/baby.png", error="no such file"))
        ...     print(score_history(runs).table())
        method  scale    run  PSNR (dB)         images
        EDSR       x4  first          -  0 of 1 so far
    """
    chosen = [run for run in by_time(store.runs()) if set(tags) <= set(run.context.get("tags", ()))]
    chosen = chosen[-last:] if last else chosen
    if not chosen:
        about = f" with the tags {', '.join(tags)}" if tags else ""
        raise ValueError(f"store must have at least one run{about}, got none")
    points = list(_points(chosen, store))
    for name, wanted, place in (("methods", methods, 0), ("scores", scores, 2)):
        known = dict.fromkeys(str(point.series[place]) for point in points)
        if missing := [each for each in wanted if each not in known]:
            raise ValueError(
                f"{name} must be among {', '.join(known) or 'none: no image is scored'}, got {missing[0]!r}"
            )
        points = [point for point in points if not wanted or point.series[place] in wanted]
    return ScoreHistory(tuple(chosen), tuple(points))


def _points(runs: Iterable[Run], store: Runs) -> Iterator[Point]:
    before: dict[tuple[str, float, str], frozenset[tuple[str, str, str, int]]] = {}
    for run in runs:
        groups: dict[tuple[str, float], list[Outcome]] = {}
        for outcome in store.outcomes(run.name):
            groups.setdefault((outcome.method, outcome.scale), []).append(outcome)
        for (method, scale), outcomes in groups.items():
            (line,) = summaries(outcomes, run.plan.scores)
            for mean in line.means:
                basis = frozenset(_basis(outcomes, mean))
                series = method, scale, mean.score
                comparable = not basis or before.get(series, basis) == basis
                before |= {series: basis} if basis else {}
                yield Point(run, method, scale, mean, line.images, len(line.failed), comparable)


def _basis(outcomes: Iterable[Outcome], mean: Mean) -> Iterator[tuple[str, str, str, int]]:
    """What a mean is over: each image, and how it was measured."""
    left_out = {*mean.identical, *mean.missing}
    for outcome in outcomes:
        for key in outcome.values:
            if key.name == mean.score and outcome.image not in left_out:
                yield outcome.image, key.target, key.settings, key.version


def _cell(point: Point) -> str:
    mean, digits = point.mean, score(point.mean.score).digits
    if mean.value != mean.value:
        return "-"
    interval = f" ({mean.low:.{digits}f} to {mean.high:.{digits}f})" if mean.count > 1 else ""
    return f"{'' if point.comparable else '* '}{mean.value:.{digits}f}{interval}"
