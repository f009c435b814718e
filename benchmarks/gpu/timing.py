"""Timing of jobs, and the device that they are timed on: a GPU, or the CPU where a run is rehearsed.

Eager calls and replays of a CUDA graph, each after the L2 cache has been overwritten; CUDA events, medians. Their
difference is what the host costs. The yardstick is a device-to-device copy of 1 GiB in the same run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Result = Tensor | Sequence[Tensor]


@dataclass(frozen=True)
class Job:
    """One op on one input: the fewest bytes it must move, and what it is compared with."""

    name: str
    bytes: int
    ours: Callable[[], Result]
    peers: dict[str, Callable[[], Result]]
    tolerance: float = 1e-4


class Gpu:
    """The CUDA device of this process."""

    device = "cuda"
    rounds = 30

    def name(self) -> str:
        return torch.cuda.get_device_name()

    def facts(self) -> dict[str, Any]:
        major, minor = torch.cuda.get_device_capability()
        return {"capability": f"{major}.{minor}", "torch": torch.__version__, "cuda": torch.version.cuda}

    def seconds(self, f: Callable[[], object]) -> float:
        flush = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
        for _ in range(3):
            f()
        events = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(self.rounds)]
        for start, end in events:
            flush.zero_()
            start.record()
            f()
            end.record()
        torch.cuda.synchronize()
        return statistics.median(start.elapsed_time(end) for start, end in events) * 1e-3

    def graph(self, f: Callable[[], object]) -> Callable[[], object]:
        """A call that replays what `f` launches."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                f()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            f()
        return graph.replay

    def copy_bandwidth(self) -> float:
        """Bytes read and written per second by a device-to-device copy."""
        source = torch.empty(1 << 30, dtype=torch.uint8, device="cuda").random_()
        target = torch.empty_like(source)
        return 2 * source.nbytes / self.seconds(lambda: target.copy_(source))


class Rehearsal(Gpu):
    """In place of a GPU in a dry run: the CPU's clock, and a graph that is the call itself."""

    device = "cpu"
    rounds = 1

    def name(self) -> str:
        return "no GPU (dry run)"

    def facts(self) -> dict[str, Any]:
        return {"capability": "none", "torch": torch.__version__, "cuda": torch.version.cuda}

    def seconds(self, f: Callable[[], object]) -> float:
        begin = time.perf_counter()
        f()
        return time.perf_counter() - begin

    def graph(self, f: Callable[[], object]) -> Callable[[], object]:
        return f

    def copy_bandwidth(self) -> float:
        source = torch.zeros(1 << 20, dtype=torch.uint8)
        target = torch.empty_like(source)
        return 2 * source.nbytes / self.seconds(lambda: target.copy_(source))


def difference(actual: Result, expected: Result) -> float:
    """The largest |actual - expected| of any of their tensors, over the largest |expected| of that tensor."""
    if isinstance(actual, Tensor):
        actual = [actual]
    if isinstance(expected, Tensor):
        expected = [expected]
    errors = [((a - e).abs().max() / e.abs().max()).item() for a, e in zip(actual, expected, strict=True)]
    return max(errors)


def measure(name: str, build: Callable[[], Job], gpu: Gpu, copy: float) -> dict[str, Any]:
    """The row of one job: built, compared and timed here, so that one that fails costs its own row alone."""
    row: dict[str, Any] = {"name": name}
    try:
        job = build()
        row["name"], row["bytes"] = job.name, job.bytes
        seconds = row["seconds"] = gpu.seconds(job.ours)
        row["graph_seconds"], row["graph_error"] = _graph_seconds(job, gpu)
        best = min(seconds, row["graph_seconds"] or seconds)
        row["bandwidth"], row["of_copy"] = job.bytes / best, job.bytes / best / copy
        result, row["peers"] = job.ours(), {}
        for peer, f in job.peers.items():
            error = difference(f(), result)
            row["peers"][peer] = {
                "seconds": gpu.seconds(f),
                "difference": error,
                "agrees": error <= job.tolerance,
            }
        row["agrees"] = all(peer["agrees"] for peer in row["peers"].values())
    except Exception as error:  # whatever it is: the next job is worth its time
        row["error"] = f"{type(error).__name__}: {error}"
        row["agrees"] = False
    return row


def _graph_seconds(job: Job, gpu: Gpu) -> tuple[float | None, str]:
    try:
        return gpu.seconds(gpu.graph(job.ours)), ""
    except Exception as error:  # a call that cannot be captured is a result, too
        return None, f"{type(error).__name__}: {error}"
