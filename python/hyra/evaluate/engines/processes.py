"""The tasks of an evaluation in processes of this machine, a core each.

Threads of one process share Python's lock: between the kernels of a pair of 256x256 pixels, about an eighth of the time
is Python, so eight threads are the most that such pairs keep busy. Processes share nothing, and a decoder that crashes
takes one of them with it, not the evaluation. Each takes seconds to start, so few pairs are done sooner on threads.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import IO, Any

import torch

from hyra._util import validate
from hyra._util.texts import message
from hyra.evaluate.engines.pool import Report, outcomes
from hyra.evaluate.engines.threads import default_workers
from hyra.evaluate.work.plan import Plan
from hyra.evaluate.work.tasks import Outcome, Task, measure

ATTEMPTS = 3
"""Workers that may die on the same pair."""

# Not multiprocessing's spawn: it runs the caller's script once more, which then must have a guard against that.
_PROGRAM = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from hyra.evaluate.engines.processes import serve; serve()"
)
_NOT_FOR_PROCESSES = "engine must be one of this process, whose work no other can do: "


def in_processes(tasks: Iterator[Task], plan: Plan, workers: int | None = None) -> Generator[Outcome, None, None]:
    """The outcomes of all tasks, in the order in which they are done.

    A worker computes one pair at a time on one thread, as those of the other engines do, so the scores have the same
    bits. One that dies is replaced by one that goes on with the pair that it was at; a pair that kills several has that
    for its outcome.

    Raises:
        ValueError: the plan's device is none of this machine.
        TypeError: a source of the tasks is of a class that another process cannot import.
        ConnectionError: no worker could be started.
    """
    validate.device("device", plan.device)
    yield from outcomes(_Processes(plan), tasks, workers or default_workers(), ATTEMPTS)


@dataclass(frozen=True)
class _Fault:
    """What a worker raised, which is a fault of the program or of what it was given."""

    error: str


@dataclass(frozen=True)
class _Death:
    """The last that is heard of a worker."""

    how: str


class _Processes:
    """A thread for each process waits for what it says."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._numbers = count()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._said: queue.Queue[tuple[int, Outcome | _Fault | _Death | None]] = queue.Queue()

    def start(self) -> int:
        number = next(self._numbers)
        process = subprocess.Popen([sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._running[number] = process
        threading.Thread(target=self._listen, args=(number, process), name=f"hyra-{number}", daemon=True).start()
        self._send(process, list(sys.path))
        self._send(process, self._plan)
        return number

    def give(self, worker: Any, task: Task) -> None:
        self._send(self._running[worker], task)

    def report(self) -> Report:
        worker, said = self._said.get()
        if isinstance(said, _Fault):
            raise TypeError(_NOT_FOR_PROCESSES + said.error)
        if isinstance(said, _Death):
            _close(self._running.pop(worker))
            return Report(worker, death=said.how)
        return Report(worker, said)

    def stop(self) -> None:
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait()
            _close(process)

    def _send(self, process: subprocess.Popen[bytes], item: object) -> None:
        assert process.stdin is not None
        try:
            data = pickle.dumps(item)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise TypeError(_NOT_FOR_PROCESSES + message(error)) from error
        with suppress(BrokenPipeError):  # its thread says that it died
            process.stdin.write(data)
            process.stdin.flush()

    def _listen(self, number: int, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout, suppress(EOFError, pickle.UnpicklingError):
            while True:
                self._said.put((number, pickle.load(process.stdout)))
        status = process.wait()
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        self._said.put((number, _Death(f"its process ended ({how})")))


def _close(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # what it never read
        process.stdin.close()


def serve() -> None:
    """What runs in a worker: it says None when it waits for a task, and each outcome of one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it is interrupted, too, and ends it
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a network prints is no reply
    torch.set_num_threads(1)
    with suppress(EOFError, BrokenPipeError):  # nobody is there any longer
        for said in _work(sys.stdin.buffer):
            pickle.dump(said, replies)
            replies.flush()


def _work(given: IO[bytes]) -> Iterator[Outcome | _Fault | None]:
    try:
        plan = pickle.load(given)
        while True:
            yield None
            task = pickle.load(given)
            with torch.inference_mode():
                yield from measure(task, plan)
    except EOFError:
        raise
    except Exception as error:
        yield _Fault(f"{type(error).__name__}: {message(error)}")
