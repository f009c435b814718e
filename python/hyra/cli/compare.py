"""`hyra compare`."""

from __future__ import annotations

import argparse

from hyra._util.files import write_text
from hyra.cli.arguments import Commands, command, log
from hyra.cli.values import out_file

_EPILOG = """\
A and B are the names or tags of runs, or latest, or previous; without them, previous and latest. FILE:RUN is a run of
another store, FILE its latest.

examples:
  hyra compare scores.sqlite                                   the latest run with the one before
  hyra compare scores.sqlite baseline latest --fail-if 'psnr<-0.05' --fail-if 'mae@EDSR:4>0.001'
  hyra compare main.sqlite branch.sqlite --fail-if 'fsds<-0.1' --junit gate.xml --markdown gate.md

A gate is SCORE[@METHOD[:SCALE]]<NUMBER, or >NUMBER, about the mean of B less A over the images that have the score in
both runs: a fall is negative, whatever the score. psnr<-0.05 fails where PSNR fell by 0.05 dB or more, mae>0.001 where
the error grew. It also fails where an image with a score in A has none in B, unless --allow-missing, where the
settings of the two differ, and where nothing can be compared. Exit code 1 says that a gate failed.

p is of Wilcoxon's paired test, not corrected for the number of lines. The interval is of the mean of B - A, by
bootstrap over images. hyra compare-models compares networks instead, by what they do to a white pixel."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(commands, "compare", "two runs of hyra evaluate: what rose, what fell, and gates for CI", _EPILOG)
    parser.add_argument(
        "runs", nargs="+", metavar="STORE [A [B]]", help="a store that hyra evaluate kept, and two runs"
    )
    parser.add_argument(
        "--fail-if", action="append", default=[], metavar="GATE", help="a change that must not be; any number of times"
    )
    parser.add_argument("--allow-missing", action="store_true", help="judge the images that have a score in both alone")
    parser.add_argument("--junit", type=out_file, metavar="FILE.xml", help="write what the gates say as JUnit XML")
    parser.add_argument("--markdown", type=out_file, metavar="FILE.md", help="write everything as a page of Markdown")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compare and print; 1 where a gate failed."""
    from hyra.evaluate.tracking import reports
    from hyra.evaluate.tracking.changes import compare_runs
    from hyra.evaluate.tracking.gates import Gate
    from hyra.evaluate.tracking.selection import load, pair_of_runs

    gates = [Gate.parse(text) for text in args.fail_if]
    if args.junit is not None and not gates:
        raise ValueError("--junit needs at least one --fail-if, got none")
    before, after = (load(*chosen) for chosen in pair_of_runs(args.runs))
    for each in (before.run, after.run):
        if each.finished is None:
            log(f"warning: the run {each.name} came to no end, or is under way")
    changes = compare_runs(before, after)
    verdicts = [verdict for gate in gates for verdict in gate.verdicts(changes, allow_missing=args.allow_missing)]
    print(reports.as_text(changes, verdicts))
    if args.junit is not None:
        write_text(args.junit, reports.as_junit(verdicts))
    if args.markdown is not None:
        write_text(args.markdown, reports.as_markdown(changes, verdicts))
    return int(any(verdict.passed is False for verdict in verdicts))
