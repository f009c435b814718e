"""Numbers of a training or an evaluation, written for TensorBoard, MLflow or Weights & Biases."""

from __future__ import annotations

import csv
import io
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

from hyra._util.extra import extra
from hyra._util.texts import printable

EXPERIMENT = "hyra"
"""Of MLflow, in which runs are."""

_MLFLOW_TEXT = 500
_WANDB_TAG = 64

Rows = Sequence[Sequence[str | float]]


class ScalarWriter(Protocol):
    """What a tracker needs of `torch.utils.tensorboard.SummaryWriter`."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        """Add one number to the curve `tag`."""


class RunWriter(ABC):
    """One run of such a tool; it ends with `close`, or with the block of a ``with``."""

    @abstractmethod
    def __init__(self, where: str, name: str, tags: Sequence[str]) -> None: ...

    @staticmethod
    @abstractmethod
    def load(where: str, /) -> Any:
        """What of the tool's package is needed to write there."""

    @abstractmethod
    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        """Add one number to the curve `tag`."""

    @abstractmethod
    def add_settings(self, settings: Mapping[str, Any]) -> None:
        """Say how the numbers came about."""

    @abstractmethod
    def add_table(self, name: str, columns: Sequence[str], rows: Rows) -> None:
        """Add a table, such as the scores of every image."""

    @abstractmethod
    def close(self) -> None:
        """Write what is not written yet."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_writer(destination: str, name: str, tags: Sequence[str] = ()) -> RunWriter:
    """A writer to ``tensorboard:DIR``, ``mlflow:URI`` or ``wandb:PROJECT``.

    The tools' own settings hold, such as WANDB_MODE=offline.

    Args:
        destination: where to.
        name: of the run; TensorBoard has none, but the folder.
        tags: words to find the run by, for W&B and MLflow.

    Raises:
        ValueError: it is none of these.
        ModuleNotFoundError: the tool is not installed.

    Example, where tensorboard is installed:
        with open_writer("tensorboard:curves", "edsr") as writer:
            tracker = Tracker(network, lr, hr, out="runs/edsr", writer=writer)
    """
    kind, where = _parsed(destination)
    with extra("track", f"writing to {kind}"):
        return _WRITERS[kind](where, printable(name), [printable(tag) for tag in tags])


def check_destination(destination: str) -> None:
    """Find out before the work whether `open_writer` knows such a destination, and the tool is installed.

    Raises:
        ValueError: it has another form.
        ModuleNotFoundError: the tool is not installed.

    Example:
        >>> check_destination("mlflow")
        Traceback (most recent call last):
        ...
        ValueError: destination must be tensorboard:DIR, mlflow:URI or wandb:PROJECT, got 'mlflow'
    """
    kind, where = _parsed(destination)
    with extra("track", f"writing to {kind}"):
        _WRITERS[kind].load(where)


def _parsed(destination: str) -> tuple[str, str]:
    kind, _, where = destination.partition(":")
    if kind not in _WRITERS or not where:
        raise ValueError(f"destination must be tensorboard:DIR, mlflow:URI or wandb:PROJECT, got {destination!r}")
    return kind, where


class _TensorBoard(RunWriter):
    """Curves; settings as a text; of a table a histogram of each column of numbers."""

    @staticmethod
    def load(_: str, /) -> Any:
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter

    def __init__(self, where: str, name: str, tags: Sequence[str]) -> None:
        self._writer, self._about, self._step = self.load(where)(where), {"run": name, "tags": " ".join(tags)}, 0

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        self._step = global_step
        self._writer.add_scalar(tag, scalar_value, global_step)

    def add_settings(self, settings: Mapping[str, Any]) -> None:
        lines = (f"    {name}: {value}" for name, value in _plain({**self._about, **settings}).items())
        self._writer.add_text("settings", "\n".join(lines), self._step)  # indented: it is no Markdown

    def add_table(self, name: str, columns: Sequence[str], rows: Rows) -> None:
        for column, values in zip(columns, zip(*rows, strict=True), strict=False):
            numbers = [value for value in values if isinstance(value, float) and math.isfinite(value)]
            if numbers:
                self._writer.add_histogram(f"{name}/{column}", _array(numbers), self._step)

    def close(self) -> None:
        self._writer.close()


class _MLflow(RunWriter):
    """Metrics; settings as parameters; tables as CSV artifacts."""

    @staticmethod
    def load(where: str, /) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=where)

    def __init__(self, where: str, name: str, tags: Sequence[str]) -> None:
        self._client = self.load(where)
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        number = self._client.create_experiment(EXPERIMENT) if experiment is None else experiment.experiment_id
        run = self._client.create_run(number, run_name=name, tags={_name(tag): "true" for tag in tags})
        self._run = run.info.run_id

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        self._client.log_metric(self._run, _name(tag), scalar_value, step=global_step)

    def add_settings(self, settings: Mapping[str, Any]) -> None:
        for name, value in _plain(settings).items():
            self._client.log_param(self._run, _name(name), value[:_MLFLOW_TEXT])

    def add_table(self, name: str, columns: Sequence[str], rows: Rows) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows((columns, *rows))
        content = text.getvalue().encode(errors="backslashreplace").decode()
        self._client.log_text(self._run, content, f"{_name(name)}.csv")

    def close(self) -> None:
        self._client.set_terminated(self._run)


class _WandB(RunWriter):
    """Metrics; settings as the run's configuration; tables as tables."""

    @staticmethod
    def load(_: str, /) -> Any:
        import wandb

        return wandb

    def __init__(self, where: str, name: str, tags: Sequence[str]) -> None:
        self._library = self.load(where)
        short = [tag[:_WANDB_TAG] for tag in tags if tag]
        self._run = self._library.init(project=where, name=name, tags=short)

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        self._run.log({tag: scalar_value}, step=global_step)

    def add_settings(self, settings: Mapping[str, Any]) -> None:
        self._run.config.update(dict(settings))

    def add_table(self, name: str, columns: Sequence[str], rows: Rows) -> None:
        self._run.log({name: self._library.Table(columns=list(columns), data=[list(row) for row in rows])})

    def close(self) -> None:
        self._run.finish()


_WRITERS: Mapping[str, type[RunWriter]] = {"tensorboard": _TensorBoard, "mlflow": _MLflow, "wandb": _WandB}


def _plain(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Settings as texts, those of a part of them by its name and theirs."""
    texts: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            texts |= _plain(value, f"{prefix}{name}/")
        else:
            texts[f"{prefix}{name}"] = str(value)
    return texts


def _name(tag: str) -> str:
    """As MLflow takes it: any other character than its own by its number, so that two names stay two."""
    return re.sub(r"[^A-Za-z0-9_. /:-]", lambda match: f"_{ord(match[0]):02x}_", tag)


def _array(numbers: Sequence[float]) -> Any:
    import numpy as np

    return np.array(numbers)
