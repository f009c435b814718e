"""Methods scored on many images, kept as they are scored, and summed up."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hyra._util.progress import Progress
from hyra.environment import environment
from hyra.evaluate.engines.threads import in_threads
from hyra.evaluate.inputs.methods import Method, check_names
from hyra.evaluate.store.runs import Run, Runs, storable
from hyra.evaluate.store.scores import StoreError
from hyra.evaluate.store.shards import Shard
from hyra.evaluate.tables.summary import Summary, summaries
from hyra.evaluate.tables.table import Table, table_of
from hyra.evaluate.work.keys import Key
from hyra.evaluate.work.plan import Plan
from hyra.evaluate.work.sources import Source
from hyra.evaluate.work.tasks import Outcome, Prediction, Task

Engine = Callable[[Iterator[Task], Plan, int | None], Generator[Outcome, None, None]]


@dataclass(frozen=True)
class Evaluation:
    """A run with all that it measured.

    Attributes:
        run: what was measured, and when.
        outcomes: every pair, in the order of methods, scales and images.
    """

    run: Run
    outcomes: tuple[Outcome, ...]

    @classmethod
    def load(cls, runs: Runs, name: str) -> Evaluation:
        """A run of a store."""
        return cls(runs.run(name), tuple(runs.outcomes(name)))

    def summaries(self) -> list[Summary]:
        """A line for each method and scale: means, intervals, and what they leave out."""
        return summaries(self.outcomes, self.run.plan.scores)

    def table(self, against: str | None = None) -> Table:
        """The means of every score, ranked, with their intervals; printed, as text.

        Args:
            against: ``"paper"`` puts the rows of the published Table 1 that are of these methods and images beside it,
                ``"paper:HAT,EDSR"`` those of other methods, too; with differences where all was measured alike.

        Raises:
            ValueError: nothing of that name is published.
        """
        images = {outcome.image for outcome in self.outcomes}
        return table_of(self.run, self.summaries(), against=against, images=images)


def evaluate(
    methods: Sequence[Method],
    plan: Plan | None = None,
    *,
    store: str | Path | Runs | None = None,
    name: str | None = None,
    tags: Sequence[str] = (),
    about: Mapping[str, Any] | None = None,
    allow_missing: bool = False,
    workers: int | None = None,
    engine: Engine = in_threads,
    shard: Shard | None = None,
    progress: bool = True,
    log: Callable[[Outcome], None] = lambda _: None,
) -> Evaluation:
    """Score the images of several methods.

    Every pair is kept as soon as it is scored. Where the store knows the contents of a pair's files, its scores are
    taken from there: the same call goes on after an interruption, and computes again only what has changed.

    Args:
        methods: what to score, each with its folder of references.
        plan: the scores and the protocol; by default PSNR, SSIM and FSDS by the paper's.
        store: a file that keeps the scores, made if it is not there, or an open `Runs`; None keeps nothing.
        name: of the run; one of that name in the store is measured anew. By default that of an interrupted run of the
            same methods, scores and protocol, or the time at which this one starts.
        tags: words to find the run by.
        about: what else to keep of the run in its context, as JSON has it.
        allow_missing: leave out, with a warning, images without a partner of the same name, or with several.
        workers: images worked on at the same time, each on one thread; by default one for each core.
        engine: what does the work: threads of this process, `hyra.evaluate.in_processes` where the images are small and
            the cores many, or a `hyra.evaluate.RayEngine`.
        shard: the part of the images to work on; `hyra.evaluate.merge` puts the stores of all parts together.
            The run must have a name, the same for all.
        progress: show a bar on a terminal.
        log: called with each outcome as it comes.

    Raises:
        ValueError: no methods, two of one name and scale, images without a partner, or a shard without a name.
        NotADirectoryError: a folder is not there.

    Example:
        >>> import tempfile, torch, hyra
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     hr = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
        ...     for name, image in (("hr/a.png", hr), ("sr/a.png", 0.9 * hr)):
        ...         hyra.images.write(image, f"{folder}/{name}")
        ...     method = Method("dark", 2, Path(folder, "sr"), Path(folder, "hr"))
        ...     result = evaluate([method], Plan(("psnr", "ssim")))
        >>> for line in str(result.table()).splitlines()[:2]:
        ...     print(line)
        method  scale  PSNR (dB)      SSIM    images
        dark       x2      24.80 *  0.9890 *       1
    """
    plan = plan or Plan()
    plan.check()
    if shard and name is None:
        raise ValueError("name must be given with a shard, the same for all: by it they become one run, got none")
    work = _grouped(check_names(methods), allow_missing)
    notes: dict[str, Any] = {**(about or {}), "tags": list(tags)}
    if shard:
        notes["shard"] = shard.note([sr.name for _, predictions in work.values() for _, sr in predictions])
        part = set(shard.take(list(work)))
        work = {target: value for target, value in work.items() if target in part}
    order = {method.name: place for place, method in enumerate(methods)}
    total = sum(len(predictions) for _, predictions in work.values())
    with nullcontext(store) if isinstance(store, Runs) else Runs(None if store is None else Path(store)) as runs:
        results = engine(_tasks(work, runs), plan, workers)
        inputs = [[method.name, method.scale, str(method.sr), str(method.hr)] for method in methods]
        name = storable(name or "") or _interrupted(runs, plan, inputs) or _new_name(runs)
        runs.begin(name, plan, inputs, {**context(), **notes})
        places = {(method.name, method.scale, hr.image) for hr, of in work.values() for method, _ in of}
        runs.keep_only(name, places)
        with Progress(total, "image", enabled=progress) as bar, closing(results):
            for outcome in results:
                runs.add(name, order[outcome.method], outcome)
                log(outcome)
                bar.update(1)
        runs.finish(name)
        return Evaluation.load(runs, name)


def context() -> dict[str, Any]:
    """What a run's numbers were measured with."""
    git = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        commit = subprocess.run(git, capture_output=True, text=True, check=False, timeout=5).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        commit = ""
    return {"commit": commit or None, "host": platform.node(), "environment": environment()}


