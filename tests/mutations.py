"""Break the CUDA kernels on purpose, one line at a time, and see that the tests notice.

``python tests/mutations.py [--file NAME] [--sample N] [--seed S] [--list]``

Each mutant is one small change to one line of csrc/cuda: a barrier removed, an atomic turned into a plain update, a
bound moved by one, an initial value changed, two extents swapped. It is built for the CPU (tests/cuda_on_cpu) in a copy
of the sources and must be caught by the tests of its op, which run the threads in several orders, or by
ThreadSanitizer, which sees the orders that did not happen. What nothing catches is a survivor, listed at the end;
HARMLESS holds those that can change no result, each with the reason.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cuda_on_cpu.build import environment

TESTS = Path(__file__).resolve().parent
CUDA = TESTS.parent / "csrc" / "cuda"

RACES = ("barrier removed", "atomic made plain")
RULES: tuple[tuple[str, str, str], ...] = (
    ("barrier removed", r"__sync(?:threads|warp)\(\);", ";"),
    ("atomic made plain", r"atomicAdd\(&?([^,]+), ([^;]+)\);", r"\1 += \2;"),
    ("bound moved", r"(?<=[\w\])]) < (?=[\w(])", " <= "),
    ("bound moved", r"(?<=[\w\])]) <= (?=[\w(])", " < "),
    ("bound moved", r"(?<=[\w\])]) >= (?=[\w(])", " > "),
    ("start changed", r"(?<=[\w\]]) = \{\};", " = {1};"),
    ("start changed", r"(?<=\w) = 0(?=[,;])", " = 1"),
    ("extents swapped", r"args\.rows", "args.columns"),
    ("extents swapped", r"args\.columns", "args.rows"),
    ("extents swapped", r"args\.height", "args.width"),
    ("extents swapped", r"args\.width", "args.height"),
)

HARMLESS: dict[str, str] = {}
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


def mutants(file: str | None) -> Iterator[Mutant]:
    for path in sorted(CUDA.glob("*.cu*")):
        if path.name == "platform.cuh" or file not in (None, path.name):
            continue
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            code = line.partition("//")[0]
            if code.lstrip().startswith("#"):
                continue
            for rule, pattern, replacement in RULES:
                for found in re.finditer(pattern, code):
                    changed = code[: found.start()] + found.expand(replacement) + code[found.end() :]
                    yield Mutant(path.name, number, rule, changed)


def tests_of(file: str) -> list[str]:
    """The test files of the kernels that `file` is, or is included by, as paths below tests/."""
    users = {file} | {path.name for path in CUDA.glob("*.cu*") if f'"cuda/{file}"' in path.read_text()}
    while nested := {p.name for p in CUDA.glob("*.cu*") for u in users if f'"cuda/{u}"' in p.read_text()} - users:
        users |= nested
    stems = {Path(user).stem.removesuffix("_backward") for user in users if user.endswith(".cu")}
    return sorted(f"ops/test_{stem}.py" for stem in stems)


class Workshop:
    """A copy of the sources and the tests, in which mutants are built and tested."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in ("csrc", "tests"):
            ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
            shutil.copytree(TESTS.parent / part, folder / part, ignore=ignored)
        shutil.copy(TESTS.parent / "pyproject.toml", folder)

    def verdict(self, mutant: Mutant) -> str | None:
        """What notices the mutant, "does not compile", or None for a survivor."""
        path = self.folder / "csrc" / "cuda" / mutant.file
        original = path.read_text()
        lines = original.splitlines()
        lines[mutant.line - 1] = mutant.text
        path.write_text("\n".join(lines) + "\n")
        try:
            found = self._failure(mutant.file)
            if found is None and mutant.rule in RACES:
                found = self._failure(mutant.file, "thread")
            return found
        finally:
            path.write_text(original)

    def _failure(self, file: str, sanitizer: str | None = None) -> str | None:
        """How the tests of a file's kernels fail, or None."""
        variables = {**os.environ, "TMPDIR": str(self.folder), "HYRA_REQUIRE_BACKENDS": ""}
        if sanitizer is not None:
            variables |= {**environment(sanitizer), "HYRA_SANITIZER": sanitizer, "TMPDIR": str(self.folder)}
        chosen = ["-k", "cuda_on_cpu and not gradcheck and not opcheck and not compile"]
        program = (
            "import os, sys; os.environ.pop('LD_PRELOAD', None); import pytest; sys.exit(pytest.main(sys.argv[1:]))"
        )
        command = [sys.executable, "-c", program, "-x", "-q", "-s", "-p", "no:cacheprovider", *chosen, *tests_of(file)]
        done = subprocess.run(
            command, env=variables, cwd=self.folder / "tests", capture_output=True, text=True, check=False
        )
        output = done.stdout + done.stderr
        if done.returncode == 0:
            return None
        if re.search(r"\berror: ", output) and "ninja: build stopped" in output:
            return "does not compile"
        for sign in ("ThreadSanitizer: data race", "differ in outputs", "NaN in different places", "relative error"):
            if sign in output:
                return sign
        return (re.findall(r"^(?:E  |FAILED|ERROR|kernel).*", output, re.MULTILINE) or ["the tests fail"])[0].strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", help="only mutants of this file of csrc/cuda")
    parser.add_argument("--sample", type=int, metavar="N", help="only N mutants, drawn with --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--list", action="store_true", help="print the mutants and stop")
    args = parser.parse_args()
    chosen = list(mutants(args.file))
    if args.sample is not None:
        chosen = sorted(random.Random(args.seed).sample(chosen, min(args.sample, len(chosen))), key=str)
    if args.list:
        print("\n".join(map(str, chosen)))
        return 0
    survivors = []
    with tempfile.TemporaryDirectory(prefix="hyra-mutants-") as folder:
        workshop = Workshop(Path(folder))
        for number, mutant in enumerate(chosen, start=1):
            start = time.monotonic()
            verdict = HARMLESS.get(mutant.key) or workshop.verdict(mutant)
            if verdict is None:
                survivors.append(mutant)
            seconds = time.monotonic() - start
            print(f"{number}/{len(chosen)} {mutant}\n    {verdict or 'SURVIVES'} ({seconds:.0f} s)", flush=True)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} caught or harmless")
    for survivor in survivors:
        print(f"survivor: {survivor}")
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())
