"""The table of an evaluation for other programs: CSV, JSON, Parquet."""

from __future__ import annotations

from typing import Any

from hyra.evaluate.formats import records
from hyra.evaluate.tables.summary import LEVEL
from hyra.evaluate.tables.table import MEASURED, Row, Table
from hyra.split.parts import BAND_WIDTH


def as_csv(table: Table) -> bytes:
    """A line for each row, the protocol in a column."""
    return records.as_csv(*_flat(table))


def as_parquet(table: Table) -> bytes:
    """A row for each row, lists of images as lists."""
    return records.as_parquet(*_flat(table), {"run": table.name, "level": LEVEL, "notes": table.notes()})


def as_json(table: Table) -> bytes:
    """All of it, with the images that failed and their reasons."""
    columns = [
        {"name": of.name, "title": of.title, "unit": of.unit, "higher_is_better": of.higher_is_better}
        for of in table.scores
    ]
    protocols = {f"{scale:g}": words for scale, words in table.protocols.items()}
    document = {"run": table.name, "level": LEVEL, "protocols": protocols, "notes": table.notes(), "scores": columns}
    return records.as_json({**document, "rows": [_nested(row) for row in table.rows]})


def _nested(row: Row) -> dict[str, Any]:
    line = row.summary
    scores = {}
    for mean in line.means:
        interval = {"mean": mean.value, "low": mean.low, "high": mean.high, "rank": row.ranks.get(mean.score)}
        left_out = {"images": mean.count, "identical": mean.identical, "missing": mean.missing}
        scores[mean.score] = {**interval, **(left_out if row.source == MEASURED else {})}
    failed = [{"image": image, "error": reason} for image, reason in line.failed]
    counts = {"images": line.images, "failed": failed, "absent": line.absent} if row.source == MEASURED else {}
    network = {"network": _numbers(row)} if row.network else {}
    return {"method": line.method, "scale": line.scale, "source": row.source, **counts, "scores": scores, **network}


def _numbers(row: Row) -> dict[str, Any]:
    """What was measured of the network itself."""
    return {name: value for name, value in row.network.items() if name not in ("method", "scale")}


def _flat(table: Table) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """The columns, and a record for each row."""
    columns = {"method": "text", "scale": "number", "source": "text", "images": "integer"}
    for part in ("failed", "absent"):
        columns |= {part: "integer", f"{part}_images": "texts"}
    for of in table.scores:
        columns |= {of.name: "number", f"{of.name}_low": "number", f"{of.name}_high": "number"}
        columns |= {f"{of.name}_{part}": "integer" for part in ("rank", "images", "identical", "missing")}
        columns |= {f"{of.name}_{part}_images": "texts" for part in ("identical", "missing")}
    columns |= {"protocol": "text", "remarks": "text"}
    networks = [_network(row) for row in table.rows]
    columns |= {
        name: "text" if isinstance(value, str) else "number" for network in networks for name, value in network.items()
    }
    empty = dict.fromkeys(columns)
    return columns, [
        {**empty, **_record(table, row), **network} for row, network in zip(table.rows, networks, strict=True)
    ]


def _network(row: Row) -> dict[str, Any]:
    """The numbers of the network, flat: the share of H in each band by the band's middle, in cycles per LR pixel."""
    numbers = _numbers(row)
    shares = numbers.pop("linear_shares", ())
    bands = {f"linear_share_{BAND_WIDTH * (band + 0.5):g}": share for band, share in enumerate(shares)}
    return {f"network_{name}": value for name, value in (numbers | bands).items()}


def _record(table: Table, row: Row) -> dict[str, Any]:
    line, measured = row.summary, row.source == MEASURED
    record: dict[str, Any] = {"method": line.method, "scale": line.scale, "source": row.source}
    record["images"] = line.images if measured else None
    for part, images in (("failed", tuple(image for image, _ in line.failed)), ("absent", line.absent)):
        record |= (
            {part: len(images), f"{part}_images": list(images)} if measured else {part: None, f"{part}_images": None}
        )
    for mean in line.means:
        name = mean.score
        record |= {name: mean.value, f"{name}_low": mean.low, f"{name}_high": mean.high}
        record |= {f"{name}_rank": row.ranks.get(name), f"{name}_images": mean.count if measured else None}
        for part, images in (("identical", mean.identical), ("missing", mean.missing)):
            record[f"{name}_{part}"] = len(images) if measured else None
            record[f"{name}_{part}_images"] = list(images) if measured else None
    return record | {"protocol": table.protocols[line.scale], "remarks": " ".join(table.remarks)}
