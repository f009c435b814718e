"""Scores kept in one SQLite file: by what was scored, not by its name, so a replaced image is scored anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from hyra.evaluate.work.keys import Key

_APPLICATION = 0x68797261  # "hyra" in SQLite's application_id
_FORMAT = 2
_WAIT_S = 60.0
KEEP = "INSERT OR REPLACE INTO score VALUES (?, ?, ?, ?, ?, ?)"
"""What keeps a score: its key, and its value."""
_SCHEMAS = (
    """
CREATE TABLE score (
    preds TEXT NOT NULL, target TEXT NOT NULL, name TEXT NOT NULL, settings TEXT NOT NULL, version INTEGER NOT NULL,
    value REAL, -- NULL is NaN
    PRIMARY KEY (preds, target, name, settings, version)
) WITHOUT ROWID
""",
    """
CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, started TEXT NOT NULL, finished TEXT,
    plan TEXT NOT NULL, methods TEXT NOT NULL, context TEXT NOT NULL
);
CREATE TABLE run_score (
    run INTEGER NOT NULL REFERENCES run, scale REAL NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL,
    settings TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (run, scale, name)
) WITHOUT ROWID;
CREATE TABLE pair (
    run INTEGER NOT NULL REFERENCES run, place INTEGER NOT NULL, method TEXT NOT NULL, scale REAL NOT NULL,
    image TEXT NOT NULL, preds_file TEXT NOT NULL, target_file TEXT NOT NULL, preds TEXT, target TEXT,
    notes TEXT NOT NULL, error TEXT, PRIMARY KEY (run, method, scale, image)
) WITHOUT ROWID;
CREATE INDEX score_by_target ON score (target)
""",
)
"""What each format adds to the one before: scores by content; the runs that measured them, and of which files."""


class StoreError(ValueError, OSError):
    """A store cannot be read or written, whatever is scored: a fault of no image."""


class Store:
    """A file of scores, made if it is not there; each score is a transaction of its own, so none is lost.

    Several processes may share a file: they wait for each other.

    Args:
        file: where it is; None for one in memory, gone when it is closed.

    Raises:
        StoreError: the file is no store of scores, or cannot be read or written.
        ValueError: it is one of a later version of hyra.

    Example:
        >>> import tempfile
        >>> key = Key("a" * 64, "b" * 64, "fsds", "{}", 1)
        >>> with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "scores.sqlite") as store:
        ...     store[key] = 30.5
        ...     store.get(key), store.get(Key("c" * 64, "b" * 64, "fsds", "{}", 1))
        (30.5, None)
    """

    def __init__(self, file: Path | None) -> None:
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file
        with self._explained():
            self._database = sqlite3.connect(
                ":memory:" if file is None else file, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
            )
        try:
            with self._explained():
                self._open()
        except BaseException:
            self._database.close()
            raise

    def _open(self) -> None:
        with self._database as database:
            database.execute("BEGIN IMMEDIATE")  # of two processes that make the file, one waits
            (application,) = database.execute("PRAGMA application_id").fetchone()
            (version,) = database.execute("PRAGMA user_version").fetchone()
            (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if application != _APPLICATION and (application, version, tables) != (0, 0, 0):
                raise ValueError(f"{self._file} must be a store of scores, or not there yet, got another database")
            if version > _FORMAT:
                raise ValueError(f"{self._file} was written by a later version of hyra (format {version}): update hyra")
            for schema in _SCHEMAS[version:]:
                for statement in schema.split(";"):
                    database.execute(statement)
            if version < _FORMAT:
                database.execute(f"PRAGMA application_id = {_APPLICATION}")
                database.execute(f"PRAGMA user_version = {_FORMAT}")
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is written inside, or nothing; another process that writes is waited for.

        Raises:
            StoreError: the disk is full, the file cannot be written, or another process writes for too long.
        """
        with self._explained():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                if self._database.in_transaction:  # a full disk has ended it already
                    self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What SQLite has to say, as a sentence about the file."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StoreError(f"{self._file} cannot keep the scores: {error}") from error
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self._file} must be a store of scores, or not there yet, got: {error}") from error

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        with self._explained():
            return self._database.execute(query, values).fetchall()

    def get(self, key: Key) -> float | None:
        """The score of that key, None where there is none yet."""
        where = "preds = ? AND target = ? AND name = ? AND settings = ? AND version = ?"
        rows = self._rows(f"SELECT value FROM score WHERE {where}", key)
        if not rows:
            return None
        return float("nan") if rows[0][0] is None else float(rows[0][0])

    def __setitem__(self, key: Key, value: float) -> None:
        self._rows(KEEP, (*key, value))
