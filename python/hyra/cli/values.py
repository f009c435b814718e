"""Types of arguments, each with its sentence."""

from __future__ import annotations

import argparse
from fractions import Fraction
from math import inf
from pathlib import Path

from hyra._util.files import check_writable


def out_file(text: str) -> Path:
    """A file that can be written, asked before the work."""
    return _writable(text, folder=False)


def out_folder(text: str) -> Path:
    """A folder that can be written to, asked before the work."""
    return _writable(text, folder=True)


def _writable(text: str, *, folder: bool) -> Path:
    check_writable(text, folder=folder)  # argparse lets an OSError pass, and `main` makes one sentence of it
    return Path(text)


def window(text: str) -> tuple[int, int, int]:
    """Y,X,N as three integers."""
    try:
        y, x, side = (natural(part) for part in text.split(","))
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise argparse.ArgumentTypeError(f"must be Y,X,N, such as 96,120,16, got {text!r}") from error
    return y, x, side


def positive(text: str) -> int:
    """An integer of at least 1."""
    return _integer(text, 1)


def scale(text: str) -> int | Fraction:
    """An integer or a fraction of at least 1, also as a decimal number."""
    from hyra._util import validate

    try:
        return validate.scale("it", text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("it ")) from None


def factor(text: str) -> float:
    """A number of at least 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 1 <= value < inf:
        raise argparse.ArgumentTypeError(f"must be a number of at least 1, got {text!r}")
    return value


def natural(text: str) -> int:
    """An integer of at least 0."""
    return _integer(text, 0)


def _integer(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"must be an integer of at least {least}, got {text!r}")
    return value
