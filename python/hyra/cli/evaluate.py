"""`hyra evaluate`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyra._util.texts import printable
from hyra.cli.arguments import Commands, command, log
from hyra.cli.evaluate_networks import add_network_inputs, among, keep_responses, measured, networks, over_all_seeds
from hyra.cli.networks import MODEL_HELP
from hyra.cli.pictures import add_pairing_options
from hyra.cli.values import out_file, positive

if TYPE_CHECKING:
    from hyra.evaluate.evaluation import Engine
    from hyra.evaluate.inputs.methods import Method
    from hyra.evaluate.store.shards import Shard
    from hyra.evaluate.work.tasks import Outcome

_EPILOG = f"""\
{MODEL_HELP}

examples:
  hyra evaluate --hr DIV2K/HR --sr EDSR:4:results/EDSR/x4 --sr SwinIR:4:results/SwinIR/x4
  hyra evaluate --hr Set5/HR --layout results --protocol y --scores psnr ssim fsds:radial
  hyra evaluate --manifest table.toml --store scores.sqlite    kept one by one: after an interruption the same
                                                               command goes on
  hyra evaluate --hr DIV2K/HR --layout results --out table.tex --out table.csv --against paper
  hyra evaluate --hr DIV2K/HR --model edsr.pth --model bicubic --scale 4 --modcrop --network-columns
  hyra evaluate --hr DIV2K/HR --model 'edsr_x{{scale}}.pth' --scale 2 3 4 --modcrop --save-images outputs
  srun hyra evaluate ... --store scores.sqlite --run sweep --shard auto && hyra merge all.sqlite scores.*-of-*.sqlite

Images are matched with their references by name. Every file is decoded once for all scores, and a reference once for
all methods. The mean of a score is over the images where it is finite: identical images, which score inf, and images
that could not be scored are counted and named instead, and then the exit code is 1.

Of the spectra: spectrum:distance, spectrum:distance-hann (the one of hyra spectrum), band_psnr:LOW-HIGH. Of other
packages, where they are installed: lpips, lpips:vgg, lpips:paper (as Table 1 has it), dists, torchmetrics:NAME,
pyiqa:NAME; options follow, as in pyiqa:NAME,option=value. Nothing is downloaded: what is missing of their weights is
named before the first image.

The protocol is by default that of published tables, paper: RGB, nothing cut, and FSDS divided by the energy of the SR
image. hyra fsds and hyra.fsds divide by the reference's, as FSDS is defined; that is --protocol crop=0 here.

