"""What a network needs beside its image, as the command line says it."""

from __future__ import annotations

import argparse


def add_input_options(parser: argparse._ActionsContainer) -> None:
    """Constants for other inputs, and the size of a network that takes one alone."""
    parser.add_argument(
        "--input",
        dest="inputs",
        type=_named,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what the network takes beside the image: a number, numbers as a tensor (0.1,0.2 or 0.1,), map:0.1 for "
        "one channel of that level in the image's size, or a file, .npy or an image; once for each input",
    )
    parser.add_argument(
        "--input-size",
        type=_size,
        metavar="HxW",
        help="the only size in LR pixels that the network takes, where its file does not say so (TorchScript)",
    )


def texts_of(args: argparse.Namespace) -> dict[str, str]:
    """What was given, by the names of the inputs."""
    named: list[tuple[str, str]] = args.inputs
    names = [name for name, _ in named]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"--input must name each input once, got {twice} twice")
    return dict(named)


def values_of(args: argparse.Namespace) -> dict[str, object]:
    """The values by the names of the inputs; files are read here."""
    from hyra.adapters.texts import input_of

    return {name: input_of(name, text) for name, text in texts_of(args).items()}


def _named(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, such as sigma=0.1, got {text!r}")
    return name, value


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise argparse.ArgumentTypeError(f"must be HxW, such as 48x64, got {text!r}")
    return int(sides[0]), int(sides[1])
