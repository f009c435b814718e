"""The changes between two runs as text, as Markdown and as JUnit XML."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from xml.etree import ElementTree

from hyra._util.table import in_columns
from hyra._util.texts import printable
from hyra.evaluate.scoring.scores import score
from hyra.evaluate.store.runs import Run
from hyra.evaluate.tracking.changes import Absences, Change, Changes
from hyra.evaluate.tracking.gates import Verdict, listed, signed

_COLUMNS = ("method", "scale", "score", "images", "A", "B", "B - A", "95 % interval", "p", "rose", "fell")


def as_text(changes: Changes, verdicts: Sequence[Verdict] = ()) -> str:
    """Runs, table, worst images, what cannot be compared, and what the gates say."""
    table = in_columns([_COLUMNS, *map(_row, changes.changes)])
    said = [f"{_word(verdict)}  {_sentence(verdict)}" for verdict in verdicts]
    parts = (_lines(_runs(changes)), table, _lines(_notes(changes)), _lines(said))
    return "\n\n".join(part for part in parts if part)


def as_markdown(changes: Changes, verdicts: Sequence[Verdict] = ()) -> str:
    """The same as a page; names are escaped."""
    failed = sum(verdict.passed is False for verdict in verdicts)
    heading = f"{failed} of {len(verdicts)} checks failed" if failed else "All checks passed" if verdicts else "Changes"
    align = [*["---"] * 3, *["---:"] * (len(_COLUMNS) - 3)]
    rows = [_COLUMNS, align, *([_escaped(cell) for cell in _row(change)] for change in changes.changes)]
    parts = (
        f"## {heading}",
        _list(_runs(changes)),
        _list(f"{_word(verdict)}: {_sentence(verdict)}" for verdict in verdicts),
        "\n".join(f"| {' | '.join(row)} |" for row in rows),
        _list(_notes(changes)),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def as_junit(verdicts: Sequence[Verdict]) -> str:
    """A test case for each verdict, in the XML that CI servers read."""
    counts = {
        "tests": str(len(verdicts)),
        "failures": str(sum(verdict.passed is False for verdict in verdicts)),
        "skipped": str(sum(verdict.passed is None for verdict in verdicts)),
    }
    root = ElementTree.Element("testsuites", {"name": "hyra compare", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": "hyra compare", "errors": "0", **counts})
    for verdict in verdicts:
        name = printable(f"{verdict.gate} {verdict.subject}".strip())
        case = ElementTree.SubElement(suite, "testcase", {"classname": "hyra compare", "name": name, "time": "0"})
        reason = printable(verdict.reason)
        if verdict.passed is None:
            ElementTree.SubElement(case, "skipped", {"message": reason})
        elif not verdict.passed:
            failure = ElementTree.SubElement(case, "failure", {"message": reason, "type": "change"})
            failure.text = printable(_sentence(verdict))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _runs(changes: Changes) -> Iterator[str]:
    for letter, run in (("A", changes.before), ("B", changes.after)):
        yield f"{letter}: {_named(run)}"


def _named(run: Run) -> str:
    commit, tags = run.context.get("commit"), run.context.get("tags") or []
    details = (f"started {run.started}", f"commit {commit}" if commit else "", " ".join(tags))
    state = "" if run.finished else ", came to no end"
    return f"{run.name} ({', '.join(detail for detail in details if detail)}{state})"


def _row(change: Change) -> list[str]:
    digits = score(change.score).digits

    def signed_number(value: float) -> str:
        return f"{value:+.{digits + 2}f}" if value else "0"

    finite = [value for value in change.differences.values() if math.isfinite(value)]
    interval = f"{signed_number(change.low)} to {signed_number(change.high)}" if len(finite) > 1 else "-"
    cells = (
        *(f"{value:.{digits}f}" if math.isfinite(value) else "-" for value in (change.before, change.after)),
        signed_number(change.difference) if math.isfinite(change.difference) else "-",
        interval,
        f"{change.p_value:.2g}" if math.isfinite(change.p_value) else "-",
        *(str(sum(sign * value > 0 for value in change.differences.values())) for sign in (1, -1)),
    )
    title = score(change.score).title
    return [printable(change.method), f"x{change.scale:g}", title, str(change.images), *cells]


def _notes(changes: Changes) -> Iterator[str]:
    plans = changes.before.plan.scores, changes.after.plan.scores
    for letter, mine, other in (("A", *plans), ("B", *reversed(plans))):
        if alone := [score(name).title for name in mine if name not in other]:
            yield f"measured in {letter} alone: {', '.join(alone)}"
    obstacles: dict[str, list[str]] = {}
    for change in changes.changes:
        if change.obstacle:
            subject = f"{change.method} x{change.scale:g}, {score(change.score).title}"
            obstacles.setdefault(change.obstacle, []).append(subject)
    for obstacle, subjects in obstacles.items():
        yield f"{'; '.join(subjects)}: cannot be compared, {obstacle}"
    for change in changes.changes:
        subject = f"{change.method} x{change.scale:g}, {score(change.score).title}"
        if change.identical:
            count = len(change.identical)
            yield f"{subject}: {count} images are identical to their reference in both, and not in the means"
        if worst := change.worst():
            images = ", ".join(f"{image} {signed(change, value)}" for image, value in worst)
            yield f"{subject}, {'worst' if score(change.score).sign else 'most changed'} images: {images}"
    for absences in changes.absences:
        yield from _absent(absences, changes)


def _absent(absences: Absences, changes: Changes) -> Iterator[str]:
    subject = f"{absences.method} x{absences.scale:g}"
    for letter, only in (("A", absences.only_before), ("B", absences.only_after)):
        if only:
            yield f"{subject}, only in {letter}: {listed(only)}"
    for letter, failed in (("A", absences.failed_before), ("B", absences.failed_after)):
        if failed:
            yield f"{subject}, failed in {letter}: {listed([f'{image} ({reason})' for image, reason in failed])}"
    if absences.references:
        yield f"{subject}, another reference in B than in A: {listed(absences.references)}"
    told = {*absences.only_before, *absences.only_after}
    told |= {image for image, _ in (*absences.failed_before, *absences.failed_after)}
    shared = {*changes.before.plan.scores} & {*changes.after.plan.scores}
    for change in changes.changes:
        if (change.method, change.scale) == (absences.method, absences.scale) and change.score in shared:
            for letter, images in (("A", change.lost), ("B", change.gained)):
                rest = [image for image in images if image not in told]
                if rest:
                    yield f"{subject}, {score(change.score).title} only in {letter}: {listed(rest)}"


def _word(verdict: Verdict) -> str:
    return "skipped" if verdict.passed is None else "passed" if verdict.passed else "FAILED"


def _sentence(verdict: Verdict) -> str:
    return f"{' '.join(part for part in (verdict.gate, verdict.subject) if part)}: {verdict.reason}"


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(map(printable, lines))


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {_escaped(line)}" for line in lines)


def _escaped(text: str) -> str:
    """As it stands: what Markdown or HTML would take for something else has a backslash before it."""
    return re.sub(r"([\\`*_{}\[\]<>|~&$#])|^(?=[-+]\s)", r"\\\1", printable(text))
