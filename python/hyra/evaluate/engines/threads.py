"""Where tasks are worked on: on threads of this process, each with one image at a time."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Generator, Iterable
from contextlib import suppress

import torch

from hyra._util import validate
from hyra.evaluate.work.plan import Plan
from hyra.evaluate.work.tasks import Outcome, Task, measure


def default_workers() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(tasks: Iterable[Task], plan: Plan, workers: int | None = None) -> Generator[Outcome, None, None]:
    """The outcomes of all tasks, in the order in which they are done.

    Each worker decodes and scores on one thread: with as many workers as cores nothing waits, and no more images are in
    memory than two for each worker, however many there are. The bits of a score do not depend on their number.

    Raises:
        ValueError: the plan's device is none of this machine.
    """
    validate.device("device", plan.device)
    return _outcomes(tasks, plan, workers or default_workers())


def _outcomes(tasks: Iterable[Task], plan: Plan, workers: int) -> Generator[Outcome, None, None]:
    remaining, lock = iter(tasks), threading.Lock()
    outcomes: queue.Queue[Outcome | BaseException | None] = queue.Queue(maxsize=4 * workers)
    stop = threading.Event()

    def put(item: Outcome | BaseException | None) -> None:
        while not stop.is_set():
            with suppress(queue.Full):
                outcomes.put(item, timeout=0.1)
                return

    def work() -> None:
        torch.set_num_threads(1)
        try:
            with torch.inference_mode():
                while not stop.is_set():
                    with lock:
                        task = next(remaining, None)
                    if task is None:
                        break
                    for outcome in measure(task, plan):
                        put(outcome)
                        if stop.is_set():
                            return
            put(None)
        except BaseException as error:  # the reader of the queue raises it
            put(error)

    threads_before = torch.get_num_threads()
    pool = [threading.Thread(target=work, name=f"hyra-{index}", daemon=True) for index in range(workers)]
    try:
        for thread in pool:
            thread.start()
        running = workers
        while running:
            item = outcomes.get()
            if isinstance(item, BaseException):
                raise item
            if item is None:
                running -= 1
            else:
                yield item
    finally:
        stop.set()
        for thread in pool:
            thread.join()
        torch.set_num_threads(threads_before)  # a library's own count is one for the process
