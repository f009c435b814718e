"""Text files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path


def write_text(path: Path, text: str, errors: str = "backslashreplace") -> None:
    """Write `text` as UTF-8 in place of what `path` holds; folders are made.

    A file name that is not UTF-8 has surrogates in Python. They are written as escapes, or with
    ``errors="surrogateescape"`` as the bytes that they stand for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(text.encode("utf-8", errors))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
