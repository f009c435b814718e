"""Files that a killed process or a full disk leaves whole: as they were before, or as they should be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO
from uuid import uuid4


@contextmanager
def replacing(file: str | Path) -> Iterator[BinaryIO]:
    """Write a new file, which takes the place of `file` when the block has ended well; folders are made.

    Its permissions follow the umask. Where `file` is a link, what it leads to is replaced.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing(f"{folder}/text") as opened:
        ...         _ = opened.write(b"whole")
        ...     Path(folder, "text").read_text()
        'whole'
    """
    target = Path(os.path.realpath(file))
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and not target.is_file():  # a device or a pipe is written to; a folder is an error
        with target.open("wb") as opened:
            yield opened
        return
    part = target.with_name(f".{uuid4().hex}.partial")
    try:
        with part.open("xb") as opened:
            yield opened
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def check_writable(path: str | Path, *, folder: bool = False) -> None:
    """A file, or a folder, can be written: to be asked before long work. Nothing is made.

    Raises:
        OSError: it cannot, and why.

    Example:
        >>> check_writable("/dev/null/table.csv")
        Traceback (most recent call last):
        ...
        NotADirectoryError: /dev/null/table.csv cannot be written: /dev/null is no folder
    """
    target = Path(os.path.realpath(path))
    if folder and target.exists() and not target.is_dir():
        raise NotADirectoryError(f"{path} must be a folder, got a file")
    if not folder and target.is_dir():
        raise IsADirectoryError(f"{path} must be a file, got a folder")
    if not folder and target.exists() and not target.is_file():  # a device
        return
    place = target if folder else target.parent
    while not os.path.lexists(place):
        place = place.parent
    if not place.is_dir():
        raise NotADirectoryError(f"{path} cannot be written: {place} is no folder")
    try:
        with TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise type(error)(f"{path} cannot be written: {error.strerror} in {place}") from error


def write_text(file: str | Path, text: str, errors: str = "backslashreplace") -> None:
    """Write `text` as UTF-8 in place of what `file` holds; folders are made.

    A file name that is not UTF-8 has surrogates in Python. They are written as escapes, or with
    ``errors="surrogateescape"`` as the bytes that they stand for.
    """
    with replacing(file) as opened:
        opened.write(text.encode("utf-8", errors))


def append_line(file: str | Path, line: str) -> None:
    """Add a line to a text file, all of it or nothing; after a line that somebody left unfinished it begins anew.

    Raises:
        OSError: there is no space for it, or the file cannot be written; then it is as it was before.
    """
    with open(file, "a+b", buffering=0) as opened:
        end = opened.seek(0, os.SEEK_END)
        opened.seek(max(end - 1, 0))
        rest = b"\n" * (opened.read(1) not in {b"", b"\n"}) + line.encode() + b"\n"
        try:
            while rest:
                rest = rest[opened.write(rest) :]
        except BaseException:
            with suppress(OSError):
                opened.truncate(end)
            raise
