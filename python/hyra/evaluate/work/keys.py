"""What a score is of: contents, not names, so a replaced image is scored anew."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple


def digest(file: Path) -> str:
    """What is in a file, as a hash of 64 digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


class Key(NamedTuple):
    """What a score is of: the contents of both files, the score's name, its settings as JSON, and its version."""

    preds: str
    target: str
    name: str
    settings: str
    version: int
