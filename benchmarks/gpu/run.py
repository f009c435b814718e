"""Everything to check on a machine with a GPU, in one command: ``python benchmarks/gpu/run.py [--wheel WHEEL]``.

Made for a machine that is there for a quarter of an hour, without a network. In this order, each with a time limit:

1. tests: the op tests on the `cuda` backend, their capture in CUDA graphs, and CuPy where it is installed.
2. benchmarks: each op beside the paper's own way of computing it in plain torch on the same GPU, and beside a
   device-to-device copy; eager, and as a CUDA graph.
3. profile: Nsight Compute on the main kernels: bytes, bandwidth, and how busy the FP64 pipe is.
4. memcheck, racecheck, initcheck, synccheck: compute-sanitizer over the tests that compare with the reference.

`gpu.json` is rewritten after every step and every job, and RESULTS.md beside this file at the end. Exits with 1 if a
step failed, was cut off or lacks its tool. Where there is no GPU it says so and exits with 0; `--dry-run` then walks
every step on the CPU, with small jobs, and with commands that stand for pytest, ncu and compute-sanitizer.

A wheel may have been built elsewhere for this machine's Python: `--wheel` unpacks it beside the report and uses nothing
of this checkout's python/. The first three steps take at most 420 s together: run the sanitizers in a second call,
`--steps memcheck racecheck initcheck synccheck`.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import os
import shutil
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from steps import FAILED, MISSING, PASSED, TIMEOUT, Outcome, Report, run

import results

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

SANITIZERS = ("memcheck", "racecheck", "initcheck", "synccheck")
LIMITS = {"tests": 160.0, "benchmarks": 160.0, "profile": 100.0, **dict.fromkeys(SANITIZERS, 100.0)}
TESTS = ("tests/ops", "tests/_util/test_arrays.py")
FOUND = 86  # how compute-sanitizer exits where it reports something: pytest's statuses are 0 to 5
MAIN_KERNELS = "regex:sum_tiles|running_moments|filter_tile"
METRICS = {
    "gpu__time_duration.sum": "time",
    "dram__bytes.sum": "bytes",
    "dram__throughput.avg.pct_of_peak_sustained_elapsed": "DRAM, % of peak",
    "sm__inst_executed_pipe_fp64.avg.pct_of_peak_sustained_active": "FP64 pipe, % of peak",
}


@dataclass
class Machine:
    """What the steps are run with."""

    out: Path
    package: Path | None = None  # a folder to import hyra from; None is what is installed
    limits: dict[str, float] = field(default_factory=lambda: dict(LIMITS))
    dry: bool = False

    def tool(self, name: str) -> str | None:
        return name if self.dry else shutil.which(name)

    def pytest(self, *arguments: str) -> list[str]:
        if self.dry:
            return [sys.executable, "-c", "print('stands for pytest')"]
        return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS, *arguments]

    def measure(self, *arguments: str) -> list[str]:
        dry = ["--dry-run"] if self.dry else []
        return [sys.executable, str(HERE / "measure.py"), str(self.out / "gpu.json"), *dry, *arguments]

    def run(self, step: str, command: Sequence[str], **variables: str) -> tuple[int | None, float]:
        folders = [str(self.package) if self.package else "", os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, folders)), **variables}
        print(f"{step}, {self.limits[step]:.0f} s at most: {' '.join(command)}", flush=True)
        return run(command, self.limits[step], environment, self.out / f"{step}.log", ROOT)


def outcome(status: int | None, seconds: float, reasons: dict[int, str]) -> Outcome:
    if status is None:
        return Outcome(TIMEOUT, seconds, "ended with all that it had started")
    if status == 0:
        return Outcome(PASSED, seconds)
    return Outcome(FAILED, seconds, reasons.get(status, f"exit status {status}"))


PYTEST = {1: "tests failed", 2: "interrupted", 3: "pytest's own error", 4: "wrong use of pytest", 5: "no tests"}
BACKENDS = {"HYRA_BACKENDS": "reference,cuda", "HYRA_REQUIRE_BACKENDS": "reference,cuda"}


def tests(machine: Machine) -> Outcome:
    workers = ["-n", "4"] if importlib.util.find_spec("xdist") else []
    arguments = [*workers, "-k", "(cuda or cupy) and not cuda_on_cpu"]
    return outcome(*machine.run("tests", machine.pytest(*arguments), **BACKENDS), PYTEST)


def benchmarks(machine: Machine) -> Outcome:
    return outcome(*machine.run("benchmarks", machine.measure()), {1: "a job failed, or is too far from its peer"})


def profile(machine: Machine, report: Report) -> Outcome:
    tool = machine.tool("ncu")
    if tool is None:
        return Outcome(MISSING, 0, "ncu (Nsight Compute) is not on PATH")
    command = [tool, "--csv", "--page", "raw", "--metrics", ",".join(METRICS), "--kernel-name", MAIN_KERNELS]
    status, seconds = machine.run("profile", [*([] if machine.dry else command), *machine.measure("--main-kernels")])
    report.values["profile"] = parse_profile((machine.out / "profile.log").read_text(errors="replace"))
    report.save()
    if status == 0 and not report.values["profile"] and not machine.dry:
        return Outcome(FAILED, seconds, "ncu saw none of the main kernels")
    return outcome(status, seconds, {})


def parse_profile(text: str) -> dict[str, dict[str, str]]:
    """Metrics by kernel, from ncu's table: a line of names, one of units, one for each launch."""
    lines = [line for line in text.splitlines() if line.startswith('"')]
    rows = list(csv.DictReader(io.StringIO("\n".join(lines))))
    if len(rows) < 2:
        return {}
    units, *launches = rows
    return {
        row["Kernel Name"]: {
            name: f"{row[metric]} {units[metric]}".strip() for metric, name in METRICS.items() if metric in row
        }
        for row in launches
    }


