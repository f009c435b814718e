"""`hyra info`."""

from __future__ import annotations

import argparse

from hyra.cli.arguments import Commands, command


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(commands, "info", "versions, compiled modules, SIMD level, threads, FFT libraries, CUDA", "")
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> None:
    """Print the environment as a table."""
    from hyra.environment import environment

    facts = environment()
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:{width}}  {value}")
