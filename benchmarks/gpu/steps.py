"""Commands with a time limit, and the file that is rewritten after each of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PASSED, FAILED, TIMEOUT, MISSING = "passed", "failed", "over its time limit", "missing tool"
GRACE = 5  # seconds between asking a process group to end and ending it


@dataclass(frozen=True)
class Outcome:
    """How a step ended: the status, the time it took in seconds, and one sentence where it did not pass."""

    status: str
    seconds: float
    reason: str = ""

    @property
    def passed(self) -> bool:
        return self.status == PASSED


def run(
    command: Sequence[str], limit: float, environment: Mapping[str, str], log: Path, folder: Path
) -> tuple[int | None, float]:
    """Run it in a folder. The exit status, None where the limit was reached, and the seconds; all output goes to `log`.

    The command leads a process group of its own, which is ended with it: a test's workers, and what a profiler started.
    """
    begin = time.monotonic()
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            status: int | None = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _end_group(process)
    return status, time.monotonic() - begin


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Report:
    """`gpu.json`: written whole after every change, so that a machine that goes away leaves what it had measured."""

    def __init__(self, path: Path, **facts: Any) -> None:
        self.path = path
        self.values: dict[str, Any] = {**facts, "steps": {}, "jobs": []}

    @classmethod
    def read(cls, path: Path) -> Report:
        report = cls(path)
        report.values = json.loads(path.read_text())
        return report

    def save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(self.values, indent=2))
        partial.replace(self.path)

    def add_step(self, name: str, outcome: Outcome) -> None:
        if self.path.exists():  # the benchmarks write it from a process of their own
            self.values = json.loads(self.path.read_text())
        self.values["steps"][name] = asdict(outcome)
        self.save()

    def add_job(self, row: dict[str, Any]) -> None:
        self.values["jobs"].append(row)
        self.save()
