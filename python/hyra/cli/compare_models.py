"""`hyra compare-models`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from hyra.cli.arguments import MODEL_HELP, Commands, add_probe_options, command, load_model, log, probe

_EPILOG = f"""\
{MODEL_HELP}

examples:
  hyra compare-models demo bicubic lowpass --scale 4 --hr hr.png
  hyra compare-models edsr.pth swinir.pth RealESRGAN_x4plus.pth --image lr.png
  hyra compare-models a.pth b.pth --background 0.5 --mode jvp

prints a table, the response most like the ideal sinc outside the main lobe first; writes comparison.png,
comparison.txt and comparison.safetensors (hyra.ModelComparison.load). The options hold for every MODEL."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "impulse responses of several networks side by side, by likeness to the ideal sinc"
    parser = command(commands, "compare-models", summary, _EPILOG)
    parser.add_argument("models", nargs="+", metavar="MODEL", help="see below")
    parser.add_argument("--image", type=Path, metavar="FILE", help="a low-resolution image to run the networks on")
    parser.add_argument(
        "--hr",
        type=Path,
        metavar="FILE",
        help="the reference of the outputs, for PSNR and FSDS; without --image it is also what the input is made from, "
        "by antialiased bicubic downscaling",
    )
    parser.add_argument("--size", type=int, metavar="N", help="side of the probe in LR pixels (default 64)")
    add_probe_options(parser)
    parser.add_argument(
        "--variant", choices=("paper", "shift_invariant", "radial"), default="paper", help="of FSDS (default paper)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("hyra-comparison"), metavar="DIR", help="default: hyra-comparison"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Compare the named networks."""
    import hyra
    from hyra import images, plots
    from hyra.evaluation import degrade

    names = _names(args.models)
    models = {name: load_model(args, spec)[0] for name, spec in zip(names, args.models, strict=True)}
    image = None if args.image is None else images.read(args.image)
    hr = None if args.hr is None else images.read(args.hr)
    if image is None and hr is not None:
        image, hr = degrade(hr, next(iter(models.values())).scale)
    found = hyra.compare_models(models, image, hr, variant=args.variant, log=log, size=args.size, **probe(args))
    args.out.mkdir(parents=True, exist_ok=True)
    found.save(args.out / "comparison.safetensors")
    (args.out / "comparison.txt").write_text(found.table() + "\n", "utf-8")
    plots.save(found.plot()[0], args.out / "comparison.png")
    print(found.table())
    print(args.out / "comparison.png")


def _names(specs: Sequence[str]) -> list[str]:
    """The names of the files where they differ, the whole specifications otherwise."""
    if len(set(specs)) < len(specs):
        raise ValueError(f"every MODEL must be named once, got {' '.join(specs)}")
    short = [Path(spec).name for spec in specs]
    return short if len(set(short)) == len(short) else list(specs)
