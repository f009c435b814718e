"""An evaluation's scores in TensorBoard, MLflow or Weights & Biases."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from hyra._util.texts import printable
from hyra.evaluate.evaluation import Evaluation
from hyra.evaluate.store.runs import Runs
from hyra.evaluate.tables.summary import Summary
from hyra.evaluate.tracking.selection import by_time
from hyra.results.writers import open_writer


def log_to(evaluation: Evaluation, destination: str, step: int = 1) -> None:
    """Write the means with their intervals and counts, the settings, and the scores of every image.

    The curve ``psnr/EDSR x4`` is a mean, ``psnr interval/EDSR x4 low`` and ``high`` the ends of its 95 % interval, and
    ``images/EDSR x4 failed`` counts. Numbers that are not finite are left out: no axis has them.

    Args:
        evaluation: what was measured.
        destination: ``tensorboard:DIR``, ``mlflow:URI`` or ``wandb:PROJECT``.
        step: where on the axis, such as the number of the run in its store (`number_of`).

    Raises:
        ValueError: the destination has another form.
        ModuleNotFoundError: the tool is not installed.
    """
    run = evaluation.run
    with open_writer(destination, run.name, run.context.get("tags", ())) as writer:
        for line in evaluation.summaries():
            for tag, value in _numbers(line):
                if math.isfinite(value):
                    writer.add_scalar(tag, value, step)
        plan = {"scores": list(run.plan.scores), "protocol": run.plan.protocol, "modcrop": run.plan.modcrop}
        context = {name: value for name, value in run.context.items() if name != "tags"}  # which the writer has
        writer.add_settings({"plan": plan, "started": run.started, **context})
        for line in evaluation.summaries():
            rows: list[list[str | float]] = [
                [
                    printable(outcome.image),
                    *(outcome.value(name) for name in run.plan.scores),
                    printable(outcome.error or ""),
                ]
                for outcome in evaluation.outcomes
                if (outcome.method, outcome.scale) == (line.method, line.scale)
            ]
            writer.add_table(f"scores/{_title(line)}", ("image", *run.plan.scores, "error"), rows)


def number_of(name: str, store: Path | None) -> int:
    """Which run of its store it is, from 1 on by time; 1 without a store."""
    if store is None:
        return 1
    with Runs(store) as runs:
        return 1 + [run.name for run in by_time(runs.runs())].index(name)


def _title(line: Summary) -> str:
    """Of curves and tables: a slash would begin a group of them."""
    return f"{printable(line.method).replace('/', '_')} x{line.scale:g}"


def _numbers(line: Summary) -> Iterator[tuple[str, float]]:
    title = _title(line)
    for mean in line.means:
        yield f"{mean.score}/{title}", mean.value
        yield f"{mean.score} interval/{title} low", mean.low
        yield f"{mean.score} interval/{title} high", mean.high
    yield f"images/{title} scored", float(line.images - len(line.failed))
    yield f"images/{title} failed", float(len(line.failed))
