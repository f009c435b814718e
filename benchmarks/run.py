"""Run the benchmarks and print ours beside its peers: ``python benchmarks/run.py [-k NAME] [--save] [--compare]``.

Times on a shared machine mean little from one run to the next; the ratio to a peer timed in the same run means more. So
the table shows, for each job, the time of each contender over that of hyra, and it is these ratios that `--save` keeps
by commit and that `--compare` watches.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
HISTORY = HERE / "history"
LARGEST_FALL = 0.25

Ratios = dict[str, dict[str, float]]


def run(expression: str | None, results: Path) -> bool:
    results.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pytest", str(HERE), "-q", f"--benchmark-json={results}", "--benchmark-disable-gc"]
    command += ["-o", "python_files=bench_*.py", "-o", "python_functions=bench_*"]
    if expression:
        command += ["-k", expression]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if finished.returncode != 0:
        print(finished.stdout)
    return finished.returncode == 0


def seconds_by_job(results: dict) -> dict[str, dict[str, float]]:
    jobs: dict[str, dict[str, float]] = defaultdict(dict)
    for entry in results["benchmarks"]:
        extra = entry["extra_info"]  # a peer that would take minutes does a part of the job, and says which
        jobs[entry["group"]][extra["contender"]] = entry["stats"]["min"] / extra.get("part", 1)
    return jobs


def ratios_to_ours(jobs: dict[str, dict[str, float]]) -> Ratios:
    return {
        job: {contender: seconds / times["hyra"] for contender, seconds in times.items() if contender != "hyra"}
        for job, times in jobs.items()
    }


def table(jobs: dict[str, dict[str, float]]) -> str:
    lines = []
    for job, times in jobs.items():
        lines.append(job)
        for contender, seconds in sorted(times.items(), key=lambda item: item[1]):
            lines.append(f"  {contender:<40}{seconds * 1e3:10.2f} ms {seconds / times['hyra']:9.2f} x")
    return "\n".join(lines)


def fallen(now: Ratios, before: Ratios) -> list[str]:
    """A line for each ratio that fell by more than LARGEST_FALL."""
    return [
        f"{job}: {peer} was {before[job][peer]:.2f} x, is {ratio:.2f} x"
        for job, peers in now.items()
        for peer, ratio in peers.items()
        if peer in before.get(job, {}) and ratio < (1 - LARGEST_FALL) * before[job][peer]
    ]


def commit() -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True, check=True
    )
    return described.stdout.strip()


def newest() -> Path:
    """The saved run that is newest by the history of the commits' files."""
    saved = sorted(HISTORY.glob("*.json"), key=lambda file: json.loads(file.read_text())["date"])
    if not saved:
        raise SystemExit(f"--compare found no saved run in {HISTORY}: make one with --save")
    return saved[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", metavar="EXPRESSION", help="run the benchmarks whose name matches")
    parser.add_argument("--json", type=Path, default=Path(".benchmarks/latest.json"), help="pytest-benchmark's results")
    parser.add_argument(
        "--save", action="store_true", help="keep the ratios in benchmarks/history, named by the commit"
    )
    parser.add_argument(
        "--compare", nargs="?", type=Path, const=True, metavar="FILE", help="fail if a ratio fell by over 25 %%"
    )
    args = parser.parse_args()
    before = None if args.compare is None else newest() if args.compare is True else args.compare
    if not run(args.k, args.json):
        return 1
    results = json.loads(args.json.read_text())
    jobs = seconds_by_job(results)
    print(table(jobs))
    ratios = ratios_to_ours(jobs)
    if args.save:
        HISTORY.mkdir(exist_ok=True)
        saved = HISTORY / f"{commit()}.json"
        saved.write_text(json.dumps({"date": results["datetime"], "ratios": ratios}, indent=1, sort_keys=True) + "\n")
        print(f"saved to {saved}")
    if before is not None:
        lines = fallen(ratios, json.loads(before.read_text())["ratios"])
        print("\n".join(lines) or f"no ratio fell by more than {LARGEST_FALL:.0%} since {before.stem}")
        return 1 if lines else 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
