"""What a score is of: contents, not names, so a replaced image is scored anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

VERSIONS = {"fsds": 1}
"""Of the definition of each score: raised when its numbers change, so that older ones are computed again."""


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

    @classmethod
    def of(cls, preds: Path, target: Path, name: str, settings: Mapping[str, Any]) -> Self:
        """The key of a score of two files."""
        return cls(digest(preds), digest(target), name, json.dumps(settings, sort_keys=True), VERSIONS[name])
