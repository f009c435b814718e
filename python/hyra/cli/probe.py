"""`hyra probe`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from hyra.cli.arguments import Commands, add_out_option, command, keep
from hyra.cli.bands import read_input
from hyra.cli.networks import MODEL_HELP, add_network_options, load_model
from hyra.cli.responses import add_channels_option, add_impulse_options, add_seeds_option
from hyra.cli.values import natural, positive

if TYPE_CHECKING:
    from hyra.probing.amplitude import AmplitudeSweep
    from hyra.probing.probe import Probe

_EPILOG = f"""\
{MODEL_HELP}

examples:
  hyra probe demo
  hyra probe swinir.pth --background 0.5 --amplitude 0.1
  hyra probe edsr.pth --image lr.png --amplitude 0.1     how the response changes over an image
  hyra probe edsr.pth --amplitudes                       and how with the height of the impulse
  hyra probe edsr.pth --amplitudes -0.5 -0.1 0.1 0.5
  hyra probe edsr.pth --positions 10,12 40,7 --channels matrix

Positions lie on a grid, every 7 LR pixels, if none are named. Several impulses share an image where the network is
found to look no farther than their distance. Prints how far the responses are from the one in the middle, relative to
its norm; writes probe.png and probe.safetensors (hyra.Probe.load), with --amplitudes also amplitudes.png and
amplitudes.safetensors (hyra.AmplitudeSweep.load)."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "impulse responses at many positions and amplitudes, and how far they differ"
    parser = command(commands, "probe", summary, _EPILOG)
    parser.add_argument("model", metavar="MODEL", help="see below")
    add_network_options(parser)
    add_impulse_options(parser)
    add_channels_option(parser)
    add_seeds_option(parser)
    parser.add_argument(
        "--positions",
        type=_position,
        nargs="+",
        metavar="ROW,COLUMN",
        help="LR pixels to probe, counted from 0 (default: a grid)",
    )
    parser.add_argument(
        "--image", type=Path, metavar="FILE", help="a low-resolution image to add the impulses to, instead of a level"
    )
    parser.add_argument(
        "--amplitudes",
        type=float,
        nargs="*",
        metavar="A",
        help="also sweep the height of the impulse in the middle: these, or without numbers, 0.01 to 1 up and down",
    )
    parser.add_argument("--canvas", type=positive, metavar="N", help="side of the canvas in LR pixels (default 128)")
    parser.add_argument(
        "--size",
        type=positive,
        metavar="N",
        help="side in LR pixels of the window that counts as a response (default: as far as the network looks)",
    )
    parser.add_argument("--batch-size", type=positive, metavar="N", help="images a run (default 1 on a CPU, else 16)")
    parser.add_argument("--no-pack", action="store_true", help="one impulse an image")
    add_out_option(parser, "hyra-probe")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Probe the named network at many positions, and at many amplitudes if asked to."""
    import torch

    if args.image is not None and args.background:
        raise ValueError(f"--background must be left out with --image, which is the background, got {args.background}")
    model, _ = load_model(args, args.model)
    background = args.background
    if args.image is not None:
        background = read_input(args.image, model.network.in_channels)
    probe = model.probe(
        "grid" if args.positions is None else torch.tensor(args.positions, dtype=torch.int64, device="cpu"),
        args.channels,
        pack=not args.no_pack,
        canvas=args.canvas,
        size=args.size,
        amplitude=args.amplitude,
        background=background,
        form=args.form,
        batch_size=args.batch_size,
        seeds=args.seeds,
    )
    keep(probe, args.out, "probe")
    _report(probe)
    if args.amplitudes is not None:
        sweep = model.amplitude_sweep(
            args.amplitudes or None, channels=args.channels, background=background, seeds=args.seeds
        )
        keep(sweep, args.out, "amplitudes")
        _report_sweep(sweep)
        print(args.out / "amplitudes.png")
    print(args.out / "probe.png")


def _report(probe: Probe) -> None:
    height, width = probe.canvas
    packed = "packed" if probe.packed else "one impulse each"
    print(f"{'positions':16} {len(probe.positions)} in {probe.images} images of {height}x{width}, {packed}")
    if probe.locality is not None:
        field, period = probe.locality.receptive_field, probe.locality.period
        print(f"{'receptive field':16} {'the whole image' if field is None else f'{field}x{field} LR pixels'}")
        print(f"{'period':16} {'none found' if period is None else f'{period}x{period} LR pixels'}")
    print(f"{'deviation':16} {probe.mean_deviation:.3g} on average, {probe.largest_deviation:.3g} at most")
    if probe.standard_error is not None:
        noise = f"{float(probe.standard_error.nanmean()):.3g} on average"
        print(f"{'noise':16} {noise}: as much of a deviation is the network's random numbers")
    if probe.left_out:
        print(f"{'left out':16} {probe.left_out} positions, whose responses are not finite")
    if probe.mean.cross_channel_share is not None:
        print(f"{'across colours':16} {probe.mean.cross_channel_share:.3g} of the mean response's energy")


def _report_sweep(sweep: AmplitudeSweep) -> None:
    from hyra._util.table import number

    print(f"{'linearity':16} {sweep.linearity:.4f}{_error(sweep.linearity_error)}")
    errors = sweep.ring_cosine_errors or (None,) * len(sweep.fits)
    for response, fit, error in zip(sweep.responses, sweep.fits, errors, strict=True):
        print(f"{'ring cosine':16} {number(fit.ring_cosine)}{_error(error)} at amplitude {response.amplitude:g}")


def _error(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f" ± {value:.1g}"


def _position(text: str) -> tuple[int, int]:
    try:
        row, column = (natural(part) for part in text.split(","))
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise argparse.ArgumentTypeError(f"must be ROW,COLUMN, such as 10,12, got {text!r}") from error
    return row, column
