"""The tables of the page that stand there without a script: means, and what they leave out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from hyra.evaluate.scoring.score import Score
from hyra.evaluate.scoring.scores import score
from hyra.evaluate.tables.summary import Mean, Summary, ranks
from hyra.evaluate.work.tasks import Outcome
from hyra.report.evaluation.data import why
from hyra.report.evaluation.words import count

_MARKED = (1, 2)
"""Ranks that the style sets off, the best and the second."""

_ARROWS = {1: "↑", -1: "↓", 0: ""}
_COUNTS = ("images", "identical", "not finite", "failed", "not there")


def means(lines: Sequence[Summary], names: Sequence[str]) -> str:
    """A line for each method and scale, those that compare together; `table.js` makes it sortable."""
    lines = sorted(lines, key=lambda line: line.scale)
    scores = [score(name) for name in names]
    placed = {each.name: ranks(lines, each.name) for each in scores}
    titles = (f"{each.title}\N{NO-BREAK SPACE}{_ARROWS[each.sign]}".strip() for each in scores)
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in ("method", "scale", *titles, *_COUNTS))
    body = []
    for line in lines:
        cells = [f'<th scope="row">{escape(line.method)}</th>', _number(line.scale, f"×{line.scale:g}")]
        for each in scores:
            rank = placed[each.name].get((line.method, line.scale))
            mark = f"rank{rank}" if rank in _MARKED else ""
            cells.append(_mean(line.mean(each.name), each, mark))
        cells += (_number(number, str(number)) for number in _counts(line))
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        '<div class="table"><table class="sortable" id="means" data-noun="line">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def left_out(lines: Iterable[Summary], outcomes: Iterable[Outcome]) -> str:
    """Every image that a mean leaves out, by method, in blocks that open; a sentence where there are none."""
    reasons = {(pair.method, pair.scale, pair.image): why(pair) for pair in outcomes}
    blocks = []
    for line in lines:
        for kind, names in zip(_COUNTS[1:], _names(line), strict=True):
            if names:
                why_not = [reasons.get((line.method, line.scale, name), "other methods have it") for name in names]
                items = "".join(
                    f"<li><b>{escape(name)}</b> {escape(reason)}</li>"
                    for name, reason in zip(names, why_not, strict=True)
                )
                label = f"{line.method} ×{line.scale:g}: {count(len(names), 'image')} {kind}"
                blocks.append(f"<details><summary>{escape(label)}</summary><ul>{items}</ul></details>")
    return "".join(blocks) or "<p>None: every image of every method has a finite score.</p>"


def _names(line: Summary) -> tuple[list[str], ...]:
    """Identical, not finite, failed and absent images: each once, whichever scores say so."""
    identical = dict.fromkeys(name for mean in line.means for name in mean.identical)
    missing = dict.fromkeys(name for mean in line.means for name in mean.missing if name not in identical)
    return list(identical), list(missing), [name for name, _ in line.failed], list(line.absent)


def _counts(line: Summary) -> Sequence[int]:
    return line.images - len(line.failed), *map(len, _names(line))


def _mean(mean: Mean, of: Score, mark: str) -> str:
    if not math.isfinite(mean.value):
        return _number(mean.value, "–" if math.isnan(mean.value) else f"{mean.value:g}".replace("inf", "∞"))
    interval = "" if math.isnan(mean.low) else f"<small>{mean.low:.{of.digits}f} – {mean.high:.{of.digits}f}</small>"
    return _number(mean.value, f"{mean.value:.{of.digits}f}", mark, interval)


def _number(value: float, text: str, mark: str = "", more: str = "") -> str:
    """A cell that sorts by its number."""
    key = "" if math.isnan(value) else f"{value:.12g}".replace("inf", "Infinity")
    return f'<td class="number" data-value="{key}"><span class="{mark}">{text}</span>{more}</td>'