_Work = dict[str, tuple[Source, list[tuple[Method, Source]]]]


def _grouped(methods: Sequence[Method], allow_missing: bool) -> _Work:
    """All predictions of each reference, the largest files first: no worker is left with one at the end."""
    work: _Work = {}
    for method in methods:
        for sr, hr in method.sources(allow_missing=allow_missing):
            work.setdefault(hr.name, (hr, []))[1].append((method, sr))
    return dict(sorted(work.items(), key=lambda item: -item[1][0].size * len(item[1][1])))


def _tasks(work: _Work, runs: Runs) -> Iterator[Task]:
    has_scores = not runs.is_empty()
    for target, predictions in work.values():
        listed = tuple(Prediction(method.name, method.scale, source) for method, source in predictions)
        yield Task(target.image, target, listed, _known(target, runs) if has_scores else {})


def _known(target: Source, runs: Runs) -> dict[Key, float]:
    """What the store has of a reference's content, wherever it lies now."""
    try:
        return runs.known(target.digest)
    except StoreError:
        raise
    except OSError:  # the worker that reads it says why
        return {}


def _interrupted(runs: Runs, plan: Plan, methods: list[list[Any]]) -> str | None:
    """The newest run, where it came to no end and is of the same."""
    newest = next(reversed(runs.runs()), None)
    same = newest and newest.finished is None and newest.plan == plan and newest.methods == methods
    return newest.name if newest and same else None


def _new_name(runs: Runs) -> str:
    """A name that no run has: the time, and a number where that is taken."""
    taken = {run.name for run in runs.runs()}
    now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
    names = (now if not count else f"{now} ({count + 1})" for count in range(len(taken) + 1))
    return next(name for name in names if name not in taken)
