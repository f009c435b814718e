"""The pairs that a page shows as pictures: the worst and the best images of each method, as far as there is room."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from hyra._util.progress import Progress
from hyra._util.texts import message
from hyra.evaluate.inputs.outputs import digest_of_saved
from hyra.evaluate.scoring.score import Score
from hyra.evaluate.work.sources import File
from hyra.evaluate.work.tasks import Outcome
from hyra.report.evaluation.pictures import Pictures, pictures

LENGTH = 8 << 20
"""Characters that all pictures of a page may take together."""


@dataclass(frozen=True)
class Example:
    """A pair that deserves a look.

    Attributes:
        outcome: the pair with its scores.
        end: one of `Score.ends`.
        place: 1 for the very worst or best.
        pictures: None where they could not be made.
        problem: why not.
    """

    outcome: Outcome
    end: str
    place: int
    pictures: Pictures | None = None
    problem: str = ""


def of(outcomes: Iterable[Outcome], by: Score, count: int, *, progress: bool = True) -> tuple[list[Example], int]:
    """The `count` worst and best of each method and scale with their pictures, and how many had no room on the page.

    The extremes of all methods come first, so that those which have no room are the less extreme ones.
    """
    chosen = list(_chosen(outcomes, by, count))
    made: list[Example] = []
    room = LENGTH
    with Progress(len(chosen), "picture", enabled=progress) as bar:
        for example in chosen:
            drawn = _drawn(example)
            room -= drawn.pictures.length if drawn.pictures else 0
            if room < 0:
                break
            made.append(drawn)
            bar.update(1)
    return made, len(chosen) - len(made)


def _chosen(outcomes: Iterable[Outcome], by: Score, count: int) -> Iterator[Example]:
    groups: dict[tuple[str, float], list[Outcome]] = {}
    for outcome in outcomes:
        if math.isfinite(outcome.value(by.name)):
            groups.setdefault((outcome.method, outcome.scale), []).append(outcome)
    ends = [_ends(group, by, count) for group in groups.values()]
    for places in zip_longest(*ends):
        yield from (example for example in places if example is not None)


def _ends(group: Sequence[Outcome], by: Score, count: int) -> list[Example]:
    """Of one method: the worst, the best, the second worst ...; no image is both."""
    sign = by.sign or 1
    ranked = sorted(group, key=lambda outcome: sign * outcome.value(by.name))
    half = len(ranked) // 2
    worst, best = ranked[: min(count, len(ranked) - half)], ranked[::-1][: min(count, half)]
    pairs = zip_longest(
        (Example(outcome, by.ends[0], place) for place, outcome in enumerate(worst, 1)),
        (Example(outcome, by.ends[1], place) for place, outcome in enumerate(best, 1)),
    )
    return [example for pair in pairs for example in pair if example is not None]


def _drawn(example: Example) -> Example:
    """With pictures of the files, if they still are what was scored."""
    outcome = example.outcome
    key = next(iter(outcome.values))
    try:
        sr, hr = (_file(*of) for of in ((outcome.preds, key.preds), (outcome.target, key.target)))
        made = pictures(sr.read(), hr.read())
    except (ValueError, OSError, ImportError, MemoryError, RuntimeError) as error:
        return Example(outcome, example.end, example.place, problem=message(error) or type(error).__name__)
    return Example(outcome, example.end, example.place, made)


def _file(name: str, digest: str) -> File:
    """The file that was scored.

    Raises:
        FileNotFoundError: it is not there any more.
        ValueError: it holds something else now.
    """
    path = Path(name)
    if not path.is_file():  # bytes of its name that are no UTF-8 are escapes in a store
        path = Path(re.sub(r"\\udc([89a-f][0-9a-f])", lambda match: chr(0xDC00 + int(match[1], 16)), name))
    if not path.is_file():
        raise FileNotFoundError(
            f"{name} was made by a network, and is not kept (hyra evaluate --save-images DIR keeps them)"
            if " of " in name
            else f"there is no file {name}: it has moved"
        )
    file = File(path)
    if digest not in (file.digest, digest_of_saved(path)):
        raise ValueError(f"{name} has changed since it was scored")
    return file
