"""Scores kept in one SQLite file: by what was scored, not by its name, so a replaced image is scored anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from hyra.evaluate.store.database import StoreError, explained, open_to_read, open_to_write
from hyra.evaluate.work.keys import Key

__all__ = ["KEEP", "Store", "StoreError"]

KEEP = "INSERT OR REPLACE INTO score VALUES (?, ?, ?, ?, ?, ?)"
"""What keeps a score: its key, and its value."""


class Store:
    """A file of scores, made if it is not there; each score is a transaction of its own, so none is lost.

    Several processes may share a file: they wait for each other.

    Args:
        file: where it is; None for one in memory, gone when it is closed.
        read_only: it must be there, and is not written to, nor anything beside it.

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

    def __init__(self, file: Path | None, *, read_only: bool = False) -> None:
        self._file = file
        self._database = open_to_read(file) if read_only and file is not None else open_to_write(file)

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
        with explained(self._file):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                if self._database.in_transaction:  # a full disk has ended it already
                    self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        with explained(self._file):
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
