"""Runs by what people call them: a name, a tag, the latest, the one before; in one store or in several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hyra._util.texts import printable
from hyra.evaluate.evaluation import Evaluation
from hyra.evaluate.store.runs import Run, Runs

LATEST, PREVIOUS = "latest", "previous"
_LISTED = 20


def existing(file: Path) -> Path:
    """The file of a store: one that is only looked at is not made.

    Raises:
        FileNotFoundError: there is none.
    """
    if not file.is_file():
        raise FileNotFoundError(f"no such store of scores: {file}")
    return file


def by_time(runs: Sequence[Run]) -> list[Run]:
    """The oldest first, whatever the order in which stores were merged."""
    return sorted(runs, key=lambda run: run.started)


def select(runs: Sequence[Run], word: str) -> Run:
    """The run of that name; else the ``latest`` or the ``previous`` one; else the newest with that tag.

    A run that came to no end counts, too: else one that crashed would be judged by the one before it.

    Raises:
        ValueError: there is none.

    Example:
        >>> from hyra.evaluate import Plan
        >>> runs = [Run("a", Plan(), [], "2026-01-01", context={"tags": ["main"]}), Run("b", Plan(), [], "2026-01-02")]
        >>> select(runs, "main").name, select(runs, "latest").name
        ('a', 'b')
    """
    ordered = by_time(runs)
    named = [run for run in ordered if run.name == word]
    if not named and word in (LATEST, PREVIOUS):
        place = 1 if word == LATEST else 2
        named = ordered[-place : len(ordered) - place + 1] if len(ordered) >= place else []
    named = named or [run for run in ordered if word in run.context.get("tags", ())]
    if named:
        return named[-1]
    names = ", ".join(printable(run.name) for run in ordered[-_LISTED:])
    known = f"the name or a tag of one of the {len(ordered)} runs ({names})" if ordered else "of a store that has any"
    raise ValueError(f"run must be {LATEST}, {PREVIOUS} or {known}, got {word!r}")


def load(file: Path, word: str) -> Evaluation:
    """A run of a store with all that it measured.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no store, or has no such run.
    """
    with Runs(existing(file), read_only=True) as runs:
        return Evaluation.load(runs, select(runs.runs(), word).name)


def pair_of_runs(texts: Sequence[str]) -> tuple[tuple[Path, str], tuple[Path, str]]:
    """Store and run of the two to be compared, from the words of a command line.

    ``STORE A B`` are two runs of a store, ``STORE A`` one and the latest, ``STORE`` the previous and the latest.
    ``FILE:RUN`` is a run of any store, and ``FILE`` in place of a run that store's latest. A run's name may hold
    colons: the file ends at the first one before which there is a file.

    Raises:
        FileNotFoundError: the first word names no file.
        ValueError: there are more than three words.
    """
    if not 1 <= len(texts) <= 3:
        raise ValueError(f"runs must be STORE A B, got {len(texts)} words")
    store, run = _file_and_run(texts[0]) or (existing(Path(texts[0])), None)
    if run is not None and len(texts) == 3:
        raise ValueError(
            f"runs must be STORE A B, or A B as FILE:RUN, got three words of which the first is {texts[0]!r}"
        )
    elsewhere = [_file_and_run(text) for text in texts[1:]]
    chosen = [
        (store, text) if found is None else (found[0], found[1] or LATEST)
        for text, found in zip(texts[1:], elsewhere, strict=True)
    ]
    if len(chosen) == 1 and (run or elsewhere[0]):
        chosen = [(store, run or LATEST), *chosen]
    elif len(chosen) < 2:
        chosen = [*(chosen or [(store, run or PREVIOUS)]), (store, LATEST)]
    return chosen[0], chosen[1]


def _file_and_run(text: str) -> tuple[Path, str | None] | None:
    """Of ``FILE`` or ``FILE:RUN``; None where there is no such file."""
    if Path(text).is_file():
        return Path(text), None
    parts = text.split(":")
    prefixes = (":".join(parts[:count]) for count in range(1, len(parts)))
    file = next((prefix for prefix in prefixes if prefix and Path(prefix).is_file()), None)
    return None if file is None else (Path(file), text[len(file) + 1 :] or None)
