"""The op tests over the CUDA kernels, on the engine, and over the CPU kernels, built with each sanitizer."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest

from cuda_on_cpu import build

OPS = Path(__file__).parent.parent / "ops"

pytestmark = [
    pytest.mark.sanitizer,
    pytest.mark.skipif(not build.available(), reason="no C++ compiler for the engine"),
    pytest.mark.skipif("HYRA_SANITIZER" in os.environ, reason="this is such a run"),
]


@pytest.mark.parametrize("sanitizer", build.SANITIZERS)
def test_ops(sanitizer):
    build.build(sanitizer), build.build_cpu(sanitizer)
    # Left out: what calls the same kernels hundreds of times, or takes sizes that show nothing new to a sanitizer; a
    # shared memory that is too small shows to AddressSanitizer.
    left_out = ["gradcheck", "opcheck", "compile", "large", "dispatched", *["taller"] * (sanitizer == "thread")]
    chosen = ["-k", " and ".join(f"not {word}" for word in left_out)]
    with mock.patch.dict(os.environ, HYRA_SANITIZER=sanitizer, HYRA_REQUIRE_BACKENDS=""):
        # Uncaptured: a report ends the process, and with it whatever pytest would have held back.
        done = build.run_python(sanitizer, "pytest", "-q", "-s", "-p", "no:cacheprovider", *chosen, str(OPS))
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