def sanitizer(machine: Machine, name: str) -> Outcome:
    tool = machine.tool("compute-sanitizer")
    if tool is None:
        return Outcome(MISSING, 0, "compute-sanitizer is not on PATH")
    prefix = [tool, "--tool", name, "--error-exitcode", str(FOUND), "--target-processes", "all"]
    command = [
        *([] if machine.dry else prefix),
        *machine.pytest("-k", "cuda and not cuda_on_cpu and agrees_with_reference and float32"),
    ]
    # Every tensor an allocation of its own, whose end a sanitizer sees (no graph could be captured so).
    variables = {**BACKENDS, "PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
    reasons = {FOUND: f"{name} reports errors", **PYTEST}
    return outcome(*machine.run(name, command, **variables), reasons)


def walk(machine: Machine, report: Report, steps: Sequence[str]) -> bool:
    report.save()
    for step in (step for step in LIMITS if step in steps):
        if step == "profile":
            done = profile(machine, report)
        elif step in SANITIZERS:
            done = sanitizer(machine, step)
        else:
            done = {"tests": tests, "benchmarks": benchmarks}[step](machine)
        report.add_step(step, done)
        print(f"{step}: {done.status} {done.reason}".rstrip(), flush=True)
    return all(report.values["steps"][step]["status"] == PASSED for step in steps)


def unpack(wheel: Path, out: Path) -> Path:
    """The folder of a wheel's packages, without pip: there may be no network for what it depends on."""
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    if f"-{tag}-" not in wheel.name:
        raise SystemExit(f"--wheel must be for this Python, {tag}, got {wheel.name}")
    folder = out / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=Path(".benchmarks"), help="folder for gpu.json and what steps print"
    )
    parser.add_argument("--steps", nargs="+", choices=LIMITS, default=list(LIMITS), help="only these, in their order")
    parser.add_argument("--limit", nargs=2, action="append", default=[], metavar=("STEP", "SECONDS"), help="of a step")
    parser.add_argument("--wheel", type=Path, help="test this wheel of hyra instead of the checkout's package")
    parser.add_argument("--dry-run", action="store_true", help="rehearse every step without a GPU")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    machine = Machine(args.out.resolve(), dry=args.dry_run)
    for step, seconds in args.limit:
        if step not in LIMITS:
            parser.error(f"--limit takes one of {', '.join(LIMITS)}, got {step}")
        machine.limits[step] = float(seconds)
    if args.wheel:
        machine.package = unpack(args.wheel, machine.out)

    import torch
    from timing import Gpu, Rehearsal

    if not args.dry_run and not torch.cuda.is_available():
        print("no CUDA device: nothing to run (--dry-run rehearses every step)")
        return 0
    gpu = Rehearsal() if args.dry_run else Gpu()
    path = machine.out / "gpu.json"
    report = Report(path, device=gpu.name(), **gpu.facts())
    if path.exists() and set(args.steps) != set(LIMITS):  # the second call of the two adds to the first
        before = Report.read(path)
        if before.values["device"] == report.values["device"]:
            report = before
    passed = walk(machine, report, args.steps)
    page = (machine.out if args.dry_run else HERE) / "RESULTS.md"
    page.write_text(results.markdown(report.values))
    print(f"written: {path}, {page}")
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
