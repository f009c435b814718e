"""`hyra report`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hyra._util.texts import printable
from hyra.cli.arguments import Commands, command, log
from hyra.cli.values import natural, out_file

if TYPE_CHECKING:
    from hyra.evaluate.evaluation import Evaluation
    from hyra.filters.response import ImpulseResponse

_EPILOG = """\
examples:
  hyra report scores.sqlite                         the newest run of `hyra evaluate --store scores.sqlite`
  hyra report scores.sqlite baseline --out baseline.html
  hyra report scores.sqlite --response EDSR=analysis/response.safetensors     as `hyra analyze` leaves it

The page is one file that loads nothing from outside: table, distributions, one score against another, the worst and
the best images with a slider between SR and HR, their difference and spectra. Images are read again for it; those that
have moved or changed since are named on the page and on stderr."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(commands, "report", "the page of a run of `hyra evaluate`", _EPILOG)
    parser.add_argument("store", type=Path, metavar="STORE", help="the file that `hyra evaluate --store` kept")
    parser.add_argument("run_name", nargs="?", metavar="RUN", help="name of the run (default: the newest)")
    parser.add_argument("--out", type=out_file, default="report.html", metavar="FILE", help="default: report.html")
    parser.add_argument("--by", metavar="SCORE", help="which says what is worst and best (default: the run's first)")
    parser.add_argument(
        "--images", type=natural, default=3, metavar="N", help="of the worst and of the best of a method (default 3)"
    )
    parser.add_argument(
        "--response",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="a network's impulse response, for the page beside those that --network-columns kept; any number of times",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the page and print where it is."""
    from hyra.report.evaluation import write

    given = dict(_response(text) for text in args.response)
    evaluation, kept = _evaluation(args.store, args.run_name)
    problems = write(evaluation, args.out, by=args.by, count=args.images, responses=kept | given)
    for problem in problems:
        log(problem)
    print(printable(str(args.out)))
    return 0


def _evaluation(store: Path, name: str | None) -> tuple[Evaluation, dict[str, ImpulseResponse]]:
    """A run, and the impulse responses that were kept with it."""
    from hyra.evaluate.evaluation import Evaluation
    from hyra.evaluate.store.runs import Runs
    from hyra.filters.response import ImpulseResponse
    from hyra.results.storage import from_bytes

    if not store.is_file():
        raise FileNotFoundError(f"no such file: {store}")
    with Runs(store, read_only=True) as runs:
        names = [run.name for run in runs.runs()]
        if not names:
            raise ValueError(f"{store} must hold a run, got none: hyra evaluate --store keeps them")
        name = names[-1] if name is None else name
        kept = {
            f"{method} at x{scale:g}": from_bytes(content, ImpulseResponse, f"{method}'s response in {store}")
            for (method, scale), content in runs.responses(name).items()
        }
        return Evaluation.load(runs, name), kept


def _response(text: str) -> tuple[str, ImpulseResponse]:
    from hyra.filters.response import ImpulseResponse

    name, equals, file = text.partition("=")
    if not (name and equals and file):
        raise ValueError(f"response must be NAME=FILE, such as EDSR=analysis/response.safetensors, got {text!r}")
    return name, ImpulseResponse.load(file)
