"""The table of an evaluation in LaTeX, with the rules of the package booktabs."""

from __future__ import annotations

import re

from hyra._util.texts import printable
from hyra.evaluate.formats.records import utf8
from hyra.evaluate.tables.networks import NOTE
from hyra.evaluate.tables.table import SHOWN, Cell, Row, Table

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{character: f"{{{character}}}" for character in "[]*"},  # which may be arguments of the command before
    '"': r"{\char34}",
}


def table(table: Table) -> bytes:
    r"""A float to ``\input``: the best of a scale is bold, the second underlined; notes below.

    Notes name the first images that are left out; comments above the float name all.
    """
    headings = map(escaped, table.headings({True: "", False: ""}))
    arrows = ["", "", *(_ARROWS[of.higher_is_better] for of in table.scores), ""]
    titles = [f"{title}{arrow}" for title, arrow in zip(headings, arrows, strict=True)]
    lines = ["% \\usepackage{booktabs}", *(f"% {printable(note)}" for note in table.notes())]
    lines += [r"\begin{table}", r"\centering", rf"\caption{{{escaped(table.name)}}}", r"\smallskip"]
    lines += [rf"\begin{{tabular}}{{ll{'r' * len(table.scores)}r}}", r"\toprule", _line(titles)]
    for group in table.groups():
        lines += [r"\midrule", *(_row(row, table) for row in group)]
    notes = ["Best of a scale in bold, second underlined.", *table.notes(SHOWN)]
    lines += [r"\bottomrule", r"\end{tabular}"]
    if networks := table.network_rows():
        lines += _networks(networks)
        notes.append(NOTE)
    lines += ["", r"\smallskip", r"\raggedright\footnotesize"]
    lines += [rf"{escaped(note)}\par" for note in notes]
    return utf8("\n".join((*lines, r"\end{table}", "")))


def escaped(text: str) -> str:
    r"""A text that LaTeX prints as it is.

    Example:
        >>> print(escaped("50%_of [a]"))
        50\%\_of {[}a{]}
    """
    letters = "".join(_ESCAPES.get(character, character) for character in printable(text))
    return re.sub(r"([-'`,?!])(?=[-'`,])", r"\1{}", letters)  # which would melt into one sign


def _networks(rows: list[list[str]]) -> list[str]:
    """A second table below that of the scores."""
    heading, *lines = [list(map(escaped, row)) for row in rows]
    scales = [[cells[0], cells[1].replace("x", r"$\times$", 1), *cells[2:]] for cells in lines]
    begin = ["", r"\medskip", r"\footnotesize", rf"\begin{{tabular}}{{ll{'r' * (len(heading) - 2)}}}", r"\toprule"]
    return [*begin, _line(heading), r"\midrule", *map(_line, scales), r"\bottomrule", r"\end{tabular}"]


_ARROWS = {True: r" $\uparrow$", False: r" $\downarrow$", None: ""}


def _row(row: Row, table: Table) -> str:
    scale = rf"$\times${row.summary.scale:g}"
    return _line([escaped(row.label), scale, *(_cell(row.cell(of)) for of in table.scores), row.images])


def _cell(cell: Cell) -> str:
    value = {"inf": r"$\infty$", "-inf": r"$-\infty$", "-": "--"}.get(cell.value, cell.value.replace("-", "$-$"))
    mark = {1: r"\textbf", 2: r"\underline"}.get(cell.rank or 0)
    parts = [value if mark is None else f"{mark}{{{value}}}"]
    if cell.interval:
        parts.append(rf"{{\scriptsize {cell.interval.replace('-', '$-$')}}}")
    if cell.count is not None:
        parts.append(rf"{{\scriptsize $n={cell.count}$}}")
    return " ".join(parts)


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"
