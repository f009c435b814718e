"""`hyra lowpass-sweep`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyra.cli.arguments import Commands, add_out_option, command
from hyra.cli.scoring import add_variant_option
from hyra.cli.values import positive
from hyra.filters.windows import WINDOWS

if TYPE_CHECKING:
    from torch import Tensor

_EPILOG = """\
examples:
  hyra lowpass-sweep 0801.png --scale 2
  hyra lowpass-sweep DIV2K/HR/*.png --scale 2 --released
  hyra lowpass-sweep hr.png --lr lr.png --window kaiser --taps 32 --cutoffs 0.4:0.6:41

prints the best cut-off of each score; writes sweep.png and sweep.safetensors (hyra.LowpassSweep.load).
0.5 cycles per LR pixel, the LR Nyquist frequency, is the ideal interpolator's; the paper's Fig. 8 has omega,
which is the cut-off times the image's size."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "PSNR, SSIM and FSDS of low-pass filtering alone, over the filter's cut-off"
    parser = command(commands, "lowpass-sweep", summary, _EPILOG)
    parser.add_argument("hr", type=Path, nargs="+", metavar="HR", help="reference images, scored together")
    parser.add_argument(
        "--lr",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="the low-resolution images, as many and in the same order; made from HR by MATLAB's imresize "
        "when not given",
    )
    parser.add_argument(
        "--scale", type=positive, metavar="S", help="HR pixels per LR pixel (default 2, or that of --lr)"
    )
    parser.add_argument(
        "--cutoffs",
        type=_cutoffs,
        metavar="LOW:HIGH:COUNT",
        help="in cycles per LR pixel (default 0.3:0.9:25)",
    )
    parser.add_argument("--window", choices=tuple(WINDOWS), default="hann", help="default: hann")
    parser.add_argument("--taps", type=positive, default=16, metavar="N", help="the window's LR pixels (default 16)")
    parser.add_argument(
        "--released",
        action="store_true",
        help="filter as the paper's released code does: a kernel as wide as the image, (S - 1) / 2 HR pixels off "
        "centre, the range restored (instead of --window and --taps)",
    )
    add_variant_option(parser)
    add_out_option(parser, "hyra-lowpass-sweep")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Sweep the cut-off over the named images."""
    import hyra
    from hyra import images, plots
    from hyra.evaluate.lowpass.sweep import SCORES
    from hyra.filters import lowpass
    from hyra.images.resampling import degrade

    hr = [images.read(file) for file in args.hr]
    if args.lr is None:
        pairs = [degrade(image, args.scale or 2) for image in hr]
        lr, hr = [low for low, _ in pairs], [high for _, high in pairs]
    else:
        lr = [images.read(file) for file in args.lr]
        _check_scale(args, lr, hr)
    options = lowpass.RELEASED if args.released else {"window": args.window, "taps": args.taps}
    sweep = hyra.lowpass_sweep(lr, hr, args.cutoffs, variant=args.variant, **options)
    args.out.mkdir(parents=True, exist_ok=True)
    sweep.save(args.out / "sweep.safetensors")
    plots.save(sweep.plot()[0], args.out / "sweep.png")
    for score in SCORES:
        cutoff, value = sweep.best(score)
        end = "" if sweep.cutoff[0] < cutoff < sweep.cutoff[-1] else ", the last one tried: it may go on"
        print(f"{score.upper():5} {value:9.4f} at cut-off {cutoff:.4f}{end}")
    print(args.out / "sweep.png")


def _check_scale(args: argparse.Namespace, lr: Sequence[Tensor], hr: Sequence[Tensor]) -> None:
    """The images have the scale that was asked for."""
    for file, low, high in zip(args.lr, lr, hr, strict=False):
        expected = None if args.scale is None else tuple(args.scale * n for n in low.shape[1:])
        if expected not in (None, tuple(high.shape[1:])):
            sizes = " and ".join(f"{x.shape[2]}x{x.shape[1]}" for x in (low, high))
            raise ValueError(f"--scale must be that of the images, {sizes} pixels for {file}, got {args.scale}")


def _cutoffs(text: str) -> list[float]:
    try:
        low, high, count = text.split(":")
        first, last, steps = float(low), float(high), int(count) - 1
        if not (0 < first < last and steps > 0):
            raise ValueError
    except ValueError:
        message = f"must be LOW:HIGH:COUNT with 0 < LOW < HIGH and COUNT of at least 2, got {text!r}"
        raise argparse.ArgumentTypeError(message) from None
    return [first + (last - first) * i / steps for i in range(steps + 1)]
