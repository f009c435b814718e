"""The table of an evaluation, and its scores image by image, in files of every format; the suffix decides.

>>> from hyra.evaluate.formats import write_images, write_table
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from hyra._util.files import replacing
from hyra.evaluate.evaluation import Evaluation
from hyra.evaluate.formats import images, latex, markdown, means, records
from hyra.evaluate.formats.terminal import show
from hyra.evaluate.tables.table import Table

__all__ = ["IMAGES", "TABLES", "check", "show", "write_images", "write_table"]

TABLES: Mapping[str, Callable[[Table], bytes]] = {
    ".md": markdown.table,
    ".csv": means.as_csv,
    ".json": means.as_json,
    ".parquet": means.as_parquet,
    ".tex": latex.table,
}
"""Formats of a table by the suffix of the file."""

IMAGES: Mapping[str, Callable[[Evaluation], bytes]] = {
    ".csv": images.as_csv,
    ".json": images.as_json,
    ".parquet": images.as_parquet,
}
"""Formats of scores image by image."""


def write_table(table: Table, file: str | Path) -> None:
    """Write the means, whole or not at all.

    All formats hold the same: means, 95 % intervals, ranks, and how many and which images failed, equal their
    reference or have no finite score; and the protocol in words. Markdown and LaTeX are for people: the best of a
    scale is bold, the second in italics or underlined; LaTeX needs the package booktabs. In CSV and Parquet each row
    is a method at a scale; lists of images are JSON in CSV. JSON has ``null`` for NaN and ``"Infinity"``.

    Args:
        table: of `Evaluation.table`.
        file: ends in ``.md``, ``.csv``, ``.json``, ``.parquet`` (extra `evaluate`) or ``.tex``.

    Raises:
        ValueError: the file has another suffix.
        ModuleNotFoundError: pyarrow is not installed, for Parquet.
    """
    _write(TABLES[check(file, TABLES)](table), file)


def write_images(evaluation: Evaluation, file: str | Path) -> None:
    """Write every score of every image, whole or not at all: a row for each method, scale and image.

    Args:
        evaluation: with its outcomes.
        file: ends in ``.csv``, ``.json`` or ``.parquet`` (extra `evaluate`).

    Raises:
        ValueError: the file has another suffix.
        ModuleNotFoundError: pyarrow is not installed, for Parquet.
    """
    _write(IMAGES[check(file, IMAGES)](evaluation), file)


def check(file: str | Path, formats: Mapping[str, object]) -> str:
    """The suffix of a file that can be written: to be asked before a long computation.

    Raises:
        ValueError: it is none of these formats.
        ModuleNotFoundError: it is Parquet, and pyarrow is not installed.

    Example:
        >>> check("table.TEX", TABLES)
        '.tex'
    """
    suffix = Path(file).suffix.lower()
    if suffix not in formats:
        raise ValueError(f"the file to write must end in one of {', '.join(formats)}, got {str(file)!r}")
    if suffix == ".parquet":
        records.pyarrow()
    return suffix


def _write(contents: bytes, file: str | Path) -> None:
    with replacing(file) as opened:
        opened.write(contents)
