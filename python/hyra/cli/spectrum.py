"""`hyra spectrum`."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from hyra._util.files import replacing, write_text
from hyra._util.progress import Progress
from hyra._util.table import in_columns
from hyra._util.texts import printable
from hyra.cli.arguments import Commands, add_out_option, command, log
from hyra.cli.pictures import add_pairing_options, pairs_of
from hyra.cli.scoring import add_modcrop_option, modcrop_scale
from hyra.cli.values import factor

if TYPE_CHECKING:
    from hyra.spectrum import PairSpectrum, SpectrumComparison, SpectrumStatistics

_EPILOG = """\
examples:
  hyra spectrum sr.png hr.png
  hyra spectrum results/EDSR results/SwinIR DIV2K/HR
  hyra spectrum results/x4 DIV2K/HR --template '{name}_EDSR_x4' --out x4

Compares the spectra of one or more methods with those of their references: the log-spectral distance (whether there is
as much of each frequency, 0 dB if so), the PSNR of four bands, and up to which frequency the Fourier ring correlation
is above 1/7 and above its half-bit threshold (whether it is in the right place); the inverse of that frequency is the
effective resolution in pixels, 2 at best. Results are no independent measurements of the reference: the thresholds
are conventions.

Writes spectrum.png, spectrum.csv (the mean curves), images.csv (the numbers of each image) and spectrum.safetensors
(hyra.spectrum.SpectrumComparison.load). Folders are matched by name as in `hyra fsds`. An image that cannot be read or
has another size is named, the others are measured, and the exit code is 1."""

_CURVES = ("power", "target_power", "correlation", "half_bit")

Pairs = dict[Path, dict[str, Path]]
"""Of each reference the methods' results."""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(commands, "spectrum", "mean spectra of methods' results beside those of the references", _EPILOG)
    parser.add_argument("sr", type=Path, nargs="+", metavar="SR", help="results: folders, each of one method, or files")
    parser.add_argument("hr", type=Path, metavar="HR", help="the folder of references, or the reference")
    add_pairing_options(parser)
    parser.add_argument(
        "--window",
        choices=("hann", "none"),
        default="hann",
        help="what images are multiplied by, so that borders which do not fit together leave no trace (default hann)",
    )
    parser.add_argument("--scale", type=factor, metavar="S", help="HR pixels per LR pixel, for --modcrop")
    add_modcrop_option(parser)
    add_out_option(parser, "hyra-spectrum")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compare the spectra of methods with the references'; 1 where some images could not be."""
    from hyra import plots
    from hyra.spectrum import SpectrumStatistics

    methods, scale = _names(args.sr), modcrop_scale(args)
    pairs = _pairs(args, methods)
    statistics = SpectrumStatistics(methods, window=None if args.window == "none" else args.window)
    args.out.mkdir(parents=True, exist_ok=True)
    with _table(args.out / "images.csv", args.window) as write:
        failed = _measure(statistics, pairs, write, scale)
    result = statistics.compute()
    result.save(args.out / "spectrum.safetensors")
    plots.save(result.plot()[0], args.out / "spectrum.png")
    write_text(args.out / "spectrum.csv", _curves(result), errors="surrogateescape")
    print(in_columns(_summary(result)))
    if failed:
        print(f"{failed} pairs could not be measured")
    print(args.out / "spectrum.png")
    return 1 if failed else 0


def _names(folders: Sequence[Path]) -> list[str]:
    """Each method's name: that of its folder or file, or the whole path where several have the same."""
    short = [path.resolve().name for path in folders]
    names = [str(path) if short.count(name) > 1 else name for path, name in zip(folders, short, strict=True)]
    if len({*names}) < len(names):
        raise ValueError(f"SR must be different folders or files, got {', '.join(map(str, folders))}")
    return names


