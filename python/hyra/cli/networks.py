"""Options of commands that run a network, and the network that they name."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hyra.cli.inputs import add_input_options, values_of
from hyra.cli.values import positive, scale

if TYPE_CHECKING:
    from hyra.analyzer import HyRA
    from hyra.models import Model

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


def add_network_options(parser: argparse.ArgumentParser, *, scale_option: bool = True) -> None:
    """How to run MODEL; a command that runs it at several scales has an option of its own for them."""
    if scale_option:
        parser.add_argument(
            "--scale",
            type=scale,
            metavar="S",
            help="HR pixels per LR pixel, an integer or a fraction such as 3/2 or 2.4 (integers are found when not "
            "given)",
        )
    add_adapter_option(parser)
    add_loading_options(parser)
    parser.add_argument(
        "--colours", type=positive, metavar="C", help="channels of the network's input, if not 3 or 1 (found as a rule)"
    )
    add_input_options(parser)
    parser.add_argument("--device", default="cpu", help="where the network runs: cpu (default), cuda, cuda:1 ...")


def add_adapter_option(parser: argparse._ActionsContainer) -> None:
    """For networks of any scale."""
    parser.add_argument(
        "--adapter",
        choices=("at_scale", "implicit"),
        help="MODEL is a network of any scale: net(x, scale), or net(x, coord, cell) as LIIF is",
    )


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


def load_model(args: argparse.Namespace, spec: str) -> tuple[HyRA, Model]:
    """The network that `spec` names, on the device and with the scale and range that were asked for."""
    import torch

    import hyra
    from hyra import models
    from hyra._util import validate

    found = models.load(
        spec,
        args.scale,
        adapter=args.adapter,
        trust_code=args.trust_code,
        inputs=values_of(args) or None,
        size=args.input_size,
    )
    if args.scale is not None and found.scale != args.scale:
        raise ValueError(f"the model {spec} has scale {found.scale}, got --scale {args.scale}")
    validate.device("--device", args.device)
    if isinstance(found.network, torch.nn.Module):
        found.network.to(args.device)
    input_range = found.input_range if args.input_range is None else args.input_range
    white, colours = 1.0 if input_range is None else input_range, args.colours or found.channels
    return hyra.HyRA(found.network, found.scale, white, in_channels=colours, device=args.device), found
