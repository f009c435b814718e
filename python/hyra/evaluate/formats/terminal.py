"""The table of an evaluation on a terminal."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from hyra.evaluate.tables.networks import NOTE
from hyra.evaluate.tables.table import SHOWN, Cell, Table


def show(table: Table, stream: TextIO | None = None) -> None:
    """Print it: in colour-free styles on a terminal where rich is installed (extra `evaluate`), else as plain text.

    Args:
        table: of `Evaluation.table`.
        stream: where; standard output by default.
    """
    out = sys.stdout if stream is None else stream
    if out.isatty():
        try:
            from rich.console import Console
        except ModuleNotFoundError:
            pass
        else:
            console = Console(file=out, highlight=False)
            console.print(styled(table))
            for note in ("Best of a scale in bold, second underlined.", *table.notes(SHOWN)):
                console.print(note, markup=False, style="dim")
            if networks := table.network_rows():
                console.print(_networks(networks))
                console.print(NOTE, markup=False, style="dim")
            return
    out.write(f"{table}\n")


def styled(table: Table) -> Any:
    """A table of rich, a section for each scale: the best bold, the second underlined."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(title=Text(table.name), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, title in enumerate(table.headings({True: "↑", False: "↓"})):
        grid.add_column(Text(title), justify="left" if index == 0 else "right")
    for group in table.groups():
        for row in group:
            cells = (_cell(row.cell(of), Text) for of in table.scores)
            grid.add_row(Text(row.label), f"x{row.summary.scale:g}", *cells, row.images)
        grid.add_section()
    return grid


def _networks(rows: list[list[str]]) -> Any:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, title in enumerate(rows[0]):
        grid.add_column(Text(title), justify="left" if index == 0 else "right")
    for row in rows[1:]:
        grid.add_row(*map(Text, row))
    return grid


def _cell(cell: Cell, text: Any) -> Any:
    mark = {1: "bold", 2: "underline"}.get(cell.rank or 0, "")
    return text.assemble((cell.value, mark), (str(cell).removeprefix(cell.value), "dim"))
