"""`hyra attribute`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hyra.cli.arguments import Commands, add_out_option, command, keep, log
from hyra.cli.bands import read_input
from hyra.cli.networks import MODEL_HELP, add_network_options, load_model
from hyra.cli.pictures import add_window_options
from hyra.cli.responses import add_seeds_option
from hyra.cli.values import positive

if TYPE_CHECKING:
    from torch import Tensor

_EPILOG = f"""\
{MODEL_HELP}

examples:
  hyra attribute demo --image lr.png
  hyra attribute swinir.pth --image lr.png --window 96,120,16 --window 40,8,16
  hyra attribute edsr.pth --image lr.png --windows 12 --images more/*.png

Windows are squares of the output: HR row and column of their first pixel, and their side. Those that are not named lie
where the output has most detail. Prints a table of the windows and the radii of the effective receptive field, in the
middle of --image, and of --images if there are any. Writes attribution.png, attribution.txt, attribution.safetensors
(hyra.Attribution.load), erf.png and erf.safetensors (hyra.EffectiveReceptiveField.load)."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "which pixels of an image a network uses: local attribution maps, effective receptive field"
    parser = command(commands, "attribute", summary, _EPILOG)
    parser.add_argument("model", metavar="MODEL", help="see below")
    add_network_options(parser)
    parser.add_argument("--image", type=Path, required=True, metavar="FILE", help="a low-resolution image")
    add_window_options(parser)
    parser.add_argument(
        "--images",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="more low-resolution images for the effective receptive field, each cut to the middle as large as the "
        "smallest is",
    )
    parser.add_argument(
        "--block",
        type=positive,
        metavar="N",
        help="measure squares of N LR pixels by central differences, as is done for networks without gradients",
    )
    parser.add_argument("--batch-size", type=positive, metavar="N", help="images a run (default: found by trying)")
    add_seeds_option(parser)
    parser.add_argument("--no-erf", action="store_true", help="leave the effective receptive field out")
    add_out_option(parser, "hyra-attribution")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Attribute windows of what the named network makes of the image."""
    import torch

    from hyra.attribution.receptive_field import SHARES
    from hyra.network.gradients import MissingGradients

    model, _ = load_model(args, args.model)
    colours = model.network.in_channels
    lr = read_input(args.image, colours)
    options = {"batch_size": args.batch_size, "seeds": args.seeds}
    found = model.attribution(lr, args.window or args.windows, block=args.block, **options)
    keep(found, args.out, "attribution")
    print(found.table())
    if not args.no_erf:
        others = [read_input(file, colours) for file in args.images]
        pictures = [lr, *others]
        height, width = (min(picture.shape[axis] for picture in pictures) for axis in (1, 2))
        middles = torch.stack([_middle(picture, height, width) for picture in pictures])
        try:
            field = model.erf(middles, **options)
        except MissingGradients as error:
            log(f"no effective receptive field: {error}; hyra probe says how far the network looks")
        else:
            keep(field, args.out, "erf")
            for share, spread in zip(SHARES, field.radius_errors or [None] * len(SHARES), strict=True):
                radius = f"radius {field.radius(share):.2f}" + ("" if spread is None else f" ± {spread:.2g}")
                place = f"{radius} LR pixels, {field.area_ratio(share):.3%} of the image's area"
                print(f"{share:.0%} of the effective receptive field: {place}")
            print(f"anisotropy: {field.anisotropy:.3f}")
            print(args.out / "erf.png")
    print(args.out / "attribution.png")


def _middle(picture: Tensor, height: int, width: int) -> Tensor:
    top, left = ((n - size) // 2 for n, size in zip(picture.shape[1:], (height, width), strict=True))
    return picture[:, top : top + height, left : left + width]
