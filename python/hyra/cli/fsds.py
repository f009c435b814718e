"""`hyra fsds`."""

from __future__ import annotations

import argparse
import csv
import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hyra._util.extra import extra
from hyra._util.files import write_text
from hyra._util.texts import printable
from hyra.cli.arguments import Commands, command, log
from hyra.cli.pictures import add_pairing_options, pairs_of
from hyra.cli.scoring import add_modcrop_option, add_protocol_options, add_variant_option, modcrop_scale, protocol
from hyra.cli.values import out_file

if TYPE_CHECKING:
    from hyra.scores.protocol import Protocol

_EPILOG = """\
examples:
  hyra fsds sr.png hr.png
  hyra fsds results/x4 DIV2K/HR --variant shift_invariant
  hyra fsds results/x4 Set5/HR --protocol y --scale 4   on MATLAB's Y, 4 pixels cut from each side
  hyra fsds results/x4 DIV2K/HR --protocol paper        as the paper's Table 1 has it: the denominator is the SR
                                                        image's energy, and not the reference's
  hyra fsds results/x4 DIV2K/HR --out x4.csv            the scores as a table, too
  hyra fsds results/x4 DIV2K/HR --store scores.sqlite   kept one by one: after an interruption the same command
                                                        goes on, and scores only what is new or has changed

Folders are matched by name: 0801x4.png, 0801_x4_SwinIR.png and 0801_SRF_4_SR.png belong to 0801.png; both may be
one folder. Images without a partner, or with several, are an error that lists them. The mean is over the images
whose score is finite: identical images score inf and are counted instead. An image that cannot be scored is
named, the others are scored, and the exit code is 1.

FSDS is in dB, higher is better. The paper's variant is decided in the outermost pixels of an image (try
--crop-border) and changes by some dB when both images are flipped; shift_invariant has no favoured border;
radial compares how much power there is at each frequency, wherever it lies."""

_COLUMNS = ("sr", "hr", "variant", "protocol", "fsds")


class _Row(NamedTuple):
    """A pair and its score, None where it could not be scored."""

    sr: Path
    hr: Path
    score: float | None


