"""Runs with given scores, without images: what compares and draws runs sees no more of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from hyra.evaluate import Evaluation, Outcome, Plan, Run, Runs

Values = Mapping[str, float | str]
"""A score of each image, or why it failed."""


def outcomes(scores: Mapping[str, Values], plan: Plan, method: str = "EDSR", scale: float = 4.0, reference: str = "hr"):
    """Of one method, from the scores' names to the values of images."""
    images = dict.fromkeys(image for values in scores.values() for image in values)
    for image in images:
        error = next((values[image] for values in scores.values() if isinstance(values.get(image), str)), None)
        values = {}
        for column in () if error else plan.at(scale).columns:
            # A store keeps scores by content: other numbers are of other images.
            preds = f"{image} {[values.get(image) for values in scores.values()]}"
            key = column.key(preds, f"{reference} {image}")
            values[key] = float(scores[key.name].get(image, math.nan))
        yield Outcome(method, scale, image, f"x4/{image}.png", f"hr/{image}.png", values, {}, error)


def evaluation(name: str, scores: Mapping[str, Values], *, protocol: str = "paper", **more) -> Evaluation:
    """A run of one method."""
    plan = Plan(tuple(scores), protocol)
    run = Run(
        name, plan, [[more.get("method", "EDSR"), more.get("scale", 4.0), "x4", "hr"]], "2026-01-01", "2026-01-01"
    )
    return Evaluation(run, tuple(outcomes(scores, plan, **more)))


def together(*evaluations: Evaluation) -> Evaluation:
    """The first run, with the methods of all."""
    first = evaluations[0].run
    run = replace(first, methods=[method for each in evaluations for method in each.run.methods])
    return Evaluation(run, tuple(outcome for each in evaluations for outcome in each.outcomes))


def keep(runs: Runs, *evaluations: Evaluation, tags: Mapping[str, list[str]] | None = None) -> None:
    """Put runs into a store, in this order."""
    for each in evaluations:
        name = each.run.name
        runs.begin(name, each.run.plan, each.run.methods, {"commit": f"c-{name}", "tags": (tags or {}).get(name, [])})
        for outcome in each.outcomes:
            runs.add(name, 0, outcome)
        runs.finish(name)
