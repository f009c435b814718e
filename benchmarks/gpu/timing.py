"""Timing on a GPU: events, cold L2, medians; the yardstick is a device-to-device copy of 1 GiB."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

ROUNDS = 50


Result = Tensor | Sequence[Tensor]


@dataclass(frozen=True)
class Job:
    """One op on one input: the fewest bytes it must move, and what it is compared with."""

    name: str
    bytes: int
    ours: Callable[[], Result]
    peers: dict[str, Callable[[], Result]]
    tolerance: float = 1e-4


def difference(actual: Result, expected: Result) -> float:
    """The largest |actual - expected| of any of their tensors, over the largest |expected| of that tensor."""
    if isinstance(actual, Tensor):
        actual = [actual]
    if isinstance(expected, Tensor):
        expected = [expected]
    errors = [((a - e).abs().max() / e.abs().max()).item() for a, e in zip(actual, expected, strict=True)]
    return max(errors)


def median_seconds(f: Callable[[], object]) -> float:
    """Median over ROUNDS runs, each after the L2 cache has been overwritten."""
    flush = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
    for _ in range(3):
        f()
    events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(ROUNDS)]
    for start, end in events:
        flush.zero_()
        start.record()
        f()
        end.record()
    torch.cuda.synchronize()
    return statistics.median(start.elapsed_time(end) for start, end in events) * 1e-3


def copy_bandwidth() -> float:
    """Bytes read and written per second by a device-to-device copy."""
    source = torch.empty(1 << 30, dtype=torch.uint8, device="cuda").random_()
    target = torch.empty_like(source)
    return 2 * source.nbytes / median_seconds(lambda: target.copy_(source))


def measure(jobs: Sequence[Job]) -> list[dict]:
    torch.backends.cudnn.allow_tf32 = False  # every peer in the precision that ours has
    copy = copy_bandwidth()
    print(f"{torch.cuda.get_device_name()}: device-to-device copy {copy / 1e9:.0f} GB/s")
    rows = []
    for job in jobs:
        ours, seconds = job.ours(), median_seconds(job.ours)
        bandwidth = job.bytes / seconds
        print(
            f"{job.name}\n  hyra {seconds * 1e6:10.1f} us {bandwidth / 1e9:8.0f} GB/s {bandwidth / copy:6.1%} of a copy"
        )
        row = {"name": job.name, "seconds": seconds, "bytes": job.bytes, "of_copy": bandwidth / copy, "peers": {}}
        agrees = True
        for peer, f in job.peers.items():
            error = difference(f(), ours)
            agrees = agrees and error <= job.tolerance
            peer_seconds = median_seconds(f)
            row["peers"][peer] = peer_seconds
            print(f"  {peer:<31}{peer_seconds * 1e6:10.1f} us {peer_seconds / seconds:8.2f} x, difference {error:.1e}")
        rows.append({**row, "agrees": agrees})
    return rows
