"""The benchmarks of `run.py` in a process of their own: every job's row goes into the report as soon as it is there."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from jobs import Plan, jobs  # noqa: E402 - found by the path above, as the next two are
from steps import Report  # noqa: E402
from timing import Gpu, Rehearsal, measure  # noqa: E402

# Small enough for a rehearsal on a CPU.
SMALL: dict[str, Any] = {
    "shapes": [(3, 35, 33)],
    "lr_size": (9, 11),
    "response_sizes": [12],
    "probe_sizes": [8],
    "packed": (32, 16),
}
MAIN = ("integral_energy", "response_moments", "polyphase_filter")  # whose kernels Nsight Compute looks at


def plans(gpu: Gpu) -> list[Plan]:
    return jobs(gpu.device, **(SMALL if isinstance(gpu, Rehearsal) else {}))


def benchmark(report: Report, gpu: Gpu) -> bool:
    torch.backends.cudnn.allow_tf32 = False  # every peer in the precision that ours has
    copy = report.values["copy_bandwidth"] = gpu.copy_bandwidth()
    report.save()
    for name, build in plans(gpu):
        row = measure(name, build, gpu, copy)
        report.add_job(row)
        print(
            row["name"],
            row.get("error") or f"{row['seconds'] * 1e6:.1f} us, {row['of_copy']:.0%} of a copy",
            flush=True,
        )
    return all(row["agrees"] for row in report.values["jobs"])


def call_main_kernels(gpu: Gpu) -> None:
    """Once each: what a profiler shall see."""
    for op in MAIN:
        _, build = next(plan for plan in plans(gpu) if plan[0].split()[0] == op)
        build().ours()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="gpu.json, which is there already")
    parser.add_argument("--dry-run", action="store_true", help="small jobs on the CPU")
    parser.add_argument("--main-kernels", action="store_true", help="call the main kernels, and time nothing")
    args = parser.parse_args()
    gpu = Rehearsal() if args.dry_run else Gpu()
    if args.main_kernels:
        call_main_kernels(gpu)
        return 0
    return 0 if benchmark(Report.read(args.report), gpu) else 1


if __name__ == "__main__":
    raise SystemExit(main())
