"""What every benchmark shares: two threads, a fixed seed, and one way to time ours beside its peers."""

from __future__ import annotations

import ctypes
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

THREADS = 2
SECONDS = 0.5


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def peak(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], int]:
    """``peak(rounds, threads)`` does as many multiply-adds as it can, and returns their number."""
    library = tmp_path_factory.mktemp("peak") / "peak.so"
    options = ["-O3", "-march=native", "-mprefer-vector-width=512", "-std=c++17", "-shared", "-fPIC", "-pthread"]
    subprocess.run(
        ["c++", *options, str(Path(__file__).with_name("multiply_add_peak.cpp")), "-o", str(library)], check=True
    )
    function = ctypes.CDLL(str(library)).multiply_add_peak
    function.argtypes, function.restype = [ctypes.c_int64, ctypes.c_int64], ctypes.c_int64
    return function


@pytest.fixture
def contend(benchmark: Any) -> Callable[..., Any]:
    """Time one contender of a job: ``contend(job, contender, f)`` returns what `f` returns.

    Contenders of one job form a group; run.py divides the time of each peer by the time of the contender "hyra".
    Whatever else is given lands beside the time (shape, dtype, bytes).
    """

    def run(job: str, contender: str, f: Callable[[], Any], **extra: object) -> Any:
        benchmark.group = job
        benchmark.extra_info.update(contender=contender, threads=THREADS, **extra)
        result = f()
        start = time.perf_counter()
        f()
        rounds = min(max(round(SECONDS / (time.perf_counter() - start)), 7), 100)
        benchmark.pedantic(f, rounds=rounds, warmup_rounds=1)
        return result

    return run
