"""Everything to check on a machine with a GPU, in one command: ``python benchmarks/gpu/run.py [--out DIR]``.

1. The op tests on the `cuda` backend, their capture in CUDA graphs, and CuPy where it is installed.
2. compute-sanitizer (memcheck, racecheck, initcheck, synccheck) over the tests that compare with the reference.
3. The benchmarks: each kernel beside the paper's own way of computing it in plain torch on the same GPU, and beside a
   device-to-device copy. Cold L2, CUDA events, medians.

Prints a table, writes `gpu.json`, and exits with 1 if a test, a sanitizer or a comparison failed. Where there is no GPU
it says so and exits with 0.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SANITIZERS = ("memcheck", "racecheck", "initcheck", "synccheck")


def run_tests(prefix: list[str], expression: str) -> bool:
    tests = [str(ROOT / "tests" / name) for name in ("ops", "_util/test_arrays.py")]
    command = [*prefix, sys.executable, "-m", "pytest", "-q", *tests, "-k", expression]
    environment = {**os.environ, "HYRA_REQUIRE_BACKENDS": "reference,cuda"}
    if prefix:  # every tensor an allocation of its own, whose end a sanitizer sees (no graph could be captured so)
        environment["PYTORCH_NO_CUDA_MEMORY_CACHING"] = "1"
    print("$", " ".join(command), flush=True)
    return subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(".benchmarks"), help="folder for gpu.json")
    parser.add_argument("--skip-tests", action="store_true", help="no tests, benchmarks alone")
    parser.add_argument("--skip-sanitizers", action="store_true", help="no compute-sanitizer, which takes minutes")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        print("no CUDA device: nothing to run")
        return 0

    passed: dict[str, bool] = {}
    if not args.skip_tests:
        passed["tests"] = run_tests([], "(cuda or cupy) and not cuda_on_cpu")
    if not args.skip_sanitizers:
        if shutil.which("compute-sanitizer") is None:
            print("compute-sanitizer is not on PATH: its checks are left out")
        else:
            for tool in SANITIZERS:
                prefix = ["compute-sanitizer", "--tool", tool, "--error-exitcode", "1", "--target-processes", "all"]
                passed[tool] = run_tests(prefix, "cuda and not cuda_on_cpu and agrees_with_reference and float32")

    sys.path[:0] = [str(HERE), str(HERE.parent)]
    from jobs import jobs
    from timing import measure

    report = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "passed": passed}
    report["jobs"] = measure(jobs())
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "gpu.json").write_text(json.dumps(report, indent=2))
    for name, ok in passed.items():
        print(f"{name:<12}{'passed' if ok else 'FAILED'}")
    return 0 if all(passed.values()) and all(job["agrees"] for job in report["jobs"]) else 1


if __name__ == "__main__":
    raise SystemExit(main())
