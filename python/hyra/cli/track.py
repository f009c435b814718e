"""`hyra track`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyra._util.table import in_columns, number
from hyra.cli.arguments import Commands, command
from hyra.cli.values import out_folder, positive

if TYPE_CHECKING:
    from hyra.track.records import Record

_EPILOG = """\
The folder is filled while a network trains, by a few lines in the training script:
  from hyra.track import Tracker
  tracker = Tracker(network, lr, hr, out="runs/edsr", every=100)   # a fixed image and what should become of it
  for step in range(1, steps + 1):
      ...                                                          # one step of the training
      tracker(step)

examples:
  hyra track runs/edsr
  hyra track runs/edsr --columns 4 --out figures

may be called while the training still runs, and needs no network. Prints the numbers of the first and the last record;
writes progress.png (response, H, G and output at some steps, numbers over all of them) and progress.gif (the same
pictures at every step). DIR/track.jsonl has all numbers, a line for each record."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "how the low-pass filter took shape in a training, as a figure and an animation"
    parser = command(commands, "track", summary, _EPILOG)
    parser.add_argument("folder", type=Path, metavar="DIR", help="what hyra.track.Tracker got as out")
    parser.add_argument(
        "--columns", type=positive, default=6, metavar="N", help="steps to show in the figure at most (default 6)"
    )
    parser.add_argument(
        "--speed", type=positive, default=4, metavar="N", help="records per second in the animation (default 4)"
    )
    parser.add_argument("--out", type=out_folder, metavar="DIR", help="default: the folder with the records")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Draw what a tracker recorded."""
    from hyra import plots
    from hyra.track.history import History

    history = History.load(args.folder)
    out = args.out or args.folder
    out.mkdir(parents=True, exist_ok=True)
    plots.save(history.plot(args.columns)[0], out / "progress.png")
    history.animate(out / "progress.gif", args.speed)
    print(_table(history.records[0], history.records[-1]))
    print(out / "progress.png")
    print(out / "progress.gif")


def _table(first: Record, last: Record) -> str:
    """One line for each number; those of bands are for the figure."""
    ends = [{**vars(record), "standard_errors": record.standard_errors} for record in (first, last)]
    names = [name for name in ends[0] if any(isinstance(end[name], float) for end in ends)]
    rows = [(name, *(number(end[name]) + _error(end, name) for end in ends)) for name in names]
    return in_columns([("step", *(str(end["step"]) for end in ends)), *rows])


def _error(record: Mapping[str, Any], name: str) -> str:
    error = record["standard_errors"].get(name)
    return "" if error is None else f" ± {error:.1g}"
