"""`hyra layers`."""

from __future__ import annotations

import argparse

from hyra._util.files import write_text
from hyra.cli.arguments import (
    MODEL_HELP,
    Commands,
    add_network_options,
    add_out_option,
    add_size_option,
    command,
    load_model,
)

_EPILOG = f"""\
{MODEL_HELP}

examples:
  hyra layers demo
  hyra layers edsr.pth --layers head body tail.0 tail
  hyra layers swinir.pth --amplitude 0.1 --out swinir

prints for each layer its channels, its scale, the share of its response's energy in the principal pattern, and how
like the sinc that pattern is, in all and outside the main lobe (not at x1, where the sinc is a single pixel);
writes layers.png, layers.txt and layers.safetensors (hyra.LayerResponses.load)."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "impulse responses inside a network, layer by layer: where the sinc takes shape"
    parser = command(commands, "layers", summary, _EPILOG)
    parser.add_argument("model", metavar="MODEL", help="see below; a network, not a function")
    parser.add_argument(
        "--layers",
        nargs="+",
        metavar="NAME",
        help="modules, by their names in the network; when not given, all that return an image, of which the figure "
        "shows at most 24",
    )
    add_network_options(parser)
    add_size_option(parser)
    parser.add_argument(
        "--amplitude", type=float, default=1.0, metavar="A", help="height of the impulse, in 0..1 (default 1)"
    )
    parser.add_argument(
        "--form",
        choices=("literal", "affine"),
        default="affine",
        help="affine (default): less what the layer makes of black, which is mostly its biases; literal: with it, as "
        "in the paper",
    )
    add_out_option(parser, "hyra-layers")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Probe the layers of the named network."""
    from hyra import plots

    model, _ = load_model(args, args.model)
    responses = model.layer_responses(args.layers, args.size, amplitude=args.amplitude, form=args.form)
    args.out.mkdir(parents=True, exist_ok=True)
    responses.save(args.out / "layers.safetensors")
    write_text(args.out / "layers.txt", responses.table() + "\n")
    plots.save(responses.plot(layers=args.layers)[0], args.out / "layers.png")
    print(responses.table())
    print(args.out / "layers.png")
