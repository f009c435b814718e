"""The table of an evaluation in Markdown, as GitHub shows it."""

from __future__ import annotations

import re

from hyra._util.texts import printable
from hyra.evaluate.formats.records import utf8
from hyra.evaluate.tables.networks import NOTE
from hyra.evaluate.tables.table import Cell, Table


def table(table: Table) -> bytes:
    """A table for each scale, and notes below: the best is bold, the second in italics."""
    heading = [escaped(title) for title in table.headings({True: "↑", False: "↓"})]
    lines = [f"**{escaped(table.name)}**", "", _line(heading), _rule(heading)]
    for row in table.rows:
        cells = [_cell(row.cell(of)) for of in table.scores]
        lines.append(_line([escaped(row.label), f"x{row.summary.scale:g}", *cells, row.images]))
    notes = ["Best of a scale in bold, second in italics.", *table.notes()]
    lines += ["", *(f"- {escaped(note)}" for note in notes)]
    if networks := table.network_rows():
        heading, *rows = [list(map(escaped, row)) for row in networks]
        lines += ["", _line(heading), _rule(heading), *map(_line, rows), "", f"- {escaped(NOTE)}"]
    return utf8("\n".join((*lines, "")))


def escaped(text: str) -> str:
    r"""A text that Markdown shows as it is, on one line.

    Example:
        >>> print(escaped("- a|b *c* <d>"))
        \- a\|b \*c\* \<d\>
    """
    anywhere = re.sub(r"([\\`*_\[\]<>|~&$])", r"\\\1", printable(text))
    return re.sub(r"^(\s*\d*)([-+#.)])", r"\1\\\2", anywhere)  # what would begin a list or a heading


def _cell(cell: Cell) -> str:
    mark = {1: "**", 2: "*"}.get(cell.rank or 0, "")
    over = "" if cell.count is None else f"n={cell.count}"
    return " ".join(part for part in (f"{mark}{cell.value}{mark}", cell.interval, over) if part)


def _rule(heading: list[str]) -> str:
    return _line(["---", *["---:"] * (len(heading) - 1)])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
