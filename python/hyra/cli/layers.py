"""`hyra layers`."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyra.cli.arguments import Commands, add_out_option, command, keep
from hyra.cli.bands import read_input
from hyra.cli.networks import MODEL_HELP, add_network_options, load_model
from hyra.cli.responses import add_seeds_option, add_size_option

_EPILOG = f"""\
{MODEL_HELP}

examples:
  hyra layers demo
  hyra layers edsr.pth --layers head body tail.0 tail
  hyra layers swinir.pth --amplitude 0.1 --out swinir
  hyra layers swinir.pth --image lr.png               and what becomes of the image's frequencies

prints for each layer its channels, its scale, the share of its response's energy in the principal pattern, and how
like the sinc that pattern is, in all and outside the main lobe (not at x1, where the sinc is a single pixel);
writes layers.png, layers.txt and layers.safetensors (hyra.LayerResponses.load).
With --image also prints how the energy of each layer's output for that image is shared among bands of frequency;
writes spectra.png, spectra.txt and spectra.safetensors (hyra.LayerSpectra.load)."""


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
    add_seeds_option(parser)
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
    parser.add_argument(
        "--image",
        type=Path,
        metavar="FILE",
        help="a low-resolution image: also measure the spectra of the layers' outputs for it, for black, and of their "
        "difference",
    )
    add_out_option(parser, "hyra-layers")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Probe the layers of the named network."""
    model, _ = load_model(args, args.model)
    responses = model.layer_responses(
        args.layers, args.size, amplitude=args.amplitude, form=args.form, seeds=args.seeds
    )
    keep(responses, args.out, "layers", layers=args.layers)
    print(responses.table())
    if args.image is not None:
        lr = read_input(args.image, model.network.in_channels)
        spectra = model.layer_spectra(lr, args.layers, black=True)
        keep(spectra, args.out, "spectra", layers=args.layers)
        print(spectra.table())
        print(args.out / "spectra.png")
    print(args.out / "layers.png")
