"""An evaluation as one HTML page that needs nothing but a browser: to look at, to send, and to put beside a paper."""

from __future__ import annotations

import io
from collections.abc import Mapping
from importlib import import_module
from importlib.resources import files
from pathlib import Path

from hyra import plots
from hyra._util import validate
from hyra._util.extra import extra
from hyra._util.files import write_text
from hyra.evaluate.evaluation import Evaluation
from hyra.evaluate.scoring.scores import score
from hyra.filters.response import ImpulseResponse
from hyra.plots.style import offscreen
from hyra.report import page
from hyra.report.evaluation import data, examples, sections, words

__all__ = ["write"]

SCRIPTS = ("base.js", "table.js", "pairs.js", "plots.js")


def write(
    evaluation: Evaluation,
    file: str | Path,
    *,
    by: str | None = None,
    count: int = 3,
    responses: Mapping[str, ImpulseResponse] | None = None,
    progress: bool = True,
) -> list[str]:
    """Write the page of an evaluation.

    It has a table of means with their intervals, what they leave out, distributions, any score against any other by
    image, the worst and the best images beside their references with difference and spectra, a table of every pair,
    the responses of networks if they are given, and the provenance. It loads nothing from outside, and stays below
    some 15 MB but for the scores of very many pairs.

    Args:
        evaluation: what was scored. Images are read again for the pictures, where they are still what was scored.
        file: where to write it.
        by: the score that says which images are worst and best; the first when not given.
        count: of each method and scale, how many of the worst and of the best are shown; the less extreme ones are
            left out where all would take too much room.
        responses: impulse responses of networks by name.
        progress: show a bar on a terminal.

    Returns:
        A sentence for each pair that could not be shown; they stand on the page, too.

    Raises:
        ValueError: the run holds no pair, or has no such score.
        ModuleNotFoundError: plotly, matplotlib or Pillow (extra `evaluate`) are not installed.

    Example:
        >>> import tempfile, torch, hyra
        >>> from hyra.evaluate.evaluation import evaluate
        >>> from hyra.evaluate.inputs.methods import Method
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     hr = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
        ...     for name, image in (("hr/a.png", hr), ("sr/a.png", 0.9 * hr)):
        ...         hyra.images.write(image, f"{folder}/{name}")
        ...     result = evaluate([Method("dark", 2, Path(folder, "sr"), Path(folder, "hr"))])
        ...     write(result, f"{folder}/page.html")
        []
    """
    with extra("evaluate", "the page of an evaluation"):
        for package in ("matplotlib", "PIL"):  # now, and not with the first image
            import_module(package)
        from plotly.offline import get_plotlyjs

    if not evaluation.outcomes:
        raise ValueError(f"run must hold at least one pair, got none in {evaluation.run.name!r}")
    names = evaluation.run.plan.scores
    by = names[0] if by is None else by
    validate.choice("by", by, names)
    validate.integer("count", count, 0)
    shown, without_room = examples.of(evaluation.outcomes, score(by), count, progress=progress)
    parts = sections.of(evaluation, shown, without_room, by=score(by), count=count)
    if responses:
        parts.append(("Impulse responses", [page.paragraph(words.RESPONSES), *_responses(responses)]))
    sources = files(__package__)
    text = page.render(
        words.title(evaluation),
        parts,
        words.facts(evaluation),
        style=(sources / "page.css").read_text("utf-8"),
        scripts=[get_plotlyjs(), *((sources / name).read_text("utf-8") for name in SCRIPTS)],
        data=data.of(evaluation, shown, score(by)),
    )
    write_text(file, text)
    return sections.problems(shown)


@offscreen()
def _responses(responses: Mapping[str, ImpulseResponse]) -> list[str]:
    """Two figures for each network."""
    made = []
    for name, response in responses.items():
        drawn = {"impulse response": plots.impulse_response(response)}
        if response.is_finite:
            drawn["profile"] = plots.profile(response)
        for kind, (figure, _) in drawn.items():
            buffer = io.BytesIO()
            width = figure.get_figwidth()
            plots.save(figure, buffer, dpi=200)
            made.append(page.figure(buffer.getvalue(), f"{kind} of {name}", f"{name}: {kind}.", width))
    return made
