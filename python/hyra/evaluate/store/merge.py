"""Stores of scores put together: those of shards, or of machines that measured different methods."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyra._util.texts import printable
from hyra.evaluate.store.runs import Runs, check_run
from hyra.evaluate.store.shards import Shard

_WHOLE = {"index": 0, "count": 1, "whole": None}
"""What a run that is no shard says about itself."""


@dataclass(frozen=True)
class Merged:
    """A run as it is after merging.

    Attributes:
        name: of the run.
        pairs: how many there are.
        shards: how many it was measured in.
        missing: those of which there is nothing yet.
        unfinished: those that were interrupted, or are under way.
    """

    name: str
    pairs: int
    shards: int
    missing: tuple[Shard, ...] = ()
    unfinished: tuple[Shard, ...] = ()


def merge(out: str | Path, stores: Sequence[str | Path]) -> list[Merged]:
    """Put the runs and the scores of several stores into one, all of them or, where any do not agree, nothing.

    Runs of one name, of the same plan and methods, become one. Merging what is merged already changes nothing, and a
    shard that comes later, or went on after an interruption, can be merged later.

    Args:
        out: a store, made if it is not there. What it holds stays.
        stores: the files to take from; they are not changed.

    Returns:
        The runs that were merged.

    Raises:
        FileNotFoundError: there is no such store.
        ValueError: a file is no store, two runs of one name differ in their plan, methods, images or number of shards,
            or a pair has other contents or other scores in another store.

    Example:
        >>> import tempfile
        >>> from hyra.evaluate.work.plan import Plan
        >>> from hyra.evaluate.work.tasks import Outcome
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     parts = [Path(folder, f"{part}.sqlite") for part in "ab"]
        ...     for part in parts:
        ...         with Runs(part) as runs:
        ...             runs.begin("first", Plan(("psnr",)), [["EDSR", 4.0, "sr", "hr"]], {})
        ...             runs.add("first", 0, Outcome("EDSR", 4.0, part.stem, "sr/x", "hr/x", error="no such file"))
        ...     merge(Path(folder, "all.sqlite"), parts)[0].pairs
        2
    """
    out, files = Path(out), [Path(store) for store in stores]
    if not files:
        raise ValueError("stores must hold at least one file, got none")
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"no such store: {file}")
        if out.exists() and out.samefile(file):
            raise ValueError(f"{file} must be another file than the one that is merged into")
    is_new = not out.exists()
    try:
        with _Target(out) as target:
            return target.take(files)
    except BaseException:
        if is_new:
            out.unlink(missing_ok=True)
        raise


class _Part(Runs):
    """A store that is merged into another."""

    def rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        return self._database.execute(query)


class _Target(Runs):
    """The store that others are merged into."""

    def take(self, files: Sequence[Path]) -> list[Merged]:
        names: dict[str, None] = {}
        with self._transaction() as database:
            for file in files:
                with _Part(file, read_only=True) as part:
                    _take_scores(database, part, file)
                    for run in part.rows("SELECT name, started, finished, plan, methods, context, id FROM run"):
                        _take_run(database, part, file, run)
                        names[run[0]] = None
            return [_finish(database, name) for name in names]


def _take_scores(database: sqlite3.Connection, part: _Part, file: Path) -> None:
    if conflict := _take(database, "score", part.rows("SELECT * FROM score"), _OTHER_SCORE):
        name, there, here, preds, target = conflict
        raise ValueError(
            f"{file} has {name} = {there} for the contents {preds[:12]} and {target[:12]}, where another store has "
            f"{here}: they were measured on different kinds of machines, or one was changed"
        )


def _take_run(database: sqlite3.Connection, part: _Part, file: Path, run: tuple[Any, ...]) -> None:
    name, started, finished, plan, methods, text, number = run
    try:
        check_run((name, plan, methods, started, finished, text))
    except ValueError as error:
        raise ValueError(f"{file} has a run that cannot be read: {error}") from error
    place = f"the run {printable(name)} of {file}"
    context, shards = _parts(text, finished)
    query = "SELECT started, finished, plan, methods, context FROM run WHERE name = ?"
    known = database.execute(query, (name,)).fetchone()
    if known is None:
        row = (name, started, plan, methods)
        database.execute("INSERT INTO run VALUES (NULL, ?, ?, NULL, ?, ?, '')", row)
    else:
        first, others = _parts(known[4], known[1])
        for what, here, there in (
            ("another plan", known[2], plan),
            ("other methods", known[3], methods),
            (f"{shards['count']} shards and not {others['count']}", others["count"], shards["count"]),
            ("other images", others["whole"], shards["whole"]),
        ):
            if here != there:
                raise ValueError(f"{place} has {what}, where another store has a run of that name")
        if min(others["done"], key=int) <= min(shards["done"], key=int):
            context = first
        started = min(started, known[0])
        done = {index: shards["done"].get(index) or end for index, end in others["done"].items()}
        shards["done"] = dict(sorted({**shards["done"], **done}.items(), key=lambda item: int(item[0])))
    values = (started, json.dumps({**context, "shards": shards}), name)
    database.execute("UPDATE run SET started = ?, context = ? WHERE name = ?", values)
    (own,) = database.execute("SELECT id FROM run WHERE name = ?", (name,)).fetchone()
    for table, columns, conflict, what in (
        ("run_score", _RUN_SCORE, _OTHER_VERSION, "other versions or settings of {}"),
        ("pair", _PAIR, _OTHER_PAIR, "other contents or another outcome of {}"),
    ):
        rows = part.rows(f"SELECT {own}, {columns} FROM {table} WHERE run = {number}")
        if which := _take(database, table, rows, conflict):
            other = what.format(printable(", ".join(map(str, which))))
            raise ValueError(f"{place} has {other} than another store: merge what is of the same, or into a new file")
    rows = part.rows(f"SELECT {own}, method, scale, content FROM response WHERE run = {number}")
    database.executemany("INSERT OR IGNORE INTO response VALUES (?, ?, ?, ?)", rows)


def _take(
    database: sqlite3.Connection, table: str, rows: Iterable[tuple[Any, ...]], conflict: str
) -> tuple[Any, ...] | None:
    """Insert the rows that are not there, unless one is there with something else: then what the query says of it."""
    columns = len(database.execute(f"SELECT * FROM {table} LIMIT 0").description)
    database.execute(f"CREATE TEMP TABLE taken AS SELECT * FROM {table} WHERE false")
    database.executemany(f"INSERT INTO taken VALUES ({', '.join('?' * columns)})", rows)
    first: tuple[Any, ...] | None = database.execute(conflict).fetchone()
    if first is None:
        database.execute(f"INSERT OR IGNORE INTO {table} SELECT * FROM taken")
    database.execute("DROP TABLE temp.taken")
    return first


def _parts(text: str, finished: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The context of a run without its parts, and these: how many, of what whole, when each was finished."""
    context: dict[str, Any] = json.loads(text)
    shard = context.pop("shard", _WHOLE)
    alone = {"count": shard["count"], "whole": shard["whole"], "done": {str(shard["index"]): finished}}
    return context, context.pop("shards", alone)


