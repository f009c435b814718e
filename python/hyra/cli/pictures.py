"""Options that name images: of one network's input, of windows in its output, of two folders."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hyra.cli.arguments import log
from hyra.cli.bands import read_bands
from hyra.cli.values import positive, window

if TYPE_CHECKING:
    from torch import Tensor

    from hyra.analyzer import HyRA


def add_image_options(parser: argparse.ArgumentParser) -> None:
    """What to run the networks on, and what should come out."""
    parser.add_argument("--image", type=Path, metavar="FILE", help="what goes into the network, a low-resolution image")
    parser.add_argument(
        "--hr",
        type=Path,
        metavar="FILE",
        help="the reference of the output, for PSNR and FSDS; without --image it is also what the input is made from, "
        "by MATLAB's imresize",
    )


def read_images(args: argparse.Namespace, model: HyRA) -> tuple[Tensor | None, Tensor | None]:
    """The input and the reference that the image options name; `model` says at which scale one is made."""
    from hyra.images.resampling import degrade

    paths, channels = (args.image, args.hr), model.network.in_channels
    image, hr = (None if path is None else read_bands(path, channels) for path in paths)
    return degrade(hr, model.scale) if image is None and hr is not None else (image, hr)


def add_window_options(parser: argparse.ArgumentParser) -> None:
    """Which windows of the output to look at."""
    parser.add_argument(
        "--window",
        type=window,
        action="append",
        metavar="Y,X,N",
        help="a square of the output: HR row and column of its first pixel, and its side; any number of times",
    )
    parser.add_argument(
        "--windows", type=positive, default=1, metavar="N", help="how many, where none is named (default 1)"
    )


def add_pairing_options(parser: argparse.ArgumentParser) -> None:
    """How the images of two folders find each other."""
    parser.add_argument(
        "--template",
        metavar="NAMES",
        help="how results are named, such as '{name}x{scale}' or '{name}_SwinIR': others in SR are skipped (default: "
        "scales, methods after them, and endings such as _SR and _out are seen)",
    )
    parser.add_argument(
        "--allow-missing", action="store_true", help="leave out images without a partner, or with several"
    )


def pairs_of(args: argparse.Namespace, sr: Path, hr: Path) -> list[tuple[Path, Path]]:
    """The images of two folders, matched as the pairing options say; what is left out is told."""
    from hyra import images
    from hyra.images.pairing import listed

    pairing = images.pair(sr, hr, args.template)
    pairs = pairing.require(allow_missing=args.allow_missing)
    if left := pairing.left_out():
        log(f"left out: {left}")
    if pairing.skipped:
        log(f"skipped, being no images or named otherwise: {listed(pairing.skipped)}")
    return pairs