class _How(NamedTuple):
    """What the numbers are of."""

    variant: str
    protocol: Protocol
    modcrop: float | None = None

    @property
    def preparation(self) -> str:
        """What is done to both images first."""
        cut = "" if self.modcrop is None else f", references cut to a multiple of {self.modcrop:g}"
        return f"{self.protocol}{cut}"

    def __str__(self) -> str:
        return f"variant {self.variant}: {self.preparation}"


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(
        commands, "fsds", "frequency spectrum distribution similarity of images, or of two folders", _EPILOG
    )
    parser.add_argument("sr", type=Path, metavar="SR", help="a super-resolved image, or a folder of them")
    parser.add_argument("hr", type=Path, metavar="HR", help="the reference image, or the folder of references")
    add_pairing_options(parser)
    add_variant_option(parser)
    add_protocol_options(parser)
    add_modcrop_option(parser)
    parser.add_argument("--out", type=out_file, metavar="FILE.csv", help="also write the scores there, to a new file")
    parser.add_argument(
        "--store",
        type=out_file,
        metavar="FILE.sqlite",
        help="keep every score there at once, and take known ones from it",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Score two files, or the pairs of two folders; 1 where some could not be scored."""
    if args.out is not None and args.out.exists():
        raise FileExistsError(f"{args.out} exists: name another file for --out (--store continues what it holds)")
    if args.sr.is_dir() != args.hr.is_dir() and args.sr.exists() and args.hr.exists():
        raise ValueError(f"SR and HR must be two files or two folders, got {args.sr} and {args.hr}")
    how = _How(args.variant, protocol(args), modcrop_scale(args))
    if not args.sr.is_dir() and not args.hr.is_dir():
        with _scorer(args.store, how) as score:
            value = score(args.sr, args.hr)
        log(f"FSDS in dB, {how}")
        print(f"{value:.4f}")
        _write(args.out, how, [_Row(args.sr, args.hr, value)])
        return 0
    pairs = pairs_of(args, args.sr, args.hr)
    width = max(len(printable(sr.name)) for sr, _ in pairs)
    rows: list[_Row] = []
    try:
        for row in _rows(args.store, how, pairs):
            rows.append(row)
            if row.score is not None:
                print(f"{printable(row.sr.name):{width}}  {row.score:9.4f}", flush=True)
    finally:  # an interrupted run has a table, too
        _write(args.out, how, rows)
    return _conclude(rows, width, how)


def _conclude(rows: Sequence[_Row], width: int, how: _How) -> int:
    """Print the mean, what it leaves out, and what it is of."""
    scores = [row.score for row in rows if row.score is not None]
    finite = [score for score in scores if math.isfinite(score)]
    failed = len(rows) - len(scores)
    mean = f"{sum(finite) / len(finite):9.4f}" if finite else "      inf" if scores else "        -"
    note = f", {len(scores) - len(finite)} identical left out" if len(finite) < len(scores) else ""
    note += f", {failed} could not be scored" if failed else ""
    print(f"{'mean':{width}}  {mean}  ({len(finite)} images{note}) of {how}")
    return 1 if failed else 0


def _rows(store: Path | None, how: _How, pairs: list[tuple[Path, Path]]) -> Iterator[_Row]:
    """The scores in the order of the pairs; what is wrong with an image is told, and the others are scored."""
    with extra("cli", "hyra fsds"):
        from tqdm import tqdm

    from hyra.evaluate.store.scores import StoreError

    with _scorer(store, how) as score:
        for sr, hr in tqdm(pairs, unit="image", leave=False, disable=None):
            try:
                yield _Row(sr, hr, score(sr, hr))
            except StoreError:  # no image is to blame
                raise
            except (ValueError, OSError, ImportError) as error:
                log(str(error))
                yield _Row(sr, hr, None)


@contextmanager
def _scorer(file: Path | None, how: _How) -> Iterator[Callable[[Path, Path], float]]:
    """What scores a pair of files, by way of the store if one was named."""
    from hyra.evaluate.store.scores import Store
    from hyra.evaluate.work.keys import digest
    from hyra.evaluate.work.plan import Column

    if file is None:
        yield partial(_score, how)
        return
    # As hyra evaluate has it: what either has scored, the other knows.
    more = {} if how.modcrop is None else {"modcrop": how.modcrop}
    column = Column.of("fsds" if how.variant == "paper" else f"fsds:{how.variant}", how.protocol, **more)
    with Store(file) as store:

        def kept(sr: Path, hr: Path) -> float:
            key = column.key(digest(sr), digest(hr))
            known = store.get(key)
            if known is None or math.isnan(known):
                store[key] = known = _score(how, sr, hr)
            return known

        yield kept


def _score(how: _How, sr: Path, hr: Path) -> float:
    from hyra import images
    from hyra.images.resampling import modcrop

    preds, target = (images.read(file, integers=True) for file in (sr, hr))
    if how.modcrop is not None:
        target = modcrop(target, how.modcrop)
    if preds.shape != target.shape:
        sizes = " and ".join(f"{x.shape[-1]}x{x.shape[-2]}" for x in (preds, target))
        raise ValueError(f"{sr} and {hr} must have the same size, got {sizes}")
    try:
        return float(how.protocol.fsds(preds, target, variant=how.variant))
    except ValueError as error:
        raise ValueError(f"{sr} and {hr}: {error}") from error


def _write(file: Path | None, how: _How, rows: Sequence[_Row]) -> None:
    """The table, whole or not at all. Strings are quoted, whatever characters a file name has."""
    if file is None:
        return
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(_COLUMNS)
    for row in rows:
        if row.score is not None:
            writer.writerow((str(row.sr), str(row.hr), how.variant, how.preparation, row.score))
    write_text(file, table.getvalue(), errors="surrogateescape")  # names as the file system has them
