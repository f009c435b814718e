"""A forked process goes on where the threads of its parent are gone: it ends in time, with the parent's bits."""

from __future__ import annotations

import pytest

import forking
import hyra

pytestmark = forking.needs_fork

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
child = os.fork()
if child == 0:
    os._exit(0 if scores() == expected and torch.get_num_threads() == 1 else 1)
same = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print("fork:", "the same" if same else "other bits", torch.get_num_threads())
with multiprocessing.get_context("fork").Pool(2) as pool:
    same = all(result == expected for result in pool.map(scores, range(4)))
print("pool:", "the same" if same else "other bits", torch.get_num_threads())
"""


@pytest.mark.once
@pytest.mark.parametrize("library", hyra.fft_library_versions())
def test_after_a_parallel_call_in_the_parent(library):
    assert forking.printed_by(PROGRAM, library).splitlines() == ["fork: the same 4", "pool: the same 4"]
