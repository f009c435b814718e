"""`hyra demo`."""

from __future__ import annotations

import argparse

from hyra.cli.arguments import Commands, add_out_option, command, finish, log

_EPILOG = """\
examples:
  hyra demo                              leaves hyra-demo/report.html
  hyra demo --probe white                the paper's white pixel on black
  hyra demo --photograph chelsea --scale 2 --out chelsea

writes what hyra analyze writes. Needs the extra: pip install 'hyra[demo]'. Nothing is downloaded."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(commands, "demo", "the main job on a bundled network and photograph, in under a minute", _EPILOG)
    add_out_option(parser, "hyra-demo")
    parser.add_argument("--scale", type=int, choices=(2, 4), default=4, help="default: 4")
    parser.add_argument(
        "--probe",
        choices=("local", "white"),
        default="local",
        help="local (default): the derivative at grey, what the network does to small changes of a smooth image; "
        "white: the paper's white pixel on black, where this small network is far from linear. The report has both",
    )
    parser.add_argument(
        "--photograph",
        default="astronaut",
        metavar="NAME",
        help="astronaut (default), chelsea, china or flower: those that were held out of training",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Analyse a bundled network on a photograph that it has not seen."""
    import hyra
    from hyra import report
    from hyra.demo import network, photographs
    from hyra.images.resampling import degrade
    from hyra.report import operating_points

    if args.photograph not in photographs.HELD_OUT:
        raise ValueError(f"--photograph must be one of {', '.join(photographs.HELD_OUT)}, got {args.photograph}")
    net = network.load(args.scale)
    lr, hr = degrade(photographs.load(args.photograph), args.scale)
    names = {"model": f"the bundled ×{args.scale} network (L1 loss)", "photograph": args.photograph}
    point = operating_points.LOCAL if args.probe == "local" else None
    model = hyra.HyRA(net, args.scale)
    summary = report.write(model, lr, args.out, hr=hr, point=point, over_image=True, provenance=names, log=log)
    finish(args.out, summary)
