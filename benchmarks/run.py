"""Run the benchmarks and print ours beside its peers: ``python benchmarks/run.py [-k EXPRESSION] [--json FILE]``.

Times on a shared machine mean little from one run to the next; the ratio to a peer timed in the same run means more. So
the table shows, for each job, the time of each contender over that of hyra.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path


def table(results: dict) -> str:
    jobs: dict[str, dict[str, float]] = defaultdict(dict)
    for entry in results["benchmarks"]:
        jobs[entry["group"]][entry["extra_info"]["contender"]] = entry["stats"]["min"]
    lines = []
    for job, times in jobs.items():
        lines.append(job)
        for contender, seconds in sorted(times.items(), key=lambda item: item[1]):
            lines.append(f"  {contender:<40}{seconds * 1e3:10.2f} ms {seconds / times['hyra']:9.2f} x")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", metavar="EXPRESSION", help="run the benchmarks whose name matches")
    parser.add_argument("--json", type=Path, default=Path(".benchmarks/latest.json"), help="where the results are kept")
    args = parser.parse_args()
    args.json.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pytest", str(Path(__file__).parent), "-q", f"--benchmark-json={args.json}"]
    command += ["-o", "python_files=bench_*.py", "-o", "python_functions=bench_*", "--benchmark-disable-gc"]
    if args.k:
        command += ["-k", args.k]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if finished.returncode != 0:
        print(finished.stdout)
        return finished.returncode
    print(table(json.loads(args.json.read_text())))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
