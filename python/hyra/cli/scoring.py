"""Options of commands that score images."""

from __future__ import annotations

import argparse
from math import ceil
from typing import TYPE_CHECKING

from hyra.cli.values import factor, natural
from hyra.scores.variants import VARIANTS

if TYPE_CHECKING:
    from hyra.scores.protocol import Protocol


def add_variant_option(parser: argparse.ArgumentParser) -> None:
    """Which FSDS."""
    parser.add_argument("--variant", choices=VARIANTS, default="paper", help="of FSDS (default paper)")


def add_protocol_options(parser: argparse.ArgumentParser) -> None:
    """How pairs of images are scored."""
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--protocol",
        metavar="P",
        help="paper, y, y-rounded or div2k (all but paper need --scale), or written out, such as channels=y,crop=4 "
        "(channels: rgb, y, y-rounded, grey); default: RGB, nothing cut",
    )
    choice.add_argument(
        "--crop-border", type=natural, default=0, metavar="N", help="pixels to leave out at each side, of RGB"
    )
    parser.add_argument("--scale", type=factor, metavar="S", help="HR pixels per LR pixel, such as 2.5, for --protocol")


def add_modcrop_option(parser: argparse.ArgumentParser) -> None:
    """How references lose what no LR pixel stands for."""
    parser.add_argument(
        "--modcrop",
        action="store_true",
        help="cut references to a multiple of the scale (of p where it is p/q), which --scale must say",
    )


def modcrop_scale(args: argparse.Namespace) -> float | None:
    """The scale to whose multiples references are cut; None where they are not.

    Raises:
        ValueError: it is not said.
    """
    if args.modcrop and args.scale is None:
        raise ValueError("--modcrop needs --scale S, to whose multiples references are cut, got none")
    return float(args.scale) if args.modcrop else None


def protocol(args: argparse.Namespace) -> Protocol:
    """What the protocol options say."""
    from hyra.scores.protocol import Protocol

    text = f"crop={args.crop_border}" if args.protocol is None else args.protocol
    return Protocol.parse(text, None if args.scale is None else ceil(args.scale))
