"""`hyra history`."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyra._util.files import write_text
from hyra.cli.arguments import Commands, command
from hyra.cli.values import out_file, positive

_EPILOG = """\
examples:
  hyra history scores.sqlite
  hyra history scores.sqlite --scores psnr fsds --method EDSR --last 20 --out history.png
  hyra history scores.sqlite --tag nightly --csv history.csv

Means are over the images of a run, with their 95 % interval by bootstrap over images. A star (in the figure a gap and a
hollow marker) stands where images, references or settings are not those of the run before: the two means are then not
comparable. The interval says how sure a mean is for other images of the kind; whether two runs differ on the same ones
is a sharper question, which hyra compare answers. hyra track shows a training instead."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(
        commands, "history", "mean scores over the runs of hyra evaluate, as a table and a figure", _EPILOG
    )
    parser.add_argument("store", type=Path, metavar="STORE", help="the file that hyra evaluate --store kept")
    parser.add_argument("--scores", nargs="+", default=[], metavar="SCORE", help="these alone")
    parser.add_argument("--method", action="append", default=[], metavar="NAME", help="this one; any number of times")
    parser.add_argument("--tag", action="append", default=[], metavar="WORD", help="runs with this tag alone")
    parser.add_argument("--last", type=positive, metavar="N", help="the newest N runs alone")
    parser.add_argument("--out", type=out_file, metavar="FIGURE", help="draw it to a .png, .pdf or .svg")
    parser.add_argument("--csv", type=out_file, metavar="FILE", help="write every mean and its interval there")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print and draw."""
    from hyra.evaluate.store.runs import Runs
    from hyra.evaluate.tracking.score_history import score_history
    from hyra.evaluate.tracking.selection import existing

    with Runs(existing(args.store), read_only=True) as runs:
        history = score_history(runs, scores=args.scores, methods=args.method, tags=args.tag, last=args.last)
    print(history.table())
    if args.csv is not None:
        write_text(args.csv, history.csv())
        print(args.csv)
    if args.out is not None:
        from hyra import plots

        args.out.parent.mkdir(parents=True, exist_ok=True)
        plots.save(history.plot()[0], args.out)
        print(args.out)