def _finish(database: sqlite3.Connection, name: str) -> Merged:
    """Whether the run is whole by now."""
    (text,) = database.execute("SELECT context FROM run WHERE name = ?", (name,)).fetchone()
    parts = json.loads(text)["shards"]
    shards = [Shard(index, parts["count"]) for index in range(parts["count"])]
    missing = tuple(shard for shard in shards if str(shard.index) not in parts["done"])
    unfinished = tuple(Shard(int(index), parts["count"]) for index, end in parts["done"].items() if end is None)
    ends = [end for end in parts["done"].values() if end]
    finished = None if missing or unfinished else max(ends)
    database.execute("UPDATE run SET finished = ? WHERE name = ?", (finished, name))
    count = "SELECT count(*) FROM run JOIN pair ON pair.run = run.id WHERE run.name = ?"
    (pairs,) = database.execute(count, (name,)).fetchone()
    return Merged(name, pairs, len(shards), missing, unfinished)


_RUN_SCORE = "scale, place, name, settings, version"
_PAIR = "place, method, scale, image, preds_file, target_file, preds, target, notes, error"
_OTHER_SCORE = """
SELECT name, taken.value, score.value, preds, target
FROM taken JOIN score USING (preds, target, name, settings, version) WHERE taken.value IS NOT score.value LIMIT 1"""
_OTHER_VERSION = """
SELECT name FROM taken JOIN run_score USING (run, scale, name)
WHERE (taken.settings, taken.version) IS NOT (run_score.settings, run_score.version) LIMIT 1"""
_OTHER_PAIR = """
SELECT method, printf('x%g', scale), image FROM taken JOIN pair USING (run, method, scale, image)
WHERE (taken.preds, taken.target, taken.error) IS NOT (pair.preds, pair.target, pair.error) LIMIT 1"""
