"""The scores of an evaluation image by image, as CSV, JSON and Parquet."""

from __future__ import annotations

import json
from typing import Any

from hyra.evaluate.evaluation import Evaluation
from hyra.evaluate.formats import records
from hyra.evaluate.tables.table import in_words
from hyra.evaluate.work.plan import Plan
from hyra.evaluate.work.tasks import Outcome


def as_csv(evaluation: Evaluation) -> bytes:
    """A line for each method, scale and image; notes are JSON."""
    return records.as_csv(*_flat(evaluation))


def as_parquet(evaluation: Evaluation) -> bytes:
    """A row for each method, scale and image; notes are JSON."""
    return records.as_parquet(*_flat(evaluation), {"run": evaluation.run.name})


def as_json(evaluation: Evaluation) -> bytes:
    """A record for each method, scale and image."""
    plan = evaluation.run.plan
    scales = dict.fromkeys(outcome.scale for outcome in evaluation.outcomes)
    protocols = {f"{scale:g}": in_words(plan, scale) for scale in scales}
    images = [{**_place(each), "scores": _values(each, plan), **_troubles(each)} for each in evaluation.outcomes]
    return records.as_json({"run": evaluation.run.name, "protocols": protocols, "images": images})


def _flat(evaluation: Evaluation) -> tuple[dict[str, str], list[dict[str, Any]]]:
    plan = evaluation.run.plan
    columns = {"method": "text", "scale": "number", "image": "text", "preds": "text", "target": "text"}
    columns |= dict.fromkeys(plan.scores, "number") | dict.fromkeys(("error", "notes", "protocol"), "text")
    found = []
    for each in evaluation.outcomes:
        record = {**_place(each), **_values(each, plan), **_troubles(each), "protocol": in_words(plan, each.scale)}
        found.append(record | {"notes": json.dumps(record["notes"], ensure_ascii=False) if record["notes"] else None})
    return columns, found


def _place(outcome: Outcome) -> dict[str, Any]:
    return {name: getattr(outcome, name) for name in ("method", "scale", "image", "preds", "target")}


def _values(outcome: Outcome, plan: Plan) -> dict[str, float]:
    return {name: outcome.value(name) for name in plan.scores}


def _troubles(outcome: Outcome) -> dict[str, Any]:
    return {"error": outcome.error, "notes": dict(outcome.notes)}
