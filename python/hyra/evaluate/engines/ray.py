"""The tasks of an evaluation on a Ray cluster, or on a Ray of its own on this machine.

Plain actors with one image each in flight, and not Ray Data: what goes to a worker are names of files and what comes
back a few numbers, so there are no blocks to move, and Ray Data would bring pyarrow and pandas for nothing. It hands a
block back when all of it is done, and computes all of it again when a worker dies; here a pair is kept as soon as it is
scored, and no other is lost. A network is loaded once for each actor.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from hyra._util.extra import extra
from hyra._util.texts import message
from hyra.evaluate.engines.pool import Report, outcomes
from hyra.evaluate.engines.threads import default_workers
from hyra.evaluate.work.plan import Plan
from hyra.evaluate.work.tasks import Outcome, Task, measure

OBJECT_STORE_BYTES = 128 << 20
"""Of a Ray that is started here: nothing large ever passes through it."""


@dataclass(frozen=True)
class RayEngine:
    """What `hyra.evaluate.evaluation.evaluate` takes as its `engine` for several machines.

    A worker computes one pair at a time on one thread, as those of the other engines do, so the scores have the same
    bits. On a GPU (`Plan.device` is ``"cuda"``) each actor has one, or its share where there are more workers than
    GPUs. An actor that dies is replaced, and goes on with the pair that it was at; if one kills several actors, that
    is its outcome. Files are read by the workers: every machine must see them under the same paths.

    Attributes:
        address: of a cluster, ``"auto"`` for the one that runs on this machine; None starts one on this machine, for
            as long as the evaluation takes. A Ray that the process is connected to already is used as it is.
        attempts: how many actors may die on the same pair.
    """

    address: str | None = None
    attempts: int = 3

    def __call__(self, tasks: Iterator[Task], plan: Plan, workers: int | None) -> Generator[Outcome, None, None]:
        """The outcomes of all tasks, in the order in which they are done.

        Args:
            tasks: taken as workers become free.
            plan: what to measure.
            workers: how many actors; one for each core of the cluster, or for each GPU, when None.

        Raises:
            ValueError: the device is a certain GPU, or one is asked for where there is none.
            ModuleNotFoundError: Ray is not installed.
            ConnectionError: there is no cluster at the address, or no worker could be started there.
        """
        device = torch.device(plan.device)
        if device.index is not None:
            raise ValueError(f"device must be cpu or cuda with Ray, which says which GPU is whose, got {plan.device}")
        with extra("ray", "the engine Ray"):
            import ray
        with _connected(ray, self.address, workers):
            count, resources = share(ray.cluster_resources(), device.type, workers)
            yield from outcomes(_Actors(ray, plan, resources), tasks, count, self.attempts)


def share(cluster: dict[str, float], device: str, workers: int | None) -> tuple[int, dict[str, float]]:
    """How many actors there are, and what each of them takes of the cluster.

    Raises:
        ValueError: there is no GPU.

    Example:
        >>> share({"CPU": 16.0, "GPU": 2.0}, "cpu", None), share({"CPU": 16.0, "GPU": 2.0}, "cuda", 8)
        ((16, {'num_cpus': 1}), (8, {'num_cpus': 1, 'num_gpus': 0.25}))
    """
    cpus, gpus = (int(cluster.get(name, 0)) for name in ("CPU", "GPU"))
    if device == "cpu":
        return max(1, min(workers or cpus, cpus)), {"num_cpus": 1}
    if not gpus:
        raise ValueError(f"device must be cpu where Ray knows of no GPU, got {device}")
    count = max(1, min(workers or gpus, cpus))
    return count, {"num_cpus": 1, "num_gpus": 1 if count <= gpus else gpus / count}


@contextmanager
def _connected(ray: Any, address: str | None, workers: int | None) -> Iterator[None]:
    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {"address": address, "log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody asked to be counted
        options |= {
            "address": "local",  # whatever the environment says
            "num_cpus": max(workers or 0, default_workers()),
            "object_store_memory": OBJECT_STORE_BYTES,
            "include_dashboard": False,
        }
    ray.init(**options)
    try:
        yield
    finally:
        ray.shutdown()


class _Worker:
    """What runs in an actor's process."""

    def __init__(self, folder: str) -> None:
        torch.set_num_threads(1)
        if os.path.isdir(folder):  # relative names mean what they mean to the driver
            os.chdir(folder)

    def ready(self) -> None:
        """Once it has started."""

    def measure(self, task: Task, plan: Plan) -> Iterator[Outcome]:
        with torch.inference_mode():
            yield from measure(task, plan)


class _Actors:
    """Of Ray, which tells of a stream of outcomes, or of the start of an actor."""

    def __init__(self, ray: Any, plan: Plan, resources: dict[str, float]) -> None:
        self._ray, self._plan = ray, plan
        self._actor = ray.remote(**resources, max_restarts=0)(_Worker)
        self._folder = os.getcwd()
        self._waiting: dict[Any, Any] = {}
        self._living: set[Any] = set()

    def start(self) -> Any:
        worker = self._actor.remote(self._folder)
        self._living.add(worker)
        self._waiting[worker.ready.remote()] = worker
        return worker

    def give(self, worker: Any, task: Task) -> None:
        self._waiting[worker.measure.options(num_returns="streaming").remote(task, self._plan)] = worker

    def report(self) -> Report:
        (told, *_), _ = self._ray.wait(list(self._waiting), num_returns=1)
        worker = self._waiting.pop(told)
        try:
            outcome = self._ray.get(next(told) if isinstance(told, Iterator) else told)
        except StopIteration:
            return Report(worker)
        except self._ray.exceptions.RayTaskError:
            raise
        except self._ray.exceptions.RayError as error:
            self._living.remove(worker)
            self._ray.kill(worker)
            return Report(worker, death=message(error))
        if outcome is not None:
            self._waiting[told] = worker
        return Report(worker, outcome)

    def stop(self) -> None:
        for worker in self._living:
            self._ray.kill(worker)
