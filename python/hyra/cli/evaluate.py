"""`hyra evaluate`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyra._util.texts import printable
from hyra.cli.arguments import Commands, add_pairing_options, command, log, positive

if TYPE_CHECKING:
    from hyra.evaluate.methods import Method
    from hyra.evaluate.work import Outcome

_EPILOG = """\
examples:
  hyra evaluate --hr DIV2K/HR --sr EDSR:4:results/EDSR/x4 --sr SwinIR:4:results/SwinIR/x4
  hyra evaluate --hr Set5/HR --layout results --protocol y --scores psnr ssim fsds:radial
  hyra evaluate --manifest table.toml --store scores.sqlite    kept one by one: after an interruption the same
                                                               command goes on
  hyra evaluate --hr DIV2K/HR --layout results --out table.tex --out table.csv --against paper

Images are matched with their references by name. Every file is decoded once for all scores, and a reference once for
all methods. The mean of a score is over the images where it is finite: identical images, which score inf, and images
that could not be scored are counted and named instead, and then the exit code is 1.

Of the spectra: spectrum:distance, band_psnr:LOW-HIGH. Of other packages, where they are installed: lpips, lpips:vgg,
lpips:paper (as Table 1 has it), dists, torchmetrics:NAME, pyiqa:NAME; options follow, as in pyiqa:NAME,option=value.
Nothing is downloaded: what is missing of their weights is named before the first image.

A manifest is TOML: hr, protocol, scores, and a [[method]] table with name, scale and sr for each."""


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
    scoring = parser.add_argument_group("how")
    scoring.add_argument(
        "--scores",
        nargs="+",
        metavar="SCORE",
        help="psnr ssim ms_ssim fsds mae mse ... (default psnr ssim fsds), see below",
    )
    scoring.add_argument(
        "--protocol", metavar="P", help="paper (the default), y, y-rounded, div2k, or such as channels=y,crop=4"
    )
    scoring.add_argument("--modcrop", action="store_true", help="cut references to a multiple of the scale")
    scoring.add_argument("--workers", type=positive, metavar="N", help="images at a time (default: one for each core)")
    scoring.add_argument("--device", default="cpu", metavar="D", help="where scores are computed (default cpu)")
    outputs = parser.add_argument_group("what becomes of it")
    outputs.add_argument("--store", type=Path, metavar="FILE.sqlite", help="keep every score there at once")
    outputs.add_argument(
        "--run", dest="run_name", metavar="NAME", help="name of the run in the store (default: the time)"
    )
    outputs.add_argument(
        "--out",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="the table as .md, .csv, .json, .parquet or .tex; any number of times",
    )
    outputs.add_argument(
        "--per-image", type=Path, metavar="FILE", help="every score of every image as .csv, .json or .parquet"
    )
    outputs.add_argument("--against", choices=("paper",), help="paper: beside its Table 1, with the differences")
    outputs.add_argument("--tag", action="append", default=[], metavar="WORD", help="to find the run by")
    outputs.add_argument(
        "--log-to", action="append", default=[], metavar="WHERE", help="tensorboard:DIR, mlflow:URI or wandb:PROJECT"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Score and print; 1 where a pair could not be scored."""
    from hyra.evaluate.evaluation import evaluate
    from hyra.evaluate.formats import IMAGES, TABLES, check, show, write_images, write_table
    from hyra.evaluate.logs import log_to, number_of
    from hyra.evaluate.work import Plan
    from hyra.results.writers import check_destination

    for file in args.out:
        check(file, TABLES)
    if args.per_image is not None:
        check(args.per_image, IMAGES)
    for destination in args.log_to:
        check_destination(destination)
    methods, settings = _inputs(args)
    settings |= {"modcrop": True} if args.modcrop else {}
    settings |= {name: value for name in ("protocol", "scores") if (value := getattr(args, name)) is not None}
    plan = Plan(**{**settings, "scores": tuple(settings.get("scores", Plan.scores)), "device": args.device})
    result = evaluate(
        methods,
        plan,
        store=args.store,
        name=args.run_name,
        tags=args.tag,
        allow_missing=args.allow_missing,
        workers=args.workers,
        log=_report,
    )
    table = result.table(args.against)
    for file in args.out:
        write_table(table, file)
    if args.per_image is not None:
        write_images(result, args.per_image)
    show(table)
    for destination in args.log_to:
        log_to(result, destination, number_of(result.run.name, args.store))
    return int(any(outcome.error is not None for outcome in result.outcomes))


def _report(outcome: Outcome) -> None:
    for reason in (outcome.error, *outcome.notes.values()):
        if reason:
            log(f"{outcome.method} x{outcome.scale:g}, {printable(outcome.image)}: {reason}")


def _inputs(args: argparse.Namespace) -> tuple[Sequence[Method], dict[str, Any]]:
    from hyra.evaluate.methods import Method, from_layout, from_manifest

    given = [name for name in ("sr", "layout", "manifest") if getattr(args, name)]
    if len(given) != 1:
        raise ValueError(f"one of --sr, --layout and --manifest must be given, got {', '.join(given) or 'none'}")
    if args.manifest is not None:
        return from_manifest(args.manifest)
    if args.hr is None:
        raise ValueError("--hr must name the folder of reference images, got none")
    if args.layout is not None:
        return from_layout(args.layout, args.hr), {}
    return [replace(Method.parse(text, args.hr), template=args.template) for text in args.sr], {}
