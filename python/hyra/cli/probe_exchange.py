"""`hyra probe-export` and `hyra probe-import`: any program, through image files."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyra._util.table import number
from hyra.cli.arguments import Commands, command, log
from hyra.cli.values import out_folder, positive
from hyra.probing.exchange import AMPLITUDE, BACKGROUND

_EXPORT = """\
example, for a program that no Python can call (ncnn, MATLAB, a web service, a closed application):
  hyra probe-export exchange
  realesrgan-ncnn-vulkan -i exchange/inputs -o exchange/outputs -s 4
  hyra probe-import exchange

writes DIR/inputs/background.png and impulse.png (16 bits a channel), or .npy, and DIR/probe.json. Enlarge every image
in inputs, and put the results into DIR/outputs under the same names; endings such as _x4 and other formats do no
harm."""

_IMPORT = """\
example: see hyra probe-export --help

writes DIR/response.safetensors (hyra.ImpulseResponse.load, hyra compare-models) and DIR/response.png. Says whether the
program cut its output at black or white, and how many levels it has: of 8 bits a response is known to 0.016 of the
impulse at the usual amplitude, of 16 bits to 0.00006."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare both commands."""
    parser = command(commands, "probe-export", "write impulses as image files, for any program to enlarge", _EXPORT)
    parser.add_argument("folder", type=out_folder, metavar="DIR", help="where the files go")
    parser.add_argument("--size", type=positive, default=64, metavar="N", help="side of the images (default 64)")
    parser.add_argument(
        "--channels", choices=("joint", "matrix"), default="joint", help="one white impulse, or one for each colour"
    )
    parser.add_argument("--colours", type=positive, default=3, metavar="C", help="1, 3, or with npy any (default 3)")
    parser.add_argument(
        "--amplitude", type=float, default=AMPLITUDE, metavar="A", help="height of the impulse (default 61/255)"
    )
    parser.add_argument(
        "--background", type=float, default=BACKGROUND, metavar="B", help="level below it (default 128/255)"
    )
    parser.add_argument("--format", choices=("png", "npy"), default="png", help="default png, of 16 bits")
    parser.set_defaults(run=_export)

    parser = command(commands, "probe-import", "the impulse response in what a program made of them", _IMPORT)
    parser.add_argument("folder", type=out_folder, metavar="DIR", help="as hyra probe-export wrote it")
    parser.add_argument("--outputs", type=Path, metavar="DIR", help="the program's images (default DIR/outputs)")
    parser.set_defaults(run=_import)


def _export(args: argparse.Namespace) -> None:
    from hyra.probing.exchange import OUTPUTS, export_impulses

    files = export_impulses(
        args.folder,
        size=args.size,
        channels=args.channels,
        colours=args.colours,
        amplitude=args.amplitude,
        background=args.background,
        form=args.format,
    )
    for file in files:
        print(file)
    log(f"enlarge these into {args.folder / OUTPUTS}, under the same names; then hyra probe-import {args.folder}")


def _import(args: argparse.Namespace) -> None:
    from hyra import plots
    from hyra.probing.exchange import import_outputs

    exchanged = import_outputs(args.folder, args.outputs)
    response = exchanged.response
    response.save(args.folder / "response.safetensors")
    plots.save(response.plot()[0], args.folder / "response.png")
    fit = response.fit_sinc()
    numbers = {"scale": response.scale, "ring cosine": fit.ring_cosine, "cut-off": fit.cutoff}
    numbers |= {"side lobe": response.side_lobe, "DC gain": float(response.dc_gain.mean())}
    if exchanged.step:
        numbers["levels"] = round(1 / exchanged.step) + 1
    numbers |= {"cut at the ends": exchanged.clamped, "known to": exchanged.error}
    for name, value in numbers.items():
        print(f"{name:16} {number(None if value is None else float(value)):>9}")
    print(args.folder / "response.png")
