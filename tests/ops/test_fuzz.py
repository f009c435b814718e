"""Every op with random arguments, in a process of its own under AddressSanitizer: tests/fuzz says what may come."""

from __future__ import annotations

import os

import pytest

import backends
from cuda_on_cpu import build

CALLS = int(os.environ.get("HYRA_FUZZ_CALLS", "100_000"))

pytestmark = [
    pytest.mark.sanitizer,
    backends.native,
    pytest.mark.skipif(not build.available(), reason="no C++ compiler for the engine"),
    pytest.mark.skipif("HYRA_SANITIZER" in os.environ, reason="this is such a run"),
]


def test_no_call_ends_the_process_or_goes_unexplained(record_property):
    build.build("address"), build.build_cpu("address")
    done = build.run_python("address", "fuzz", str(CALLS), "--sanitizer", "address")
    record_property("summary", done.stdout[-4000:])  # printed by conftest.py, since what a worker prints is lost
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 faults in " in done.stdout.replace("\n", " ")
