"""The runs of an evaluation, kept beside their scores: what was measured, when, with what, and of which files."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hyra._util import validate
from hyra._util.texts import message
from hyra.evaluate.store.scores import KEEP, Store, StoreError
from hyra.evaluate.work.keys import Key
from hyra.evaluate.work.plan import Plan
from hyra.evaluate.work.tasks import Outcome
from hyra.results.fields import unpack
from hyra.results.storage import FORMAT, loaded, parsed


@dataclass(frozen=True)
class Run:
    """One evaluation.

    Attributes:
        name: unique in its store.
        plan: what was measured.
        methods: name, scale, folder of the images and folder of the references of each.
        started: in ISO 8601, UTC.
        finished: likewise; None of a run that was interrupted, or is under way.
        context: git commit, host, versions, tags.
    """

    name: str
    plan: Plan
    methods: list[list[Any]]
    started: str
    finished: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


class Runs(Store):
    """A store of scores with the runs that measured them.

    Example:
        >>> with Runs(None) as runs:
        ...     runs.begin("first", Plan(("psnr",)), [["EDSR", 4.0, "x4", "hr"]], {})
        ...     runs.add("first", 0, Outcome("EDSR", 4.0, "baby", "x4/baby.png", "hr/baby.png", error="no such file"))
        ...     [outcome.error for outcome in runs.outcomes("first")]
        ['no such file']
    """

    def __init__(self, file: Path | None, *, read_only: bool = False) -> None:
        super().__init__(file, read_only=read_only)
        self._begun: dict[str, int | None] = {}

    def begin(self, name: str, plan: Plan, methods: list[list[Any]], context: Mapping[str, Any]) -> None:
        """Write down a run before its first pair.

        An interrupted one of that name and of the same goes on, any other of that name is replaced: scores are known
        by content.
        """
        texts = (json.dumps(asdict(plan)), json.dumps(methods))
        with self._transaction() as database:
            same = "SELECT id FROM run WHERE name = ? AND plan = ? AND methods = ? AND finished IS NULL"
            if going_on := database.execute(same, (name, *texts)).fetchone():
                self._begun[name] = going_on[0]
                return
            for table in ("pair", "run_score", "response"):
                database.execute(f"DELETE FROM {table} WHERE run = {_RUN}", (name,))
            database.execute("DELETE FROM run WHERE name = ?", (name,))
            row = (name, _now(), *texts, json.dumps(dict(context)))
            self._begun[name] = database.execute("INSERT INTO run VALUES (NULL, ?, ?, NULL, ?, ?, ?)", row).lastrowid
            for scale in dict.fromkeys(float(method[1]) for method in methods):
                for place, column in enumerate(plan.at(scale).columns):
                    values = (name, scale, place, column.score.name, column.settings, column.score.version)
                    database.execute(f"INSERT INTO run_score VALUES ({_RUN}, ?, ?, ?, ?, ?)", values)

    def add(self, name: str, place: int, outcome: Outcome) -> None:
        """Keep the outcome of a pair of that run, with its scores, in one transaction.

        Raises:
            StoreError: it cannot be kept, or another process has begun a run of this name since, of something else.
        """
        first = next(iter(outcome.values), None)
        contents = (None, None) if first is None else (first.preds, first.target)
        files = (storable(outcome.preds), storable(outcome.target))
        row = (place, outcome.method, outcome.scale, storable(outcome.image), *files, *contents)
        notes = json.dumps(dict(outcome.notes)) if outcome.notes else "{}"
        scores = [(*key, value) for key, value in outcome.values.items()]
        with self._transaction() as database:
            (run,) = database.execute("SELECT id FROM run WHERE name = ?", (name,)).fetchone() or (None,)
            if run != self._begun.get(name, run):
                raise StoreError(f"the run {name!r} has been begun anew by another process: give this one another name")
            database.executemany(KEEP, scores)
            database.execute(_ADD, (run, *row, notes, outcome.error))

    def keep_only(self, name: str, places: Collection[tuple[str, float, str]]) -> None:
        """Take from a run that goes on the pairs of no such method, scale and image: their files are gone since."""
        present = {(method, scale, storable(image)) for method, scale, image in places}
        with self._transaction() as database:
            known = database.execute(f"SELECT method, scale, image FROM pair WHERE run = {_RUN}", (name,)).fetchall()
            gone = [(name, *place) for place in known if place not in present]
            where = f"run = {_RUN} AND method = ? AND scale = ? AND image = ?"
            database.executemany(f"DELETE FROM pair WHERE {where}", gone)

    def finish(self, name: str) -> None:
        """Write down that a run has come to its end."""
        self._rows("UPDATE run SET finished = ? WHERE name = ?", (_now(), name))

    def keep_responses(self, name: str, contents: Mapping[tuple[str, float], bytes]) -> None:
        """Keep the impulse responses of networks, by method and scale, as `hyra.results.storage` makes them bytes."""
        rows = [(name, *place, content) for place, content in contents.items()]
        with self._transaction() as database:
            database.executemany(f"INSERT OR REPLACE INTO response VALUES ({_RUN}, ?, ?, ?)", rows)

    def responses(self, name: str) -> dict[tuple[str, float], bytes]:
        """What `keep_responses` kept of a run."""
        rows = self._rows(f"SELECT method, scale, content FROM response WHERE run = {_RUN}", (name,))
        return {(method, scale): content for method, scale, content in rows}

    def is_empty(self) -> bool:
        """Whether no score is kept yet."""
        return not self._rows("SELECT 1 FROM score LIMIT 1", ())

    def known(self, target: str) -> dict[Key, float]:
        """The scores of all predictions of a reference, by the digest of its content."""
        rows = self._rows(_KNOWN, (target,))
        return {Key(*key): _number(value) for *key, value in rows}

    def runs(self) -> list[Run]:
        """All runs, the oldest first.

        Raises:
            ValueError: the plan of one asks for what this version does not know.
        """
        return [_run(row) for row in self._rows(_RUNS)]

    def run(self, name: str) -> Run:
        """The run of that name.

        Raises:
            ValueError: there is none.
        """
        runs = {run.name: run for run in self.runs()}
        if name not in runs:
            raise ValueError(f"run must be one of {', '.join(runs) or 'none: the store is empty'}, got {name!r}")
        return runs[name]

    def outcomes(self, name: str) -> Iterator[Outcome]:
        """What a run measured, in the order of its methods, scales and images."""
        values: dict[tuple[str, float, str], dict[Key, float]] = {}
        for method, scale, image, *key, value in self._rows(_VALUES, (name,)):
            values.setdefault((method, scale, image), {})[Key(*key)] = _number(value)
        for *place, preds, target, notes, error in self._rows(_PAIRS, (name,)):
            scores = values.get((place[0], place[1], place[2]), {})
            yield Outcome(place[0], place[1], place[2], preds, target, scores, json.loads(notes), error)


_ADD = "INSERT OR REPLACE INTO pair VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_RUN = "(SELECT id FROM run WHERE name = ?)"
_RUNS = "SELECT name, plan, methods, started, finished, context FROM run ORDER BY id"
_KEYS = "score.preds, score.target, score.name, score.settings, score.version, score.value"
_KNOWN = f"SELECT {_KEYS} FROM score WHERE target = ?"
_VALUES = f"""
SELECT pair.method, pair.scale, pair.image, {_KEYS}
FROM run JOIN pair ON pair.run = run.id JOIN run_score ON run_score.run = run.id AND run_score.scale = pair.scale
JOIN score ON score.preds = pair.preds AND score.target = pair.target AND score.name = run_score.name
    AND score.settings = run_score.settings AND score.version = run_score.version
