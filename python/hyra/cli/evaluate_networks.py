"""The options of `hyra evaluate` for networks as methods, and what is printed of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hyra._util.texts import printable
from hyra.cli.arguments import log
from hyra.cli.inputs import add_input_options, texts_of
from hyra.cli.networks import add_adapter_option, add_loading_options
from hyra.cli.values import natural, out_folder, positive, scale

if TYPE_CHECKING:
    from pathlib import Path

    from hyra.evaluate.evaluation import Evaluation
    from hyra.evaluate.inputs.methods import Method
    from hyra.evaluate.inputs.network_numbers import NetworkNumbers
    from hyra.evaluate.inputs.networks import NetworkMethod


_OPTIONS = ("lr", "scale", "input_range", "tile", "halo", "seeds", "inputs", "input_size", "adapter")
"""Of networks alone."""


def add_network_inputs(parser: argparse.ArgumentParser) -> None:
    """Networks to score, beside or in place of folders of images."""
    group = parser.add_argument_group("networks")
    group.add_argument(
        "--model", action="append", default=[], metavar="MODEL", help="a network to run; any number of times"
    )
    group.add_argument(
        "--lr",
        metavar="DIR",
        help="the folder of its inputs, {scale} in it standing for the scale; without it they are made from the "
        "references by MATLAB's imresize",
    )
    group.add_argument(
        "--scale",
        type=scale,
        nargs="+",
        action="extend",
        metavar="S",
        help="HR pixels per LR pixel (integers are found when not given), also fractions such as 5/2 or 2.4, for which "
        "references are cut to multiples of 5 or 12; of several, those that a network has; {scale} in MODEL stands for "
        "each",
    )
    add_adapter_option(group)
    add_loading_options(group)
    add_input_options(group)
    tile = "run on tiles where an input is larger, in LR pixels (default: where it needs more memory than there is)"
    group.add_argument("--tile", type=positive, metavar="N", help=tile)
    group.add_argument(
        "--halo", type=natural, metavar="N", help="LR pixels around a tile (default: as far as it looks)"
    )
    group.add_argument(
        "--seeds", type=positive, metavar="K", help="run each K times with other random numbers: mean and deviation"
    )
    group.add_argument(
        "--network-columns",
        action="store_true",
        help="likeness to the sinc, cut-off, energy of H over the output's in bands (above 1 where G takes some away), "
        "parameters, multiply-adds, time and memory as well: below the table, and in its files; with --store the "
        "impulse responses, too, for the page of hyra report",
    )
    group.add_argument(
        "--save-images",
        type=out_folder,
        metavar="DIR",
        help="keep what the networks make, as DIR/MODEL/xSCALE/IMAGE.png: hyra report shows it, --layout takes it",
    )


def networks(args: argparse.Namespace) -> list[NetworkMethod]:
    """The networks that the options name, loaded once to see what they are."""
    from hyra.evaluate.inputs.networks import network_methods
    from hyra.evaluate.inputs.running import at_scales
    from hyra.models.builtin import BUILT_IN

    if not args.model:
        given = [name for name in _OPTIONS if getattr(args, name)]
        if given:
            option = "input" if given[0] == "inputs" else given[0].replace("_", "-")
            raise ValueError(f"--{option} must be given with --model, got no --model")
        return []
    if args.hr is None:
        raise ValueError("--hr must name the folder of reference images, got none")
    specs = [
        spec
        for model in args.model
        for spec in at_scales(
            model,
            args.scale or (),
            input_range=args.input_range,
            device=args.device or "cpu",
            trust_code=args.trust_code,
            tile=args.tile,
            halo=args.halo,
            inputs=None if model in BUILT_IN else texts_of(args),
            input_size=args.input_size,
            adapter=None if model in BUILT_IN else args.adapter,
        )
    ]
    template = args.template
    return network_methods(specs, args.hr, args.lr, template=template, seeds=args.seeds, save=args.save_images)


def among(args: argparse.Namespace, methods: Sequence[Method]) -> list[NetworkMethod]:
    """The methods that are networks, however they were named.

    Raises:
        ValueError: there is none, and an option is about them.
    """
    from hyra.evaluate.inputs.networks import NetworkMethod

    found = [method for method in methods if isinstance(method, NetworkMethod)]
    for name in ("network_columns", "save_images"):
        if getattr(args, name) and not found:
            option = name.replace("_", "-")
            raise ValueError(f"--{option} must be given with --model, or a manifest with a model, got no network")
    return found


def measured(methods: Sequence[NetworkMethod]) -> list[NetworkNumbers]:
    """The numbers of each network, whatever its seed."""
    from hyra.evaluate.inputs.network_numbers import network_numbers

    numbers = []
    for method in methods:
        if method.seed == 0:
            log(f"measuring {printable(method.network or method.name)} at x{method.scale:g}")
            numbers.append(network_numbers(method))
    return numbers


def keep_responses(store: Path, run: str, numbers: Sequence[NetworkNumbers]) -> None:
    """Keep the networks' impulse responses beside the scores, for the page of the run."""
    from hyra.evaluate.store.runs import Runs
    from hyra.results.storage import to_bytes

    with Runs(store) as runs:
        runs.keep_responses(run, {(each.method, each.scale): to_bytes(each.response) for each in numbers})


def over_all_seeds(result: Evaluation, methods: Sequence[NetworkMethod]) -> str:
    """Means and deviations over the seeds, empty without."""
    from hyra.evaluate.tables.seeds import over_seeds, seed_table

    means = over_seeds(result.summaries(), {method.name: method.network for method in methods if method.network})
    return seed_table(means) if means else ""
