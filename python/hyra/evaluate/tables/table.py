"""The table of an evaluation: a row for each method and scale, ranked, with a note for all that its means leave out."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from hyra._util.table import in_columns
from hyra._util.texts import printable
from hyra.evaluate.scoring.score import Score
from hyra.evaluate.scoring.scores import score
from hyra.evaluate.store.runs import Run
from hyra.evaluate.tables.networks import NOTE, network_rows
from hyra.evaluate.tables.published import Published
from hyra.evaluate.tables.summary import LEVEL, RESAMPLES, Summary, ranks
from hyra.evaluate.work.plan import Plan

MEASURED: Literal["measured"] = "measured"
PUBLISHED: Literal["published"] = "published"
DIFFERENCE: Literal["difference"] = "difference"
SHOWN = 5
"""Names of images that a note for people lists before it counts the rest."""


@dataclass(frozen=True)
class Cell:
    """A mean as people read it.

    Attributes:
        value: rounded; a dash where there is none.
        interval: such as ``[24.12, 25.61]``, empty where there is none.
        count: how many images the mean is over where these are not all of the row, else None.
        rank: among the measured rows of its scale.
    """

    value: str
    interval: str = ""
    count: int | None = None
    rank: int | None = None

    def __str__(self) -> str:
        over = "" if self.count is None else f"n={self.count}"
        return " ".join(part for part in (self.value, self.interval, over) if part)


@dataclass(frozen=True)
class Row:
    """One method at one scale.

    Attributes:
        summary: its means.
        source: ``"measured"``; ``"published"``; ``"difference"``, a measured mean less the published one.
        ranks: of its means by the score's name, 1 for the best; measured rows alone have them.
        network: what `hyra.evaluate.inputs.network_numbers` says of the network, where it was asked.
    """

    summary: Summary
    source: Literal["measured", "published", "difference"] = MEASURED
    ranks: Mapping[str, int] = field(default_factory=dict)
    network: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The method, on one line, and what is shown of it."""
        name = printable(self.summary.method)
        return name if self.source == MEASURED else f"{name} ({self.source})"

    @property
    def images(self) -> str:
        """How many were scored."""
        line = self.summary
        if self.source != MEASURED:
            return ""
        wanted = line.images + len(line.absent)
        return f"{line.images - len(line.failed)} of {wanted}" if line.failed or line.absent else str(wanted)

    def cell(self, of: Score) -> Cell:
        """Its mean of a score."""
        mean = self.summary.mean(of.name)
        if math.isnan(mean.value):
            return Cell("-", count=0 if self.source == MEASURED else None)
        sign = "+" if self.source == DIFFERENCE else ""
        interval = "" if math.isnan(mean.low) else f"[{mean.low:.{of.digits}f}, {mean.high:.{of.digits}f}]"
        partial = self.source == MEASURED and mean.count < self.summary.images + len(self.summary.absent)
        rank = self.ranks.get(of.name)
        return Cell(f"{mean.value:{sign}.{of.digits}f}", interval, mean.count if partial else None, rank)


@dataclass(frozen=True)
class Table:
    """Means of every score with their intervals, the rows of a scale together.

    `str` of it is plain text; `hyra.evaluate.formats.write_table` writes it to a file of any format.

    Attributes:
        name: of the run.
        scores: the columns.
        rows: the smallest scale first.
        protocols: what was done to the images before they were scored, in words, by scale.
        remarks: what else must be said of the numbers.
    """

    name: str
    scores: tuple[Score, ...]
    rows: tuple[Row, ...]
    protocols: Mapping[float, str]
    remarks: tuple[str, ...] = ()

    def groups(self) -> Iterator[list[Row]]:
        """The rows of each scale."""
        for _, rows in groupby(self.rows, key=lambda row: row.summary.scale):
            yield list(rows)

    def network_rows(self) -> list[list[str]]:
        """What was measured of the networks themselves, with a heading; nothing where it was not asked."""
        networks = [row.network for row in self.rows if row.network]
        return network_rows(networks) if networks else []

    def headings(self, better: Mapping[bool, str]) -> list[str]:
        """Of the columns; `better` has the signs of scores of which more is better, and of which less is."""
        signs = (("" if of.higher_is_better is None else better[of.higher_is_better]) for of in self.scores)
        titles = [f"{of.title} {sign}".strip() for of, sign in zip(self.scores, signs, strict=True)]
        return ["method", "scale", *map(printable, titles), "images"]

    def notes(self, shown: int | None = None) -> list[str]:
        """Sentences to stand below it: the protocol, how the means were made, and which images they leave out.

        Args:
            shown: how many images are named before the rest is counted; None for all.
        """
        scales: dict[str, list[str]] = {}
        for scale, words in self.protocols.items():
            scales.setdefault(words, []).append(f"x{scale:g}")
        sentences = [f"{', '.join(listed)}: {words}." for words, listed in scales.items()]
        partial = any(row.cell(of).count is not None for row in self.rows for of in self.scores)
        sentences.append(
            f"Means over the images whose score is finite, in brackets their {LEVEL:.0%} intervals by bootstrap over "
            f"the images ({RESAMPLES} samples)"
            + ("; n is the number of images where some are left out." if partial else ".")
        )
        for row in self.rows:
            if row.source == MEASURED:
                place = f"{row.label} x{row.summary.scale:g}"
                sentences += (f"{place}: {text}." for text in _left_out(row.summary, shown))
        return [*sentences, *self.remarks]

    def __str__(self) -> str:
        rows = [self.headings({True: "", False: ""})]
        for row in self.rows:
            cells = (row.cell(of) for of in self.scores)
            marked = (f"{cell} {_MARKS.get(cell.rank or 0, ' ')}" for cell in cells)
            rows.append([row.label, f"x{row.summary.scale:g}", *marked, row.images])
        for heading in range(2, len(rows[0]) - 1):
            rows[0][heading] += "  "  # above the numbers, not above their marks
        lines = [line.rstrip() for line in in_columns(rows).splitlines()]
        text = ["", "* best, + second of its scale.", *self.notes(SHOWN)]
        if networks := self.network_rows():
            text += ["", *in_columns(networks).splitlines(), "", NOTE]
        return "\n".join((*lines, *text))


