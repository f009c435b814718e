"""Break the CUDA kernels on purpose, one line at a time, and see that the tests notice.

``python tests/mutations.py [--file NAME] [--rule RULE] [--sample N] [--seed S] [--list]``

Each mutant is one small change to one line of csrc/cuda: a barrier removed, an atomic turned into a plain update, a
bound moved by one, a launch rounded down, an initial value changed, two extents swapped. It is built for the CPU
(tests/cuda_on_cpu) and must be caught by the tests of its op, which run the threads in several orders, or by a
sanitizer over the same tests: ThreadSanitizer for what may race, since it sees the orders that did not happen,
AddressSanitizer for the rest. What nothing catches is a survivor, listed at the end; HARMLESS holds those that can
change no result, each with the reason.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import hypothesis  # noqa: F401 - with torch, what takes long to import: here once, for the forks that run the tests
import pytest
import torch

import hyra.ops  # noqa: F401
from cuda_on_cpu import build

TESTS = Path(__file__).resolve().parent
CUDA = TESTS.parent / "csrc" / "cuda"
CPU_SECONDS = 100
"""What takes longer never ends: the tests of an op take a fifth of it."""

RACES = ("barrier removed", "atomic made plain")
SWAPPED = {"rows": "columns", "columns": "rows", "height": "width", "width": "height", "x": "y", "y": "x"}
RULES: tuple[tuple[str, str, str | Callable[[re.Match[str]], str]], ...] = (
    ("barrier removed", r"__sync(?:threads|warp)\(\);", ";"),
    ("atomic made plain", r"atomicAdd\(&?([^,]+), ([^;]+)\);", r"\1 += \2;"),
    ("bound moved", r"(?<=[\w\])]) < (?=[\w(])", " <= "),
    ("bound moved", r"(?<=[\w\])]) <= (?=[\w(])", " < "),
    ("bound moved", r"(?<=[\w\])]) > (?=[\w(])", " >= "),
    ("bound moved", r"(?<=[\w\])]) >= (?=[\w(])", " > "),
    ("rounded down", r" \+ \w+(?: \* \w+)? - 1\) / ", ") / "),
    ("rounded down", r" \+ 31\) / 32", ") / 32"),
    ("start changed", r"(?<=[\w\]]) = \{\};", " = {1};"),
    ("start changed", r"(?<=\w) = 0(?=[,;])", " = 1"),
    # where an extent is used, not where it is declared
    (
        "extents swapped",
        r"(?<!int64_t )(?<!int )\b(\w+_)?(rows|columns|height|width|(?<=_)[xy])\b(?! =|[(<])",
        lambda found: (found[1] or "") + SWAPPED[found[2]],
    ),
)

HARMLESS: dict[str, str] = {
    "block.cuh bound moved: if (count > kGroup<T> && is_aligned(x)) return *reinterpret_cast<const Group<T>*>(x);": (
        "the last group of a plane is loaded one by one: the same numbers"
    ),
    "block.cuh bound moved: if (count > kGroup<T> && is_aligned(x)) return store_aligned(x, group);": (
        "the last group of a plane is stored one by one: the same numbers"
    ),
    "block.cuh start changed: T values[kGroup<T>] = {1};": (
        "kernels select or store none of the elements past the count, or subtract two of them"
    ),
    "difference_sums.cu bound moved: __device__ __forceinline__ std::uint64_t magnitude(std::uint64_t p,"
    " std::uint64_t t) { return p >= t ? p - t : t - p; }": "both differences are 0 where the pixels are equal",
    "difference_sums.cu bound moved: for (std::int64_t i = threadIdx.x * kGroup<T>; i <= chunk.count;"
    " i += BLOCK * kGroup<T>) {": "a step that begins after the last pixel adds none",
    "impulse_batch.cu bound moved: if (pixel >= begin && pixel <= end)"
    " store_relaxed(&out[pixel], background[pixel] + args.amplitudes[plane_index]);": (
        "the pixel at `end` is the next block's, which writes the same number there after its background"
    ),
    "integral_energy.cu bound moved: const int height = static_cast<int>(top + kBandRows <= rows ?"
    " kBandRows : rows - top);": "both choices are the same number where they are equal",
    "integral_energy.cu bound moved: const int width = static_cast<int>(left + kTile <= columns ?"
    " kTile : columns - left);": "both choices are the same number where they are equal",
    "integral_energy.cu bound moved: for (int step = 0; step <= height; step += kWarps * kRows) {": (
        "a step that begins after the last row adds none"
    ),
    "integral_energy.cu bound moved: for (int i = 0; i <= kColumns; ++i) {": (
        "one column more of a lane lies after the last of the tile"
    ),
    "integral_energy.cu start changed: Center center = 1;": ("without predictions nothing is standardised with it"),
    "integral_energy.cu bound moved: static_assert(kWarps * kSums * kTile > kValues * kTile + 2 * kBandRows,"
    ' "the factors lie where the sums do later");': "there is more room than that",
    "integral_energy.cu bound moved: column_factors[i] = real_of<Real>(i % kTile <= width ? factors[i % kTile] : 0);": (
        "it multiplies the pixels of a column after the last, 0"
    ),
    "integral_energy.cu bound moved: const double cot = y <= height ? cotangents(args.form)[top + y] : 0;": (
        "it multiplies the pixels of a row after the last, 0"
    ),
    "integral_energy.cu bound moved: if (lane % 4 <= 2 && row < height)"
    " row_values[row * 2 * kValues + index] = to_double(value);": "lanes 0 and 2 hold the same sum of the same row",
    "integral_energy.cu bound moved: const std::int64_t begin = band * kBandRows, end = begin + kBandRows <= rows ?"
    " begin + kBandRows : rows;": "both choices are the same number where they are equal",
    "integral_energy_backward.cu bound moved: const int height = static_cast<int>(top + kBand <= rows ?"
    " kBand : rows - top);": "both choices are the same number where they are equal",
    "integral_energy_backward.cu bound moved: for (int step = 0; step <= height; step += kInFlight * kWarps) {": (
        "a step that begins after the last row writes none"
    ),
    "mean_std.cu bound moved: for (std::int64_t first = threadIdx.x * kGroup<T>; first <= chunk.size;"
    " first += kGroups * kStride) {": "a step that begins after the last pixel adds none",
    "mean_std.cu bound moved: first <= chunk.size ? chunk.pixels.load_group(chunk.begin + first, chunk.size - first)"
    " : Group<T>();": "of a group that begins after the last pixel none is loaded",
    "mean_std.cu bound moved: origin + block_sum_to_all<BLOCK>(sum, scratch) / static_cast<T>(chunk.size <= share ?"
    " chunk.size : share);": "both choices are the same number where they are equal",
    "pair.cuh start changed: int device = 1, ratio = 0;": "cudaGetDevice writes it",
    "pair.cuh start changed: int device = 0, ratio = 1;": "cudaDeviceGetAttribute writes it",
    "pair.cuh bound moved: return ratio >= 8;": "no card has this ratio: it is 2, 32 or 64",
    "polyphase_filter.cu bound moved: for (std::int64_t chunk_y = 0; chunk_y <= args.taps_y; chunk_y += kChunk) {": (
        "a chunk that begins after the last tap is empty"
    ),
    "polyphase_filter.cu bound moved: for (std::int64_t chunk_x = 0; chunk_x <= args.taps_x; chunk_x += kChunk) {": (
        "a chunk that begins after the last tap is empty"
    ),
    "quadrant_energy_backward.cu bound moved: for (std::int64_t first = threadIdx.x; first <= args.columns;"
    " first += BLOCK * kItems) {": "a step that begins after the last column weighs none",
    "quadrant_scan.cuh bound moved: for (std::int64_t tile = 0; tile <= band.columns; tile += BLOCK * kItems) {": (
        "a tile that begins after the last column keeps nothing"
    ),
    "block.cuh bound moved: for (int distance = 1; distance <= 32; distance *= 2) {": (
        "no lane is 32 or more: the sixth step adds to none"
    ),
    "quadrant_scan.cuh start changed: ComplexOf<Real> values[kItems] = {1};": (
        "only a thread whose first column lies after the last keeps it, and it counts for those after it alone"
    ),
    "quadrant_scan.cuh bound moved: if (first + j <= band.columns) running[j] = running[j] +"
    " first_sums[before * band.columns + first + j];": (
        "what a column after the last holds counts for those after it alone, and they are not kept; the sums of the"
        " next band are there to be read, since only bands before the block's own are"
    ),
    "radial_moments.cu start changed: std::int64_t low = 1, high = columns;": (
        "`move_to` goes back to column 0 before the run is used"
    ),
    "response_moments.cu bound moved: for (std::int64_t tile = 0; tile <= positions; tile += BLOCK) {": (
        "a tile that begins after the last position has none"
    ),
    "response_moments.cu bound moved: const int here = static_cast<int>(positions - tile <= BLOCK ?"
    " positions - tile : BLOCK);": "both choices are the same number where they are equal",
    "response_moments.cu bound moved: const Place& place = places[first + k <= here ? first + k : first];": (
        "the place of a position after the last is not used"
    ),
    "response_moments.cu bound moved: const Pair size = off.hi <= 0 ? -off : off;": "0 has the size of -0",
    "response_moments.cu bound moved: if (size.hi > largest.hi || (size.hi == largest.hi && size.lo >= largest.lo))"
    " largest = size;": "they are equal",
    "response_moments.cu bound moved: if (rows >= 0 && columns > 0) {": "a window is empty along both axes or neither",
    "response_moments.cu bound moved: if (rows > 0 && columns >= 0) {": "likewise",
    "response_moments.cu extents swapped: if (columns > 0 && columns > 0) {": "likewise",
    "response_moments.cu extents swapped: if (rows > 0 && rows > 0) {": "likewise",
    "ssim.cuh bound moved: for (int distance = 16; distance > 1; distance /= 2) {": (
        "the pivot is then that of every other lane: its own value counts nowhere but in the last bits"
    ),
    "ssim.cuh bound moved: return low > 0 ? low : high <= 0 ? high : R(0);": "both choices are 0 where they differ",
    "ssim.cuh bound moved: return low >= 0 ? low : high < 0 ? high : R(0);": "both choices are 0 where they differ",
    "ssim_sums.cu bound moved: const double windows ="
    " static_cast<double>((rows <= Size::kRows ? rows : Size::kRows) *": (
        "both choices are the same number where they are equal"
    ),
    "ssim_sums.cu bound moved: (columns <= Size::kColumns ? columns : Size::kColumns));": (
        "both choices are the same number where they are equal"
    ),
    "ssim_sums_backward.cu bound moved: for (int part = 0; part <= kParts; ++part) {": (
        "a part more begins behind the tile's last row, which the next line leaves"
    ),
    "ssim_sums_backward.cu extents swapped: const std::size_t bytes = static_cast<std::size_t>(taps + (width +"
    " Size::kRows) * width) * sizeof(T);": "tiles are wider than high: more shared memory than is used",
    "ssim_sums_backward.cu start changed: T sums[kParts][kMaps][Size::kAlong] = {1};": (
        "each is set before it is used"
    ),
    "standardize_backward.cu bound moved: const std::int64_t size = rest <= args.chunk ? rest : args.chunk;": (
        "both choices are the same number where they are equal"
    ),
    "standardize_backward.cu bound moved: for (std::int64_t first = threadIdx.x * kGroup<T>; first <= size;"
    " first += BLOCK * kGroup<T>) {": "a step that begins after the last pixel adds none",
    "standardized_difference.cu bound moved: const std::int64_t pairs = args.planes >= args.targets ?"
    " args.planes : args.targets;": "both choices are the same number where they are equal",
}
"""A mutant, as `Mutant.key` names it -> why no result can change."""


@dataclass(frozen=True)
class Mutant:
    """One changed line of one file of csrc/cuda."""

    file: str
    line: int
    rule: str
    text: str

    @property
    def key(self) -> str:
        """A name that stays the same when lines are added elsewhere in the file."""
        return f"{self.file} {self.rule}: {self.text.strip()}"

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.rule}: {self.text.strip()}"


def mutants(file: str | None, rule_alone: str | None) -> Iterator[Mutant]:
    for path in sorted(CUDA.glob("*.cu*")):
        if path.name == "platform.cuh" or file not in (None, path.name):
            continue
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            code = line.partition("//")[0]
            if code.lstrip().startswith("#"):
                continue
            for rule, pattern, replacement in RULES:
                if rule_alone not in (None, rule):
                    continue
                for found in re.finditer(pattern, code):
                    new = found.expand(replacement) if isinstance(replacement, str) else replacement(found)
                    yield Mutant(path.name, number, rule, code[: found.start()] + new + code[found.end() :])


def tests_of(file: str) -> list[str]:
    """The test files of the kernels that `file` is, or is included by."""
    users = {file}
    while nested := {p.name for p in CUDA.glob("*.cu*") for u in users if f'"cuda/{u}"' in p.read_text()} - users:
        users |= nested
    stems = {Path(user).stem.removesuffix("_backward") for user in users if user.endswith(".cu")}
    return sorted(str(TESTS / "ops" / f"test_{stem}.py") for stem in stems)


class Workshop:
    """A copy of the kernels, in which mutants are built and tested."""

    def __init__(self) -> None:
        self.folder = build.mutant_kernels()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = (self.folder / "lock").open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        for old in {path.name for path in self.folder.glob("*.cu*")} - {path.name for path in CUDA.glob("*.cu*")}:
            (self.folder / old).unlink()
        for path in CUDA.glob("*.cu*"):
            self._write(path.name, path.read_text())

    def verdict(self, mutant: Mutant) -> str | None:
        """What notices the mutant, "does not compile", or None for a survivor."""
        original = (CUDA / mutant.file).read_text()
        lines = original.splitlines()
        lines[mutant.line - 1] = mutant.text
        self._write(mutant.file, "\n".join(lines) + "\n")
        try:
            return self._failure(mutant.file) or self._failure(
                mutant.file, "thread" if mutant.rule in RACES else "address"
            )
        finally:
            self._write(mutant.file, original)

    def _write(self, file: str, text: str) -> None:
        path = self.folder / file
        if not path.exists() or path.read_text() != text:  # else nothing is to be built
            path.write_text(text)

    @staticmethod
    def _failure(file: str, sanitizer: build.Sanitizer | None = None) -> str | None:
        """How the tests of a file's kernels fail, or None."""
        try:
            build.build_mutant(sanitizer)
        except RuntimeError as error:
            return "does not compile" if ": error: " in str(error) else str(error)
        chosen = "cuda_on_cpu and not gradcheck and not opcheck and not compile and not large"
        arguments = ["-x", "-q", "-s", "-p", "no:cacheprovider", "-k", chosen, *tests_of(file)]
        if sanitizer is None:
            code, output = run_in_fork(arguments)
        else:
            with mock.patch.dict(os.environ, HYRA_SANITIZER=sanitizer):
                done = build.run_python(sanitizer, "pytest", *arguments)
            code, output = done.returncode, done.stdout + done.stderr
        if code == 0:
            return None
        if code in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
            raise RuntimeError(f"no tests ran for the kernels of {file}\n{output}")
        found = re.findall(r"^(?:E  .*|killed by .*|.*(?:ERROR|WARNING): \w+Sanitizer.*)", output, re.MULTILINE)
        return found[0].removeprefix("E ").strip() if found else "the tests fail"


