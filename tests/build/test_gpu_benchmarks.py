"""The benchmarks for a GPU, as far as they can be tried without one: what they time, and that both sides agree."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import hyra.ops

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def jobs():
    """Every job, small and on the CPU."""
    sys.path[:0] = [str(BENCHMARKS / "gpu"), str(BENCHMARKS)]
    try:
        from jobs import jobs
    finally:
        del sys.path[:2]
    return jobs(
        "cpu", shapes=[(3, 36, 50), (6, 34, 33)], lr_size=(9, 11), response_sizes=[12], probe_sizes=[8], packed=(32, 16)
    )


def test_every_op_has_a_job(jobs):
    assert {job.name.split()[0] for job in jobs} == {*hyra.ops.__all__, "fsds"}


def test_ours_agrees_with_every_peer(jobs):
    from timing import difference

    for job in jobs:
        for peer, f in job.peers.items():
            error = difference(f(), job.ours())
            assert error <= job.tolerance, f"{job.name} beside {peer}: relative difference {error:.1e}"


def test_difference_takes_the_worst_tensor(jobs):
    from timing import difference

    two, off = torch.tensor([2.0, 4.0]), torch.tensor([2.0, 5.0])
    assert difference([two, off], [two, two]) == 0.25
    assert difference(two, two) == 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_the_command_says_that_there_is_no_gpu():
    done = subprocess.run([sys.executable, BENCHMARKS / "gpu" / "run.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no CUDA device" in done.stdout
