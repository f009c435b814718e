"""The sections of the page of an evaluation, in the order of reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from hyra.evaluate.evaluation import Evaluation
from hyra.evaluate.scoring.score import Score
from hyra.report import page
from hyra.report.evaluation import tables, words
from hyra.report.evaluation.examples import Example
from hyra.report.evaluation.pictures import SIDE

Section = tuple[str, list[str]]


def of(evaluation: Evaluation, shown: Sequence[Example], without_room: int, *, by: Score, count: int) -> list[Section]:
    """Every section but that of responses."""
    scores, lines = evaluation.run.plan.scores, evaluation.summaries()
    warning = words.unfinished(evaluation)
    return [
        ("", [page.paragraph(line) for line in words.lead(evaluation)] + [_warning(warning)] * bool(warning)),
        ("Scores", [tables.means(lines, scores), page.paragraph(words.MEANS, "note"), _no_script()]),
        ("Left out of the means", [tables.left_out(lines, evaluation.outcomes)]),
        (
            "Distributions",
            [_plot("distributions", "Scores of each method", ["score"]), page.paragraph(words.DISTRIBUTIONS, "note")],
        ),
        *([("One score against another", _scatter())] if len(scores) > 1 else []),
        (f"{by.ends[0].capitalize()} and {by.ends[1]} images", _examples(shown, without_room, by, count)),
        ("Every image", [page.paragraph(words.PAIRS, "note"), '<div id="pairs"></div>']),
    ]


def problems(shown: Iterable[Example]) -> list[str]:
    """Why pairs that should be shown are not."""
    missing = (example for example in shown if example.problem)
    return [f"{e.outcome.method} ×{e.outcome.scale:g}, {e.outcome.image}: {e.problem}" for e in missing]


def _warning(text: str) -> str:
    return page.paragraph(text, "warning")


def _no_script() -> str:
    return f"<noscript>{_warning(words.NO_SCRIPT)}</noscript>"


def _scatter() -> list[str]:
    return [
        _plot("scatter", "One score of each image against another", ["x", "y"]),
        page.paragraph(words.SCATTER, "note"),
    ]


def _plot(name: str, title: str, choices: Iterable[str]) -> str:
    """Where `plots.js` draws, below what the reader chooses: scores, and the scale."""
    labels = {"score": "score", "x": "across", "y": "upwards", "scale": "scale"}
    fields = "".join(
        f'<label>{labels[choice]} <select id="{name}-{choice}"></select></label>' for choice in (*choices, "scale")
    )
    return (
        f'<form class="choices">{fields}</form><div class="plot" id="{name}" role="figure" aria-label="{title}"></div>'
    )


def _examples(shown: Sequence[Example], without_room: int, by: Score, count: int) -> list[str]:
    parts = [
        page.paragraph(
            words.EXAMPLES.format(title=by.title, ends=" and ".join(by.ends), count=count, side=SIDE), "note"
        )
    ]
    if without_room:
        parts.append(page.paragraph(words.NO_ROOM.format(count=without_room), "note"))
    missing = problems(shown)
    if missing:
        items = "".join(f"<li>{escape(line)}</li>" for line in missing)
        label = f"{words.count(len(missing), 'pair')} cannot be shown"
        parts.append(f'<details class="warning"><summary>{label}</summary><ul>{items}</ul></details>')
    return [*parts, '<div id="examples"></div>']
