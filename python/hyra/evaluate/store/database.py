"""The database of a store: opened to be written to, or where nothing can be written; brought to the newest format."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

_APPLICATION = 0x68797261  # "hyra" in SQLite's application_id
_FORMAT = 3
_WAIT_S = 60.0
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
    """
CREATE TABLE response (
    run INTEGER NOT NULL REFERENCES run, method TEXT NOT NULL, scale REAL NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (run, method, scale)
) WITHOUT ROWID
""",
)
"""What each format adds to the one before: scores by content; the runs that measured them, and of which files; the
impulse responses of networks among their methods."""


class StoreError(ValueError, OSError):
    """A store cannot be read or written, whatever is scored: a fault of no image."""


def open_to_write(file: Path | None) -> sqlite3.Connection:
    """A store that is made if it is not there; None: in memory.

    A killed process loses no transaction that it has ended: with ``synchronous = NORMAL`` these are in the system's
    hands, and only where the power fails may the last ones be gone. The file is whole in any case.

    Raises:
        StoreError: it is no store, or cannot be read or written.
        ValueError: it is one of a later version of hyra.
    """
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    with explained(file):
        database = _connect(":memory:" if file is None else os.fsdecode(file))
    with _closed_on_error(database), explained(file):
        with database:
            database.execute("BEGIN IMMEDIATE")  # of two processes that make the file, one waits
            _renew(database, file)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
    return database


def open_to_read(file: Path) -> sqlite3.Connection:
    """A store that may lie where nothing can be written. Nothing is: one of an older format is renewed in memory.

    Raises:
        StoreError: it is no store, or cannot be read.
        ValueError: it is one of a later version of hyra.
    """
    with explained(file):
        database = _readable(file)
    with _closed_on_error(database), explained(file):
        if _version(database, file) == _FORMAT:
            return database
        memory = _connect(":memory:")
        with closing(database), _closed_on_error(memory):
            database.backup(memory)
            _renew(memory, file)
        return memory


@contextmanager
def explained(file: Path | None) -> Iterator[None]:
    """What SQLite has to say, as a sentence about the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreError(f"{file} cannot keep the scores: {error}") from error
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{file} must be a store of scores, or not there yet, got: {error}") from error


def _readable(file: Path) -> sqlite3.Connection:
    address = f"file:{quote(os.fsencode(file.absolute()))}?mode=ro"
    with suppress(sqlite3.OperationalError):  # it wants a file beside it, which may not be made
        return _tried(address)
    log = file.with_name(f"{file.name}-wal")
    if not (log.is_file() and log.stat().st_size):
        return _tried(f"{address}&immutable=1")
    with TemporaryDirectory() as folder:  # a killed process left a part of the store in a file of its own
        for part in (file, log):
            shutil.copyfile(part, Path(folder, part.name))
        memory = _connect(":memory:")
        with _closed_on_error(memory), closing(_connect(os.fsdecode(Path(folder, file.name)))) as copy:
            copy.backup(memory)
    return memory


def _tried(address: str) -> sqlite3.Connection:
    database = _connect(address)
    with _closed_on_error(database):
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return database


def _connect(name: str) -> sqlite3.Connection:
    is_address = name.startswith("file:")
    return sqlite3.connect(name, timeout=_WAIT_S, isolation_level=None, check_same_thread=False, uri=is_address)


def _version(database: sqlite3.Connection, file: Path | None) -> int:
    """The format of a store, 0 of an empty database."""
    application, version, tables = (
        database.execute(query).fetchone()[0]
        for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
    )
    if application != _APPLICATION and (application, version, tables) != (0, 0, 0):
        raise ValueError(f"{file} must be a store of scores, or not there yet, got another database")
    if version > _FORMAT:
        raise ValueError(f"{file} was written by a later version of hyra (format {version}): update hyra")
    return int(version)


def _renew(database: sqlite3.Connection, file: Path | None) -> None:
    """Bring a store to the newest format."""
    version = _version(database, file)
    for schema in _SCHEMAS[version:]:
        for statement in schema.split(";"):
            database.execute(statement)
    if version < _FORMAT:
        database.execute(f"PRAGMA application_id = {_APPLICATION}")
        database.execute(f"PRAGMA user_version = {_FORMAT}")


@contextmanager
def _closed_on_error(database: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        database.close()
        raise
