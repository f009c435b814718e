"""Every op with random arguments, in a process of its own under AddressSanitizer: tests/fuzz says what may come."""

from __future__ import annotations

import os
import sys

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


def test_no_call_ends_the_process_or_goes_unexplained(capfd):
    build.build("address"), build.build_cpu("address")
    done = build.run_python("address", "fuzz", str(CALLS), "--sanitizer", "address")
    with capfd.disabled():
        sys.stdout.write("\n" + done.stdout[-4000:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 faults in " in done.stdout.replace("\n", " ")
