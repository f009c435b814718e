"""Records of named values as CSV, JSON and Parquet."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from hyra._util.extra import extra

Columns = Mapping[str, str]
"""The kind of each column: ``"text"``, ``"integer"``, ``"number"`` or ``"texts"``, a list."""


def utf8(text: str) -> bytes:
    r"""A text with what is no letter, such as half of a file's name in another encoding, as an escape.

    Example:
        >>> utf8("a\udcff")
        b'a\\udcff'
    """
    return text.encode("utf-8", "backslashreplace")


def as_csv(columns: Columns, records: Sequence[Mapping[str, Any]]) -> bytes:
    """A heading and a line for each record; empty where there is nothing, lists as JSON."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for record in records:
        values = (record[name] for name in columns)
        writer.writerow(_json_text(value) if isinstance(value, list) else value for value in values)
    return utf8(text.getvalue())


def as_json(document: Mapping[str, Any]) -> bytes:
    """Standard JSON: NaN is null, an infinity is a text that JavaScript and Python read as a number."""
    return utf8(_json_text(document, indent=1) + "\n")


def as_parquet(columns: Columns, records: Sequence[Mapping[str, Any]], metadata: Mapping[str, Any]) -> bytes:
    """A row for each record; what stands beside them is JSON under the key `hyra`."""
    pa, parquet = pyarrow()
    types = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "texts": pa.list_(pa.string())}
    fields = [pa.field(name, types[kind]) for name, kind in columns.items()]
    schema = pa.schema(fields, metadata={b"hyra": utf8(_json_text(metadata))})
    arrays = [pa.array([_clean(record[each.name]) for record in records], each.type) for each in fields]
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), sink)
    return sink.getvalue()


def pyarrow() -> tuple[Any, Any]:
    """The package and its part for Parquet, or a sentence that says how to install it."""
    with extra("evaluate", "a Parquet file"):
        import pyarrow as package
        from pyarrow import parquet

    return package, parquet


def _json_text(value: Any, indent: int | None = None) -> str:
    return json.dumps(_standard(value), indent=indent, ensure_ascii=False, allow_nan=False)


def _standard(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): _standard(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_standard(each) for each in value]
    return value


def _clean(value: Any) -> Any:
    if isinstance(value, list):
        return [_clean(each) for each in value]
    return utf8(value).decode() if isinstance(value, str) else value
