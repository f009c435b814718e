"""What all commands share: the look of their help, where results go, and what is told meanwhile."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyra._util.files import write_text
from hyra._util.table import number
from hyra._util.texts import printable
from hyra.cli.values import out_folder

if TYPE_CHECKING:
    from hyra.results.result import Result

Commands = argparse._SubParsersAction  # argparse has no public name for it


def command(
    commands: Commands[argparse.ArgumentParser], name: str, summary: str, epilog: str
) -> argparse.ArgumentParser:
    """A subcommand whose help keeps the line breaks of its examples."""
    return commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_out_option(parser: argparse.ArgumentParser, folder: str) -> None:
    """Where results go."""
    parser.add_argument("--out", type=out_folder, default=folder, metavar="DIR", help=f"default: {folder}")


def log(line: str) -> None:
    """Tell what happens, on stderr: stdout is for results."""
    print(f"hyra: {printable(line)}", file=sys.stderr, flush=True)


def keep(result: Result, folder: Path, name: str, **drawing: Any) -> None:
    """Write a result to a folder, which is made: ``NAME.safetensors``, ``NAME.png``, and its table as ``NAME.txt``.

    Args:
        result: what was measured.
        folder: where to.
        name: of the files.
        drawing: arguments of its figure.
    """
    from hyra import plots

    folder.mkdir(parents=True, exist_ok=True)
    result.save(folder / f"{name}.safetensors")
    table = getattr(result, "table", None)
    if table is not None:
        write_text(folder / f"{name}.txt", table() + "\n")
    plots.save(result.plot(**drawing)[0], folder / f"{name}.png")


def finish(folder: Path, summary: Mapping[str, Any]) -> None:
    """Print the numbers that matter most, and where the rest is."""
    for key in ("ring_cosine", "cutoff", "side_lobe", "mtf50", "noise_gain", "dc_gain"):
        if key in summary["numbers"]:
            error = summary["standard_errors"].get(key)
            known = "" if error is None else f" ± {float(error):.1g}"
            print(f"{key:12} {number(float(summary['numbers'][key])):>9}{known}")
    for row in summary["quality"]:
        psnr, fsds = float(row["psnr"]), float(row["fsds"])
        print(f"{row['method']:12} {psnr:9.2f} dB PSNR {fsds:8.2f} dB FSDS")
    print(folder / "report.html")
