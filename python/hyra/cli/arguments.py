"""What several commands share: the look of their help, and options that mean the same everywhere."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from math import ceil, inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyra._util.files import check_writable
from hyra._util.table import number
from hyra._util.texts import printable
from hyra.cli.bands import read_bands
from hyra.cli.inputs import add_input_options, values_of
from hyra.scores.variants import VARIANTS

if TYPE_CHECKING:
    from torch import Tensor

    from hyra.analyzer import HyRA
    from hyra.models import Model
    from hyra.probing.operating_point import OperatingPoint
    from hyra.scores.protocol import Protocol

Commands = argparse._SubParsersAction  # argparse has no public name for it

MODEL_HELP = """\
MODEL is one of
  nearest, bilinear, lowpass           at any --scale
  bicubic, bicubic-torch               likewise: as MATLAB's imresize (a = -0.5), as torch (a = -0.75)
  demo, demo-x2                        small networks that come with hyra
  FILE.pth .pt .ckpt .safetensors      a checkpoint of an architecture that spandrel knows
                                       (pip install 'hyra[models]'); only weights are loaded, no code
  FILE.onnx                            an ONNX network (pip install 'hyra[onnx]')
  FILE.pt2, or a TorchScript FILE      a network with its code: only with --trust-code
  package.module:NAME, FILE.py:NAME    a network, a function [N,C,h,w] -> [N,C,s*h,s*w], or a class or a
                                       function that needs no arguments and makes one: to name it is to
                                       run its code"""


def command(
    commands: Commands[argparse.ArgumentParser], name: str, summary: str, epilog: str
) -> argparse.ArgumentParser:
    """A subcommand whose help keeps the line breaks of its examples."""
    return commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """How to run MODEL."""
    parser.add_argument("--scale", type=positive, metavar="S", help="HR pixels per LR pixel (found when not given)")
    add_loading_options(parser)
    parser.add_argument(
        "--colours", type=positive, metavar="C", help="channels of the network's input, if not 3 or 1 (found as a rule)"
    )
    add_input_options(parser)
    parser.add_argument("--device", default="cpu", help="where the network runs: cpu (default), cuda, cuda:1 ...")


def add_loading_options(parser: argparse._ActionsContainer) -> None:
    """What must be said of a network that its file may not say."""
    parser.add_argument(
        "--input-range", type=float, metavar="W", help="the network's value of white: 1 or 255 (default 1)"
    )
    parser.add_argument(
        "--trust-code",
        action="store_true",
        help="run the code in a MODEL file that holds any (TorchScript, .pt2, pickled objects): it may do all that you "
        "may; without it such a file is refused",
    )


def add_impulse_options(parser: argparse.ArgumentParser) -> None:
    """The impulse, and what it is added to."""
    parser.add_argument(
        "--amplitude",
        type=float,
        default=1.0,
        metavar="A",
        help="height of the impulse, in 0..1 (default 1)",
    )
    parser.add_argument(
        "--background",
        type=float,
        default=0.0,
        metavar="B",
        help="level below the impulse (default 0, black)",
    )
    parser.add_argument(
        "--form",
        choices=("literal", "affine"),
        help="literal (default on black): the response as it is, as in the paper; affine: less what the network makes "
        "of the background, which matters for networks whose padding colours the border",
    )


def add_channels_option(parser: argparse.ArgumentParser) -> None:
    """One impulse, or one for each colour."""
    parser.add_argument(
        "--channels",
        choices=("joint", "matrix"),
        default="joint",
        help="one white impulse, as in the paper, or one for each colour (default joint)",
    )


def add_response_options(parser: argparse.ArgumentParser) -> None:
    """The options of `HyRA.impulse_response`, for commands that measure one response."""
    add_network_options(parser)
    add_impulse_options(parser)
    add_channels_option(parser)
    add_size_option(parser)
    parser.add_argument(
        "--mode",
        choices=("finite", "jvp"),
        default="finite",
        help="finite (default): an impulse of that height; jvp: the derivative at the background, for small changes",
    )


def operating_point(args: argparse.Namespace) -> OperatingPoint:
    """What the response options say, but for the size of the canvas."""
    from hyra.probing.operating_point import OperatingPoint

    return OperatingPoint(args.amplitude, args.background, args.form, args.mode, args.channels)


def add_size_option(parser: argparse.ArgumentParser) -> None:
    """The size of the canvas."""
    parser.add_argument("--size", type=positive, metavar="N", help="side of the canvas in LR pixels (default 64)")


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


def add_variant_option(parser: argparse.ArgumentParser) -> None:
    """Which FSDS."""
    parser.add_argument("--variant", choices=VARIANTS, default="paper", help="of FSDS (default paper)")


def add_protocol_options(parser: argparse.ArgumentParser) -> None:
    """How pairs of images are scored."""
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--protocol",
        metavar="P",
        help="paper, y, y-rounded or div2k (all but paper need --scale), or written out, such as channels=y,crop=4 "
        "(channels: rgb, y, y-rounded, grey); default: RGB, nothing cut",
    )
    choice.add_argument(
        "--crop-border", type=natural, default=0, metavar="N", help="pixels to leave out at each side, of RGB"
    )
    parser.add_argument("--scale", type=factor, metavar="S", help="HR pixels per LR pixel, such as 2.5, for --protocol")


def protocol(args: argparse.Namespace) -> Protocol:
    """What the protocol options say."""
    from hyra.scores.protocol import Protocol

    text = f"crop={args.crop_border}" if args.protocol is None else args.protocol
    return Protocol.parse(text, None if args.scale is None else ceil(args.scale))


def add_out_option(parser: argparse.ArgumentParser, folder: str) -> None:
    """Where results go."""
    parser.add_argument("--out", type=out_folder, default=folder, metavar="DIR", help=f"default: {folder}")


def load_model(args: argparse.Namespace, spec: str) -> tuple[HyRA, Model]:
    """The network that `spec` names, on the device and with the scale and range that were asked for."""
    import torch

    import hyra
    from hyra import models
    from hyra._util import validate

    found = models.load(
        spec, args.scale, trust_code=args.trust_code, inputs=values_of(args) or None, size=args.input_size
    )
    if args.scale is not None and found.scale != args.scale:
        raise ValueError(f"the model {spec} has scale {found.scale}, got --scale {args.scale}")
    validate.device("--device", args.device)
    if isinstance(found.network, torch.nn.Module):
        found.network.to(args.device)
    input_range = found.input_range if args.input_range is None else args.input_range
    white, colours = 1.0 if input_range is None else input_range, args.colours or found.channels
    return hyra.HyRA(found.network, found.scale, white, in_channels=colours, device=args.device), found


def out_file(text: str) -> Path:
    """A file that can be written, asked before the work."""
    return _writable(text, folder=False)


def out_folder(text: str) -> Path:
    """A folder that can be written to, asked before the work."""
    return _writable(text, folder=True)


def _writable(text: str, *, folder: bool) -> Path:
    check_writable(text, folder=folder)  # argparse lets an OSError pass, and `main` makes one sentence of it
    return Path(text)


def window(text: str) -> tuple[int, int, int]:
    """Y,X,N as three integers."""
    try:
        y, x, side = (natural(part) for part in text.split(","))
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise argparse.ArgumentTypeError(f"must be Y,X,N, such as 96,120,16, got {text!r}") from error
    return y, x, side


def positive(text: str) -> int:
    """An integer of at least 1."""
    return _integer(text, 1)


def factor(text: str) -> float:
    """A number of at least 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 1 <= value < inf:
        raise argparse.ArgumentTypeError(f"must be a number of at least 1, got {text!r}")
    return value


def natural(text: str) -> int:
    """An integer of at least 0."""
    return _integer(text, 0)


def _integer(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"must be an integer of at least {least}, got {text!r}")
    return value


def log(line: str) -> None:
    """Tell what happens, on stderr: stdout is for results."""
    print(f"hyra: {printable(line)}", file=sys.stderr, flush=True)


def finish(folder: Path, summary: Mapping[str, Any]) -> None:
    """Print the numbers that matter most, and where the rest is."""
    for key in ("ring_cosine", "cutoff", "side_lobe", "dc_gain"):
        if key in summary["numbers"]:
            print(f"{key:12} {number(float(summary['numbers'][key])):>9}")
    for row in summary["quality"]:
        psnr, fsds = float(row["psnr"]), float(row["fsds"])
        print(f"{row['method']:12} {psnr:9.2f} dB PSNR {fsds:8.2f} dB FSDS")
    print(folder / "report.html")
