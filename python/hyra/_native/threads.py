"""How many threads the kernels may use, and work of ours that shares these threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

from hyra._native.modules import MODULES

_cpu = MODULES.get("cpu")
_forked = False


def _after_fork() -> None:
    global _forked  # noqa: PLW0603 - a fork is a property of the process
    _forked = True
    torch.set_num_threads(1)  # torch's own kernels, and MKL's, wait for the same threads


# The threads of an OpenMP team do not survive a fork, and waiting for them hangs: a child runs on one thread.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def count() -> int:
    """Threads that a CPU kernel may use: torch's count, or one in a forked child."""
    return 1 if _forked else torch.get_num_threads()


def share(f: Callable[[int], object], calls: int, threads: int) -> None:
    """Call ``f(0)`` to ``f(calls - 1)`` on the threads that run the CPU kernels.

    A pool of its own would have to share the cores with these, which wait for work by spinning, for milliseconds; it
    serves where there are no kernels.
    """
    if _cpu is not None:
        _cpu.share(f, calls, threads)
    elif threads == 1:
        for index in range(calls):
            f(index)
    else:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(f, range(calls)):
                pass
