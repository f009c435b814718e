"""A forked process goes on where the threads of its parent are gone: it ends in time, with the parent's bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

import hyra

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.skipif("HYRA_SANITIZER" in os.environ, reason="a sanitizer's runtime does not outlive a fork"),
]

SECONDS = 120
PROGRAM = """
import multiprocessing, os, sys, warnings
import torch, hyra
warnings.simplefilter("ignore")
hyra.set_fft_library(sys.argv[1])
torch.set_num_threads(4)
torch.manual_seed(0)
preds, target = torch.rand(2, 3, 300, 222)

def scores(_=None):
    variants = [hyra.fsds(preds, target, variant=variant) for variant in ("paper", "shift_invariant", "radial")]
    low = hyra.lowpass_upsample(preds, 2, taps=None)  # by matrices
    return [*(float(score).hex() for score in variants), low.double().sum().item().hex()]

expected = scores()
if sys.argv[2] == "pool":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        same = all(result == expected for result in pool.map(scores, range(4)))
else:
    child = os.fork()
    if child == 0:
        os._exit(0 if scores() == expected and torch.get_num_threads() == 1 else 1)
    same = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print("the same" if same else "other bits", torch.get_num_threads())
"""


@pytest.mark.parametrize("way", ["fork", "pool"])
@pytest.mark.parametrize("library", hyra.fft_library_versions())
def test_after_a_parallel_call_in_the_parent(library, way):
    command = [sys.executable, "-c", PROGRAM, library, way]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        printed, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # the children that hang, too
        pytest.fail(f"not done after {SECONDS} s: a child hangs")
    assert (process.returncode, printed.split("\n")[0]) == (0, "the same 4")