def _pairs(args: argparse.Namespace, methods: Sequence[str]) -> Pairs:
    """What belongs together, in the order of the references."""
    found: Pairs = {}
    for method, sr in zip(methods, args.sr, strict=True):
        if sr.is_dir() != args.hr.is_dir() and sr.exists() and args.hr.exists():
            raise ValueError(f"SR and HR must be files or folders alike, got {sr} and {args.hr}")
        both = pairs_of(args, sr, args.hr) if sr.is_dir() or args.hr.is_dir() else [(sr, args.hr)]
        for result, reference in both:
            found.setdefault(reference, {})[method] = result
    return dict(sorted(found.items()))


def _measure(statistics: SpectrumStatistics, pairs: Pairs, write: Callable[..., None], scale: float | None) -> int:
    """Measure every pair, each reference read and transformed once for all methods; how many pairs could not be.

    References are cut to multiples of `scale`, unless that is None.
    """
    from hyra import images
    from hyra.images.resampling import modcrop

    failed = 0
    with Progress(len(pairs), "image") as progress:
        for hr, results in pairs.items():
            progress.update(1)
            try:
                target = statistics.target(modcrop(images.read(hr), scale or 1))
            except (ValueError, OSError, ImportError) as error:
                log(str(error))
                failed += len(results)
                continue
            for method, sr in results.items():
                try:
                    preds = images.read(sr)
                    if preds.shape != target.image.shape:
                        sizes = " and ".join(f"{x.shape[-1]}x{x.shape[-2]}" for x in (preds, target.image))
                        raise ValueError(f"{sr} and {hr} must have the same size, got {sizes}")
                    write(method, sr, hr, statistics.update(method, preds, target))
                except (ValueError, OSError, ImportError) as error:
                    log(str(error))
                    failed += 1
    return failed


@contextmanager
def _table(file: Path, window: str) -> Iterator[Callable[[str, Path, Path, PairSpectrum], None]]:
    """What writes a row for each pair as it comes. Texts are quoted, whatever characters a file name has."""
    from hyra.spectrum.bands import EDGES

    with replacing(file) as opened, io.TextIOWrapper(opened, "utf-8", "surrogateescape", newline="") as text:
        writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        distance = "log_spectral_distance" if window == "none" else f"log_spectral_distance_{window}"
        bands = (f"psnr_{low:g}_{high:g}" for low, high in pairwise(EDGES))
        writer.writerow(("method", "sr", "hr", distance, *bands, "one_seventh", "half_bit"))

        def write(method: str, sr: Path, hr: Path, pair: PairSpectrum) -> None:
            numbers = (pair.log_spectral_distance, *pair.band_psnr, pair.one_seventh, pair.half_bit)
            writer.writerow((method, str(sr), str(hr), *numbers))

        yield write


def _curves(result: SpectrumComparison) -> str:
    """The mean curves, a row for each method and frequency."""
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(("method", "frequency", *_CURVES))
    for index, method in enumerate(result.methods):
        columns = (getattr(result, name)[index].tolist() for name in _CURVES)
        writer.writerows((method, *row) for row in zip(result.frequency.tolist(), *columns, strict=True))
    return table.getvalue()


def _summary(result: SpectrumComparison) -> list[list[str]]:
    """A row for each method, and what the columns mean."""
    bands = [f"{low:g}-{high:g}" for low, high in pairwise(result.edges)]
    distance = "distance" if result.window == "none" else f"distance-{result.window}"
    rows = [["", "images", "identical", distance, *bands, "1/7", "half-bit"]]
    units = ["", "", "", "dB", *["dB"] * len(bands), "cycles/px", "cycles/px"]
    crossings = zip(result.crossing().tolist(), result.crossing("half_bit").tolist(), strict=True)
    for index, (method, frequencies) in enumerate(zip(result.methods, crossings, strict=True)):
        counts = [str(result.images[index]), str(result.identical[index])]
        decibels = [result.log_spectral_distance[index].item(), *result.band_psnr[index].tolist()]
        cells = [*(f"{value:.2f}" for value in decibels), *(f"{value:.3f}" for value in frequencies)]
        rows.append([printable(method), *counts, *cells])
    return [rows[0], units, *rows[1:]]