_MARKS = {1: "*", 2: "+"}


def table_of(
    run: Run, summaries: Sequence[Summary], *, against: str | None = None, images: Collection[str] = ()
) -> Table:
    """The table of a run.

    Args:
        run: what was measured.
        summaries: its means.
        against: what to put beside it, see `Published.parse`.
        images: the names of its images, for that.

    Raises:
        ValueError: there is nothing of that name to put beside it.
    """
    published = None if against is None else Published.parse(against, run.plan, images)
    names = run.plan.scores
    scales = sorted({line.scale for line in summaries})
    ranked = {name: ranks(summaries, name) for name in names}
    networks = {(note["method"], float(note["scale"])): note for note in run.context.get("networks", ())}
    rows: list[Row] = []
    for scale in scales:
        mine = [line for line in summaries if line.scale == scale]
        others = [] if published is None else published.rows(scale, [line.method for line in mine])
        by_name = {line.method.lower(): line for line in others}
        for line in mine:
            places = {name: ranked[name].get((line.method, scale)) for name in names}
            placed = {name: place for name, place in places.items() if place is not None}
            rows.append(Row(line, ranks=placed, network=networks.get((line.method, scale), {})))
            if published and (other := by_name.pop(line.method.lower(), None)):
                rows.append(Row(other, PUBLISHED))
                if difference := published.difference(line, other):
                    rows.append(Row(difference, DIFFERENCE))
        rows += (Row(line, PUBLISHED) for line in by_name.values())
    remarks = [] if run.finished else ["This run has not come to its end: it was interrupted, or is under way."]
    if published is not None:
        remarks += published.remarks(sum(row.source == PUBLISHED for row in rows))
    protocols = {scale: in_words(run.plan, scale) for scale in scales}
    return Table(run.name, tuple(map(score, names)), tuple(rows), protocols, tuple(remarks))


def in_words(plan: Plan, scale: float) -> str:
    """What is done to the images of a scale before they are scored."""
    modcrop = ", references cut to a multiple of the scale" if plan.modcrop else ""
    return f"{plan.protocol_at(scale)}{modcrop}"


def _left_out(line: Summary, shown: int | None) -> Iterator[str]:
    """What the means of a row do not hold; scores that leave out the same images share a sentence."""
    if line.failed:
        reasons = [f"{printable(image)} ({reason.rstrip('.')})" for image, reason in line.failed]
        yield f"{_images(len(line.failed))} failed: {_listed(reasons, shown)}"
    if line.absent:
        absent = _listed([printable(name) for name in line.absent], shown)
        yield f"{_images(len(line.absent))} of the other methods not there: {absent}"
    for kind, words in (("identical", "equal to their reference"), ("missing", "without a finite score")):
        scores: dict[tuple[str, ...], list[str]] = {}
        for mean in line.means:
            if names := getattr(mean, kind):
                scores.setdefault(names, []).append(score(mean.score).title)
        for names, titles in scores.items():
            listed = _listed([printable(name) for name in names], shown)
            yield f"{' and '.join(titles)} without {_images(len(names))} {words}: {listed}"


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


def _listed(items: Iterable[str], shown: int | None) -> str:
    listed = list(items)
    if shown is None or len(listed) <= shown:
        return ", ".join(listed)
    return f"{', '.join(listed[:shown])} and {len(listed) - shown} more"
