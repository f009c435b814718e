"""`hyra scale-sweep`."""

from __future__ import annotations

import argparse
from fractions import Fraction
from typing import TYPE_CHECKING

from hyra.cli.arguments import Commands, add_out_option, command
from hyra.cli.networks import MODEL_HELP, add_network_options, load_model
from hyra.cli.responses import add_size_option
from hyra.cli.values import scale

if TYPE_CHECKING:
    from hyra.analyzer import HyRA

_EPILOG = f"""\
{MODEL_HELP}

examples:
  hyra scale-sweep bicubic --scales 1.5 2 2.4 3 4
  hyra scale-sweep liif.py:build --adapter implicit --scales 3/2 2 5/2 3 4 --input-range 1
  hyra scale-sweep edsr_x{{scale}}.pth --scales 2 3 4

{{scale}} in MODEL stands for each scale. At a fraction p/q the network runs on q x q images.
prints cut-off, ring cosine and others at each scale; writes scales.png and scales.safetensors
(hyra.ScaleSweep.load)."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "cut-off and likeness to the sinc over the scales of a network that has any"
    parser = command(commands, "scale-sweep", summary, _EPILOG)
    parser.add_argument("model", metavar="MODEL", help="see below")
    parser.add_argument(
        "--scales",
        type=scale,
        nargs="+",
        default=[Fraction(3, 2), 2, Fraction(5, 2), 3, Fraction(7, 2), 4],
        metavar="S",
        help="integers and fractions, such as 2 5/2 3.2 (default 1.5 2 2.5 3 3.5 4)",
    )
    add_network_options(parser, scale_option=False)
    add_size_option(parser)
    parser.add_argument(
        "--form",
        choices=("literal", "affine"),
        help="affine leaves out what the network makes of black (default literal, as in the paper)",
    )
    add_out_option(parser, "hyra-scale-sweep")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Measure the named network at each scale."""
    import hyra
    from hyra import plots

    def at(factor: int | Fraction) -> HyRA:
        args.scale = factor
        return load_model(args, args.model.replace("{scale}", str(factor)))[0]

    sweep = hyra.scale_sweep(at, args.scales, args.size, form=args.form)
    args.out.mkdir(parents=True, exist_ok=True)
    sweep.save(args.out / "scales.safetensors")
    plots.save(sweep.plot()[0], args.out / "scales.png")
    print(sweep.table())
    print(args.out / "scales.png")
