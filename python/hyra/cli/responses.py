"""Options of commands that measure a response: the impulse, what it is added to, the size of the canvas."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hyra.cli.networks import add_network_options
from hyra.cli.values import positive

if TYPE_CHECKING:
    from hyra.probing.operating_point import OperatingPoint


def add_impulse_options(parser: argparse.ArgumentParser) -> None:
    """The impulse, and what it is added to."""
    parser.add_argument(
        "--amplitude",
        type=float,
        default=1.0,
        metavar="A",
        help="height of the impulse, in 0..1 (default 1)",
    )
    parser.add_argument(
        "--background",
        type=float,
        default=0.0,
        metavar="B",
        help="level below the impulse (default 0, black)",
    )
    parser.add_argument(
        "--form",
        choices=("literal", "affine"),
        help="literal (default on black): the response as it is, as in the paper; affine: less what the network makes "
        "of the background, which matters for networks whose padding colours the border",
    )


def add_channels_option(parser: argparse.ArgumentParser) -> None:
    """One impulse, or one for each colour."""
    parser.add_argument(
        "--channels",
        choices=("joint", "matrix"),
        default="joint",
        help="one white impulse, as in the paper, or one for each colour (default joint)",
    )


def add_response_options(parser: argparse.ArgumentParser) -> None:
    """The options of `HyRA.impulse_response`, for commands that measure one response."""
    add_network_options(parser)
    add_impulse_options(parser)
    add_channels_option(parser)
    add_size_option(parser)
    add_seeds_option(parser)
    parser.add_argument(
        "--mode",
        choices=("finite", "jvp"),
        default="finite",
        help="finite (default): an impulse of that height; jvp: the derivative at the background, for small changes",
    )


def operating_point(args: argparse.Namespace) -> OperatingPoint:
    """What the response options say, but for the size of the canvas."""
    from hyra.probing.operating_point import OperatingPoint

    return OperatingPoint(args.amplitude, args.background, args.form, args.mode, args.channels)


def add_seeds_option(parser: argparse.ArgumentParser) -> None:
    """How often to measure a network that draws random numbers."""
    parser.add_argument(
        "--seeds",
        type=positive,
        default=1,
        metavar="K",
        help="for a network that draws random numbers (dropout, diffusion, flows): the mean over K draws, with its "
        "standard error (default 1)",
    )


def add_size_option(parser: argparse.ArgumentParser) -> None:
    """The size of the canvas."""
    parser.add_argument("--size", type=positive, metavar="N", help="side of the canvas in LR pixels (default 64)")
