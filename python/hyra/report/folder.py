"""The folder of a report while it is made."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyra import plots
from hyra.report import page

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass
class Folder:
    """What has been made so far; every figure is on disk as soon as it exists."""

    path: Path
    sections: list[tuple[str, list[str]]] = field(default_factory=list)

    def section(self, heading: str, *paragraphs: str) -> None:
        """Begin a section."""
        self.sections.append((heading, [page.paragraph(p) for p in paragraphs]))

    def add(self, part: str) -> None:
        """Add a piece of HTML to the last section."""
        self.sections[-1][1].append(part)

    def figure(self, name: str, made: tuple[Figure, Any], caption: str) -> None:
        """Save a figure as `name`.png, and add it to the last section."""
        buffer = io.BytesIO()
        plots.save(made[0], buffer, dpi=250)
        (self.path / f"{name}.png").write_bytes(buffer.getvalue())
        self.add(page.figure(buffer.getvalue(), name.replace("_", " "), caption, made[0].get_figwidth()))