def run_in_fork(arguments: list[str]) -> tuple[int, str]:
    """Run pytest in a fork of this process, which has imported what takes seconds to import: its exit code, output."""
    with tempfile.TemporaryFile() as output:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            for stream in (1, 2):
                os.dup2(output.fileno(), stream)
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            try:
                status = int(pytest.main(arguments))
                sys.stdout.flush()
            finally:
                os._exit(status)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        killed = f"killed by {signal.Signals(-code).name}" if code < 0 else ""
        return code, killed + "\n" + output.read().decode(errors="replace")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", help="only mutants of this file of csrc/cuda")
    parser.add_argument("--rule", help="only mutants of this kind, such as 'barrier removed'")
    parser.add_argument("--sample", type=int, metavar="N", help="only N mutants, drawn with --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--list", action="store_true", help="print the mutants and stop")
    args = parser.parse_args()
    chosen = list(mutants(args.file, args.rule))
    if args.sample is not None:
        chosen = sorted(random.Random(args.seed).sample(chosen, min(args.sample, len(chosen))), key=str)
    if args.list:
        print("\n".join(map(str, chosen)))
        return 0
    torch.set_num_threads(1)
    os.environ |= {"HYRA_MUTANT": "1", "HYRA_REQUIRE_BACKENDS": ""}
    workshop = Workshop()
    results: Counter[str] = Counter()
    survivors = []
    for number, mutant in enumerate(chosen, start=1):
        start = time.monotonic()
        harmless = HARMLESS.get(mutant.key)
        verdict = harmless or workshop.verdict(mutant)
        if verdict is None:
            survivors.append(mutant)
        results[
            "harmless"
            if harmless
            else "survive"
            if verdict is None
            else verdict
            if verdict == "does not compile"
            else "caught"
        ] += 1
        print(
            f"{number}/{len(chosen)} {mutant}\n    {verdict or 'SURVIVES'} ({time.monotonic() - start:.0f} s)",
            flush=True,
        )
    print(", ".join(f"{number} {what}" for what, number in results.items()))
    for survivor in survivors:
        print(f"survivor: {survivor}")
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())
