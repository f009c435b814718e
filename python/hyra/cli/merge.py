"""`hyra merge`."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyra._util.table import in_columns
from hyra._util.texts import printable
from hyra.cli.arguments import Commands, command, log
from hyra.cli.values import out_file

_EPILOG = """\
examples:
  torchrun --nproc-per-node 4 --no-python hyra evaluate ... --store scores.sqlite --run sweep --shard auto
  hyra merge all.sqlite scores.*-of-4.sqlite

Runs of one name, of the same plan and methods, become one; what does not agree is an error, and then nothing is merged.
Merging again changes nothing, and shards may come later. The exit code is 1 where a shard is missing or was
interrupted: its own command goes on with it."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(commands, "merge", "the stores of shards, or of several machines, as one", _EPILOG)
    parser.add_argument("out", type=out_file, metavar="OUT.sqlite", help="made if it is not there; what it holds stays")
    parser.add_argument("stores", type=Path, nargs="+", metavar="SHARD.sqlite", help="what to put together")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Merge, and tell of what is not there; 1 where a run is not whole."""
    from hyra.evaluate.store.merge import merge

    merged = merge(args.out, args.stores)
    rows = [
        (printable(each.name), str(each.pairs), f"{each.shards - len(each.missing)} of {each.shards}")
        for each in merged
    ]
    print(in_columns([("run", "pairs", "shards"), *rows]))
    for each in merged:
        for what, shards in (("missing", each.missing), ("not finished", each.unfinished)):
            if shards:
                log(f"{printable(each.name)}: {what}: {', '.join(map(str, shards))}")
    return int(any(each.missing or each.unfinished for each in merged))
