"""`hyra compare-models`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyra.cli.arguments import Commands, add_out_option, command, keep, log
from hyra.cli.networks import MODEL_HELP, load_model
from hyra.cli.pictures import add_image_options, add_window_options, read_images
from hyra.cli.responses import add_response_options, operating_point
from hyra.cli.scoring import add_variant_option

if TYPE_CHECKING:
    from hyra import HyRA, ImpulseResponse, Probe

_EPILOG = f"""\
{MODEL_HELP}

examples:
  hyra compare-models demo bicubic lowpass --scale 4 --hr hr.png
  hyra compare-models edsr.pth swinir.pth RealESRGAN_x4plus.pth --image lr.png
  hyra compare-models a.pth b.pth --background 0.5 --mode jvp
  hyra compare-models edsr.pth swinir.pth --hr hr.png --attribution --window 96,120,16
  hyra compare-models a.pth hyra-probe/probe.safetensors     with a response that was stored before

prints a table, the response most like the ideal sinc outside the main lobe first; writes comparison.png,
comparison.txt and comparison.safetensors (hyra.ModelComparison.load), with --attribution also attribution.png,
attribution.txt and attribution.safetensors (hyra.AttributionComparison.load). The options hold for every MODEL."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "impulse responses of several networks side by side, by likeness to the ideal sinc"
    parser = command(commands, "compare-models", summary, _EPILOG)
    parser.add_argument("models", nargs="+", metavar="MODEL", help="see below")
    add_image_options(parser)
    add_response_options(parser)
    add_variant_option(parser)
    parser.add_argument(
        "--attribution",
        action="store_true",
        help="also compare which pixels they use: diffusion index, radius of the effective receptive field and PSNR; "
        "needs --image or --hr",
    )
    add_window_options(parser)
    add_out_option(parser, "hyra-comparison")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Compare the named networks."""
    import hyra

    names = _names(args.models)
    models = {name: _found(args, spec) for name, spec in zip(names, args.models, strict=True)}
    network = next((model for model in models.values() if isinstance(model, hyra.HyRA)), None)
    if network is None and (args.image or args.hr):
        raise ValueError("--image and --hr need a network to run, got stored responses alone")
    image, hr = (None, None) if network is None else read_images(args, network)
    if args.attribution and image is None:
        raise ValueError("--attribution needs an image: --image FILE, or --hr FILE to make it from")
    options = {"size": args.size, "seeds": args.seeds, **vars(operating_point(args))}
    comparison = hyra.compare_models(models, image, hr, variant=args.variant, log=log, **options)
    keep(comparison, args.out, "comparison")
    print(comparison.table())
    if args.attribution and image is not None:
        networks = {name: model for name, model in models.items() if isinstance(model, hyra.HyRA)}
        attributed = hyra.compare_attributions(networks, image, hr, args.window or args.windows, log=log)
        keep(attributed, args.out, "attribution")
        print(attributed.table())
        print(args.out / "attribution.png")
    print(args.out / "comparison.png")


def _found(args: argparse.Namespace, spec: str) -> HyRA | ImpulseResponse | Probe:
    """A network, or what was stored of one."""
    import hyra
    from hyra.results.storage import kind_of

    kind = kind_of(spec) if spec.endswith(".safetensors") else None
    if kind is None:
        return load_model(args, spec)[0]
    if kind == "Probe":
        return hyra.Probe.load(spec)
    return hyra.ImpulseResponse.load(spec)


def _names(specs: Sequence[str]) -> list[str]:
    """The names of the files where they differ, the whole specifications otherwise."""
    if len(set(specs)) < len(specs):
        raise ValueError(f"every MODEL must be named once, got {' '.join(specs)}")
    short = [Path(spec).name for spec in specs]
    return short if len(set(short)) == len(short) else list(specs)
