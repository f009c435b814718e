"""What the page of an evaluation says in words."""

from __future__ import annotations

from typing import Any

from hyra.evaluate.evaluation import Evaluation
from hyra.evaluate.tables.summary import LEVEL

MEANS = (
    f"A mean is over the images whose score is finite, with the {LEVEL:.0%} interval of the mean below it (bootstrap "
    "over the images). Of each scale the best mean is bold and the second underlined. Identical: images that equal "
    "their reference, so that a score has no bound. Not finite: images for which a score is no number, or infinite for "
    "another reason. Failed: images that could not be compared. All are named below."
)
DISTRIBUTIONS = (
    "Boxes from quartile to quartile with the median, whiskers to the farthest image within 1.5 times their "
    "length. The same method has the same colour everywhere. A click on a point opens its images, where they are below."
)
SCATTER = (
    "Every image of every method. Those away from the others, high in one score and low in the other, are images on "
    "which the two disagree."
)
EXAMPLES = (
    "By {title}, the {count} {ends} images of each method. Open one for the slider between SR and HR, with "
    "difference and spectra. Large images are shown in the window of {side} pixels in which they differ most, pixel "
    "by pixel (as JPEG of high quality; difference and spectra are of the files)."
)
NO_ROOM = "{count} more have no room on the page, the less extreme ones."
PAIRS = "Filter by words that all must occur, such as a method and a scale. A name that is a button opens the images."
RESPONSES = (
    "What each network makes of a single pixel, the mean over the colours: the impulse response of its linear part. "
    "Blue is negative, red positive. Below: sections through the middle beside the ideal sinc."
)
NO_SCRIPT = (
    "Sorting, plots and pictures need JavaScript, which is switched off here. The page loads nothing from outside."
)


def count(number: int, noun: str) -> str:
    """Such as `1 image` or `24 images`.

    Example:
        >>> count(1, "image"), count(2, "image")
        ('1 image', '2 images')
    """
    return f"{number} {noun}{'s' * (number != 1)}"


def title(evaluation: Evaluation) -> str:
    """How much was compared."""
    pairs = evaluation.outcomes
    methods, images = ({getattr(pair, name) for pair in pairs} for name in ("method", "image"))
    return f"Scores of {count(len(methods), 'method')} on {count(len(images), 'image')}"


def lead(evaluation: Evaluation) -> list[str]:
    """Which run this is, and what was done to the images before they were compared, a sentence for each scale."""
    plan = evaluation.run.plan
    scales = sorted({float(method[1]) for method in evaluation.run.methods})
    cut = "; references cut to a multiple of the scale first" if plan.modcrop else ""
    said: dict[str, list[str]] = {}
    for scale in scales:
        said.setdefault(str(plan.protocol_at(scale)), []).append(f"×{scale:g}")
    about = facts(evaluation)
    run = f"Run {about['run']}, hyra {about.get('hyra', 'unknown')}, git commit {about['git commit']}."
    return [run] + [f"Scored at {', '.join(where)}: {what}{cut}." for what, where in said.items()]


def unfinished(evaluation: Evaluation) -> str:
    """A warning, or nothing."""
    if evaluation.run.finished is not None:
        return ""
    return "This run has not come to its end: it was interrupted, or is under way. What it had scored is here."


def facts(evaluation: Evaluation) -> dict[str, str]:
    """The provenance: of the run, not of the page."""
    run = evaluation.run
    context: dict[str, Any] = dict(run.context)
    known = {
        "run": run.name,
        "started": run.started,
        "finished": run.finished or "not",
        "tags": ", ".join(map(str, context.get("tags") or ())),
        "git commit": context.get("commit") or "unknown",
        "protocol": run.plan.protocol,
        "scores": ", ".join(run.plan.scores),
        "device": run.plan.device,
        **{str(name): str(value) for name, value in (context.get("environment") or {}).items()},
    }
    return {name: str(value) for name, value in known.items() if value}
