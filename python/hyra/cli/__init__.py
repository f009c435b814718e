"""The command `hyra`: one file per subcommand, and one way to report what went wrong."""

from __future__ import annotations

import argparse
import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hyra._util import interrupt
from hyra._util.texts import message, printable
from hyra.cli import (
    analyze,
    attribute,
    compare,
    compare_models,
    demo,
    evaluate,
    fsds,
    history,
    info,
    layers,
    lowpass_sweep,
    merge,
    probe,
    probe_exchange,
    report,
    scale_sweep,
    spectrum,
    track,
)
from hyra.cli.arguments import log

_DESCRIPTION = """\
What part of a super-resolution network is a linear low-pass filter, and what part injects detail?
How alike are the frequency distributions of two images?"""

_EPILOG = """\
start here:
  hyra demo                                    the main job on a bundled network and photograph
  hyra analyze network.pth --image lr.png      the same for your network
  hyra compare-models a.pth b.pth bicubic --scale 4     which one holds the best low-pass filter
  hyra fsds sr/ hr/                            score a folder of results
  hyra evaluate --hr hr --layout results       a table of scores of many methods, kept and compared over time

`hyra COMMAND --help` explains a command, with examples. Errors are one sentence and exit code 2;
HYRA_DEBUG=1 shows the traceback."""


COMMANDS = (
    demo,
    analyze,
    compare_models,
    probe,
    probe_exchange,
    layers,
    attribute,
    track,
    fsds,
    evaluate,
    report,
    compare,
    history,
    merge,
    spectrum,
    lowpass_sweep,
    scale_sweep,
    info,
)
"""In the order in which help lists them."""


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    main_parser = argparse.ArgumentParser(
        prog="hyra", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = main_parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for each in COMMANDS:
        each.add(commands)
    return main_parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    try:
        interrupt.raise_again()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a name that the terminal has no letters for is no reason to stop
                stream.reconfigure(errors="backslashreplace")
        return _run(parser().parse_args(arguments))
    except KeyboardInterrupt:
        print("hyra: interrupted", file=sys.stderr)
        return interrupt.CODE
    except Exception as error:
        if os.environ.get("HYRA_DEBUG"):
            raise
        print(f"hyra: {_sentence(error)}", file=sys.stderr)
        return 2


def _run(args: argparse.Namespace) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.filterwarnings("ignore", module="torch")  # what torch has to say to torch's users
        warnings.showwarning = lambda text, *_, **__: log(f"warning: {text}")
        with _without_screen():
            code: int | None = args.run(args)
    return code or 0


@contextmanager
def _without_screen() -> Iterator[None]:
    """Figures go to files: the backend that a notebook left in the environment may not even be installed."""
    backend = os.environ.get("MPLBACKEND")
    os.environ["MPLBACKEND"] = "agg"
    try:
        yield
    finally:
        del os.environ["MPLBACKEND"]
        if backend is not None:
            os.environ["MPLBACKEND"] = backend


def _sentence(error: Exception) -> str:
    """One line, and what was added to explain it; what is no message of ours is named by its kind."""
    from hyra.network.forward import NetworkError

    if isinstance(error, FileNotFoundError) and error.filename is not None and error.filename2 is None:
        return f"no such file or folder: {printable(str(error.filename))}"
    line = message(error, 2000)
    expected = isinstance(error, ValueError | TypeError | OSError | ImportError | NetworkError)
    if not (expected and line):
        first, *_ = str(error).strip().splitlines() or [""]
        line = f"{type(error).__name__}: {first} (HYRA_DEBUG=1 shows where)"
    return "\n".join((line, *getattr(error, "__notes__", ())))
