"""`hyra analyze`."""

from __future__ import annotations

import argparse

from hyra.cli.arguments import Commands, add_out_option, command, finish, log
from hyra.cli.networks import MODEL_HELP, load_model
from hyra.cli.pictures import add_image_options, read_images
from hyra.cli.responses import add_response_options, operating_point
from hyra.cli.values import natural, positive

_EPILOG = f"""\
{MODEL_HELP}

examples:
  hyra analyze bicubic --scale 4 --image lr.png
  hyra analyze RealESRGAN_x4plus.pth --image lr.png --out esrgan
  hyra analyze liif.py:build --adapter implicit --scale 5/2 --hr 0801.png
  hyra analyze edsr.py:build --input-range 255 --hr 0801.png
  hyra analyze my_project.networks:Net --image lr.png --hr hr.png --channels matrix
  hyra analyze swinir.pth --image large.png --form affine --tile 256

writes figures, report.html, summary.json (all numbers, and the shares of H, G and their cross term per band),
response.safetensors (hyra.ImpulseResponse.load) and decomposition.safetensors (hyra.Decomposition.load)."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "impulse response, linear and non-linear part of your network"
    parser = command(commands, "analyze", summary, _EPILOG)
    parser.add_argument("model", metavar="MODEL", help="see below")
    add_image_options(parser)
    add_response_options(parser)
    parser.add_argument(
        "--boundary",
        choices=("reflect", "zeros", "replicate", "circular"),
        default="reflect",
        help="how the linear part continues the image (default reflect, as in the paper)",
    )
    parser.add_argument(
        "--tile",
        type=positive,
        metavar="N",
        help="run the network on parts of N LR pixels a side, for an image too large for it in one piece; the result "
        "is that of the whole image",
    )
    parser.add_argument(
        "--halo",
        type=natural,
        metavar="N",
        help="LR pixels around each part that it is shown, too (default: as far as it looks, found by measuring)",
    )
    parser.add_argument(
        "--over-image",
        action="store_true",
        help="also measure at places all over the image what the network does to small changes, and how it differs",
    )
    parser.add_argument(
        "--inside",
        action="store_true",
        help="also find which pixels of the image the network uses, and what its layers do to the image's frequencies",
    )
    add_out_option(parser, "hyra-analysis")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Analyse the named network on the named image."""
    from hyra import report

    model, found = load_model(args, args.model)
    lr, hr = read_images(args, model)
    if lr is None:
        raise ValueError("an image is needed: --image FILE for the network's input, or --hr FILE to make it from")
    names = {"model": found.description, "image file": str(args.image or args.hr)}
    summary = report.write(
        model,
        lr,
        args.out,
        hr=hr,
        boundary=args.boundary,
        point=operating_point(args),
        size=args.size,
        tile=args.tile,
        halo=args.halo,
        over_image=args.over_image,
        look_inside=args.inside,
        seeds=args.seeds,
        provenance=names,
        log=log,
    )
    finish(args.out, summary)
