"""Workers in processes of their own, each with one image at a time: what to give them, and what to do when one dies."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol as Interface

from hyra.evaluate.work.tasks import Outcome, Task


@dataclass(frozen=True)
class Report:
    """What a worker tells of itself.

    Attributes:
        worker: which one.
        outcome: of the first prediction that it had still to score; None where it waits for a task.
        death: why it is no more, None where it lives.
    """

    worker: Hashable
    outcome: Outcome | None = None
    death: str | None = None


class Workers(Interface):
    """Those of one engine."""

    def start(self) -> Hashable:
        """A new one, which reports once it waits for a task."""

    def give(self, worker: Hashable, task: Task) -> None:
        """To one that waits: it reports each outcome, and then that it waits again."""

    def report(self) -> Report:
        """The next of any of them.

        Raises:
            Exception: what a worker raised, which is a fault of the program.
        """

    def stop(self) -> None:
        """End all, whatever they are at."""


@dataclass
class _Job:
    """A task with the predictions that are still to be scored, and how many workers died on the first of them."""

    task: Task
    deaths: int = 0

    def done(self) -> None:
        self.task, self.deaths = replace(self.task, predictions=self.task.predictions[1:]), 0


def outcomes(workers: Workers, tasks: Iterator[Task], count: int, attempts: int) -> Iterator[Outcome]:
    """Of all tasks, in the order in which they are done.

    A worker that dies is replaced, and what is left of its task is given to another.

    Args:
        workers: who does them.
        tasks: taken as workers become free.
        count: how many workers.
        attempts: how many may die on the same pair, which is its outcome then, or one after the other before they have
            started.

    Raises:
        ConnectionError: no worker could be started.
    """
    jobs = map(_Job, tasks)
    doing: dict[Hashable, _Job | None] = {}  # None of one that is starting
    idle: list[Hashable] = []
    again: list[_Job] = []
    failures = 0
    try:
        for _ in range(count):
            doing[workers.start()] = None
        while True:
            while idle and (job := again.pop() if again else next(jobs, None)):
                worker = idle.pop()
                workers.give(worker, job.task)
                doing[worker] = job
            if idle and not any(doing.values()):  # some may be starting still, for nothing
                return
            report = workers.report()
            current = doing[report.worker]
            if report.death is not None:
                del doing[report.worker]
                idle = [worker for worker in idle if worker != report.worker]
                if current:
                    yield from _after(report.death, current, attempts)
                    again += [current] if current.task.predictions else []
                elif (failures := failures + 1) >= attempts:
                    raise ConnectionError(f"no worker could be started: {report.death}")
                doing[workers.start()] = None
            elif report.outcome is None or current is None:
                failures, doing[report.worker] = 0, None
                idle.append(report.worker)
            else:
                current.done()
                yield report.outcome
    finally:
        workers.stop()


def _after(death: str, job: _Job, attempts: int) -> Iterator[Outcome]:
    """A pair that kills one worker after the other is left out of its job."""
    job.deaths += 1
    if job.task.predictions and job.deaths >= attempts:
        first = job.task.predictions[0]
        place = (first.method, first.scale, job.task.image, first.source.name, job.task.target.name)
        yield Outcome(*place, error=f"{job.deaths} workers died on it, the last because: {death}")
        job.done()
