"""A fixed sample of tests/mutations.py, which in full takes two hours: the tests notice what is broken on purpose."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cuda_on_cpu import build

SCRIPT = Path(__file__).parent.parent / "mutations.py"

pytestmark = pytest.mark.skipif(not build.available(), reason="no C++ compiler for the engine")


@pytest.mark.parametrize(
    ("file", "rule", "caught"),
    [
        ("mean_std.cu", "barrier removed", 1),
        ("impulse_batch.cu", "barrier removed", 1),
        ("standardized_difference.cu", "rounded down", 1),
    ],
)
def test_mutants_are_caught(file, rule, caught):
    command = [sys.executable, SCRIPT, "--file", file, "--rule", rule]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{caught} caught"