WHERE run.name = ? ORDER BY run_score.place"""
_PAIRS = """
SELECT method, scale, image, preds_file, target_file, notes, error
FROM run JOIN pair ON pair.run = run.id WHERE run.name = ? ORDER BY place, method, scale, image"""


def _run(row: Sequence[Any]) -> Run:
    try:
        check_run(row)
        name, plan, methods, started, finished, context = row
        return Run(name, Plan(**parsed(plan)), loaded(methods), started, finished, parsed(context))
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"the store has a run that this version of hyra cannot read: {message(error)}") from error


def check_run(row: Sequence[object]) -> None:
    """What a run's row holds is of the kinds that `Runs.begin` writes: SQLite keeps any in any column.

    Args:
        row: name, plan, methods, start, end and context.

    Raises:
        ValueError: it is not.
    """
    name, plan, methods, started, finished, context = row
    texts = {"name": name, "plan": plan, "methods": methods, "started": started, "context": context}
    texts |= {} if finished is None else {"finished": finished}
    for column, text in texts.items():
        if not isinstance(text, str):
            raise ValueError(f"{column} must be a text, got {validate.kind(text)}")
    parsed(str(plan)), parsed(str(context))
    unpack(tuple[tuple[str, float, str, str], ...], loaded(str(methods)), {}, FORMAT, "methods")


def storable(name: str) -> str:
    """A file's name as SQLite can keep it: bytes that are no UTF-8 become escapes."""
    return name.encode("utf-8", "backslashreplace").decode()


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
