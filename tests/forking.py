"""What the tests of forked processes share: where they run, and a program that must end in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

SECONDS = 120

needs_fork = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.skipif("HYRA_SANITIZER" in os.environ, reason="a sanitizer's runtime does not outlive a fork"),
]


def printed_by(program: str, *arguments: str) -> str:
    """What a program prints that exits with 0; it is killed, with its children, where it hangs."""
    command = [sys.executable, "-W", "ignore", "-c", program, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        printed, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f"not done after {SECONDS} s: a child hangs")
    assert process.returncode == 0
    return printed
