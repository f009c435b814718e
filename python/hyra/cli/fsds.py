"""`hyra fsds`."""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from hyra._util.extra import extra
from hyra.cli.arguments import Commands, add_variant_option, command, log, natural

_EPILOG = """\
examples:
  hyra fsds sr.png hr.png
  hyra fsds results/x4 DIV2K/HR --variant shift_invariant
  hyra fsds results/x4 DIV2K/HR --out x4.csv            rows are written as they come;
  hyra fsds results/x4 DIV2K/HR --out x4.csv --resume   and after an interruption, the rest

Folders are matched by name: 0801.png, 0801x4.png and 0801_x4.jpg belong to 0801.png. The mean is over the
images whose score is finite: identical images score inf and are counted instead.

FSDS is in dB, higher is better. The paper's variant is decided in the outermost pixels of an image (try
--crop-border) and changes by some dB when both images are flipped; shift_invariant has no favoured border;
radial compares how much power there is at each frequency, wherever it lies."""

_COLUMNS = ("sr", "hr", "variant", "crop_border", "fsds")


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(
        commands, "fsds", "frequency spectrum distribution similarity of images, or of two folders", _EPILOG
    )
    parser.add_argument("sr", type=Path, metavar="SR", help="a super-resolved image, or a folder of them")
    parser.add_argument("hr", type=Path, metavar="HR", help="the reference image, or the folder of references")
    add_variant_option(parser)
    parser.add_argument("--crop-border", type=natural, default=0, metavar="N", help="pixels to leave out at each side")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="also write the scores there, one by one")
    parser.add_argument("--resume", action="store_true", help="keep what --out already holds, compute the rest")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Score two files, or the pairs of two folders."""
    if args.resume and args.out is None:
        raise ValueError("--resume needs --out FILE.csv, the file to continue")
    if args.sr.is_dir() != args.hr.is_dir() and args.sr.exists() and args.hr.exists():
        raise ValueError(f"SR and HR must be two files or two folders, got {args.sr} and {args.hr}")
    if not args.sr.is_dir() and args.out is None:
        print(f"{_score(args, args.sr, args.hr):.4f}")
        return
    pairs = _pairs(args)
    width = max(len(sr.name) for sr, _ in pairs)
    scores = []
    for sr, score in _scores(args, pairs):
        print(f"{sr.name:{width}}  {score:9.4f}", flush=True)
        scores.append(score)
    finite = [score for score in scores if math.isfinite(score)]
    identical = len(scores) - len(finite)
    mean = f"{sum(finite) / len(finite):9.4f}" if finite else "      inf"
    note = f", {identical} identical left out" if identical else ""
    print(f"{'mean':{width}}  {mean}  ({len(finite)} images{note})")


def _pairs(args: argparse.Namespace) -> list[tuple[Path, Path]]:
    from hyra import images

    if not args.sr.is_dir() and not args.hr.is_dir():
        return [(args.sr, args.hr)]
    found = images.pair(args.sr, args.hr)
    for folder, partner, left in ((args.sr, args.hr, found.unpaired_sr), (args.hr, args.sr, found.unpaired_hr)):
        if left:
            names = ", ".join(path.name for path in left[:3]) + (", ..." if len(left) > 3 else "")
            log(f"{len(left)} of {folder} without a partner in {partner} left out: {names}")
    return found.pairs


def _scores(args: argparse.Namespace, pairs: list[tuple[Path, Path]]) -> Iterator[tuple[Path, float]]:
    """The scores in the order of the pairs, each on disk before the next is begun."""
    with extra("cli", "hyra fsds"):
        from tqdm import tqdm

    with ExitStack() as stack:
        known: dict[tuple[str, ...], float] = {}
        file = None
        if args.out is not None:
            known = _known(args.out, resume=args.resume)
            args.out.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(args.out.open("a", encoding="utf-8", newline=""))
        for sr, hr in tqdm(pairs, unit="image", leave=False, disable=None):
            key = (str(sr), str(hr), args.variant, str(args.crop_border))
            if key not in known:
                known[key] = _score(args, sr, hr)
                if file is not None:
                    _append(file, (*key, repr(known[key])))
            yield sr, known[key]


def _known(path: Path, *, resume: bool) -> dict[tuple[str, ...], float]:
    """The scores of an earlier run; a row cut off by being killed does not count."""
    if not path.exists():
        return {}
    if not resume:
        raise FileExistsError(f"{path} exists: add --resume to continue it, or name another file")
    text = path.read_text("utf-8")
    whole = text[: text.rfind("\n") + 1]
    head, *rows = csv.reader(whole.splitlines()) if whole else [_COLUMNS]
    if tuple(head) != _COLUMNS:
        raise ValueError(f"{path} was not written by hyra fsds, it must begin with {','.join(_COLUMNS)}")
    if whole != text:
        path.write_text(whole, "utf-8")
    return {tuple(row[:-1]): float(row[-1]) for row in rows}


def _append(file: TextIO, row: tuple[str, ...]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    if file.tell() == 0:
        writer.writerow(_COLUMNS)
    writer.writerow(row)
    file.flush()


def _score(args: argparse.Namespace, sr: Path, hr: Path) -> float:
    import hyra
    from hyra import images

    preds, target = images.read(sr), images.read(hr)
    if preds.shape != target.shape:
        sizes = " and ".join(f"{x.shape[-1]}x{x.shape[-2]}" for x in (preds, target))
        raise ValueError(f"{sr} and {hr} must have the same size, got {sizes}")
    try:
        return float(hyra.fsds(preds, target, variant=args.variant, crop_border=args.crop_border))
    except ValueError as error:
        raise ValueError(f"{sr} and {hr}: {error}") from error