A manifest is TOML: hr, protocol, scores, and a [[method]] table for each with name, scale and sr; or with model in
place of sr, and then if need be with name, scale, lr, input_range, tile, halo, seeds, adapter. A scale may be a list,
{{scale}} standing for each in sr, model and lr. At a scale such as 5/2 or 2.4 (12/5), --modcrop cuts references to
multiples of 5 or 12, and LR images made of them are exactly 2/5 or 5/12 as large."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(commands, "evaluate", "scores of many images of many methods, kept, as a table", _EPILOG)
    inputs = parser.add_argument_group("what is scored")
    inputs.add_argument("--hr", type=Path, metavar="DIR", help="the folder of reference images")
    inputs.add_argument(
        "--sr", action="append", default=[], metavar="NAME:SCALE:DIR", help="a method's images; any number of times"
    )
    inputs.add_argument("--layout", type=Path, metavar="DIR", help="a folder of methods: DIR/METHOD/xSCALE/")
    inputs.add_argument("--manifest", type=Path, metavar="FILE.toml", help="methods and settings in a file")
    add_pairing_options(parser)
    add_network_inputs(parser)
    scoring = parser.add_argument_group("how")
    scoring.add_argument(
        "--scores",
        nargs="+",
        action="extend",
        metavar="SCORE",
        help="psnr ssim ms_ssim fsds mae mse ... (default psnr ssim fsds), see below",
    )
    scoring.add_argument(
        "--protocol", metavar="P", help="paper (the default), y, y-rounded, div2k, or such as channels=y,crop=4"
    )
    scoring.add_argument("--modcrop", action="store_true", help="cut references to a multiple of the scale")
    scoring.add_argument("--workers", type=positive, metavar="N", help="images at a time (default: one for each core)")
    scoring.add_argument(
        "--engine",
        choices=("threads", "processes", "ray"),
        default="threads",
        help="where the work is done: on threads of this process (default), in processes (thousands of small images on "
        "many cores), or by Ray (pip install 'hyra[ray]')",
    )
    scoring.add_argument(
        "--address",
        metavar="A",
        help="of a Ray cluster, or auto: that of this machine (default: a Ray of its own on this machine)",
    )
    scoring.add_argument("--device", metavar="D", help="where scores are computed (default cpu)")
    outputs = parser.add_argument_group("what becomes of it")
    outputs.add_argument("--store", type=out_file, metavar="FILE.sqlite", help="keep every score there at once")
    outputs.add_argument(
        "--run", dest="run_name", metavar="NAME", help="name of the run in the store (default: the time)"
    )
    outputs.add_argument(
        "--out",
        type=out_file,
        action="append",
        default=[],
        metavar="FILE",
        help="the table as .md, .csv, .json, .parquet or .tex; any number of times",
    )
    outputs.add_argument(
        "--per-image",
        type=out_file,
        action="append",
        default=[],
        metavar="FILE",
        help="every score of every image as .csv, .json or .parquet; any number of times",
    )
    outputs.add_argument(
        "--against",
        metavar="paper[:METHOD,...]",
        help="beside the rows of the paper's Table 1 of the same methods (and of those named), on DIV2K validation, "
        "with differences where all was measured alike",
    )
    outputs.add_argument(
        "--shard",
        metavar="I/N",
        help="only part I of N of the images, from 0/N on, or auto: as torchrun or Slurm say; FILE.sqlite becomes "
        "FILE.I-of-N.sqlite, and 'hyra merge' puts the parts together",
    )
    outputs.add_argument("--tag", action="append", default=[], metavar="WORD", help="to find the run by")
    outputs.add_argument(
        "--log-to", action="append", default=[], metavar="WHERE", help="tensorboard:DIR, mlflow:URI or wandb:PROJECT"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Score and print; 1 where a pair could not be scored."""
    from hyra.evaluate.evaluation import evaluate
    from hyra.evaluate.formats import IMAGES, TABLES, check, show, write_images, write_table
    from hyra.evaluate.tables.published import Published
    from hyra.evaluate.tracking.logs import log_to, number_of
    from hyra.evaluate.work.plan import Plan
    from hyra.results.writers import check_destination

    for file in args.out:
        check(file, TABLES)
    for file in args.per_image:
        check(file, IMAGES)
    for destination in args.log_to:
        check_destination(destination)
    methods, settings = _inputs(args, networks(args))
    models = among(args, methods)
    settings |= {"modcrop": True} if args.modcrop else {}
    given = {name: getattr(args, name) for name in ("protocol", "scores", "device")}
    plan = Plan(**settings | {name: value for name, value in given.items() if value is not None})
    if args.against is not None:  # a typing error must not wait for the end
        Published.parse(args.against, plan, ())
    shard, store = _shard(args)
    numbers = measured(models) if args.network_columns and (shard is None or shard.index == 0) else []
    result = evaluate(
        methods,
        plan,
        store=store,
        name=args.run_name,
        tags=args.tag,
        about={"networks": [each.note() for each in numbers]} if numbers else None,
        allow_missing=args.allow_missing,
        workers=args.workers,
        engine=_engine(args),
        shard=shard,
        log=_report,
    )
    if store is not None and numbers:
        keep_responses(store, result.run.name, numbers)
    table = result.table(args.against)
    for file in args.out:
        write_table(table, file)
    for file in args.per_image:
        write_images(result, file)
    show(table)
    for destination in args.log_to:
        log_to(result, destination, number_of(result.run.name, store))
    if text := over_all_seeds(result, models):
        print("", *map(printable, text.splitlines()), sep="\n")
    return int(any(outcome.error is not None for outcome in result.outcomes))


def _report(outcome: Outcome) -> None:
    for reason in (outcome.error, *outcome.notes.values()):
        if reason:
            log(f"{outcome.method} x{outcome.scale:g}, {printable(outcome.image)}: {reason}")


def _engine(args: argparse.Namespace) -> Engine:
    from hyra.evaluate.engines.processes import in_processes
    from hyra.evaluate.engines.ray import RayEngine
    from hyra.evaluate.engines.threads import in_threads

    if args.address is not None and args.engine != "ray":
        raise ValueError(f"--address must be given with --engine ray alone, got --engine {args.engine}")
    if args.engine == "ray":
        return RayEngine(args.address)
    return in_processes if args.engine == "processes" else in_threads


def _shard(args: argparse.Namespace) -> tuple[Shard | None, Path | None]:
    """Which part of the images, and its file."""
    from hyra.evaluate.store.shards import Shard

    if args.shard is None:
        return None, args.store
    for option, value in (("--store", args.store), ("--run", args.run_name)):
        if value is None:
            raise ValueError(f"{option} must be given with --shard, the same for all shards, got none")
    shard = Shard.parse(args.shard)
    return shard, shard.file(args.store)


def _inputs(args: argparse.Namespace, models: Sequence[Method]) -> tuple[Sequence[Method], dict[str, Any]]:
    from hyra.evaluate.inputs.manifest import from_manifest
    from hyra.evaluate.inputs.methods import Method, from_layout

    given = [name for name in ("sr", "layout", "manifest") if getattr(args, name)]
    if len(given) > 1 or not (given or models):
        inputs = "one of --sr, --layout and --manifest, or --model"
        raise ValueError(f"{inputs} must be given, got {', '.join(given) or 'none'}")
    if args.manifest is not None:
        ignored = [f"--{name}" for name in ("hr", "template") if getattr(args, name) is not None]
        if ignored and not models:
            raise ValueError(f"a manifest must say by itself what is scored, got {' and '.join(ignored)} beside it")
        methods, settings = from_manifest(
            args.manifest, device=args.device, trust_code=args.trust_code, save=args.save_images
        )
        return [*methods, *models], settings
    if args.hr is None:
        raise ValueError("--hr must name the folder of reference images, got none")
    if args.layout is not None:
        methods = from_layout(args.layout, args.hr)
    else:
        methods = [Method.parse(text, args.hr) for text in args.sr]
    return [*(replace(method, template=args.template) for method in methods), *models], {}
