"""Independent parts of an evaluation, for processes and machines that know nothing of each other."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_LAUNCHERS = (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS"))
"""What torchrun and Slurm tell each process; torchrun, which Slurm may have started, comes first."""


@dataclass(frozen=True)
class Shard:
    """One of several parts of the same size, to within an image.

    Images are dealt out by the order of their names: what a shard has does not depend on sizes or on the time, and all
    methods' predictions of an image are in the same one.

    Attributes:
        index: which one, from 0.
        count: how many there are.

    Raises:
        ValueError: there is no such part.

    Example:
        >>> Shard(1, 3).take(["a", "c", "e", "b", "d"]), Shard(1, 3).file(Path("scores.sqlite")).name
        (['b', 'e'], 'scores.1-of-3.sqlite')
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            parts = f"from 0/{self.count} to {self.count - 1}/{self.count}" if self.count > 0 else "such as 0/4"
            raise ValueError(f"shard must be {parts}, got {self}")

    @classmethod
    def parse(cls, text: str, environment: Mapping[str, str] | None = None) -> Self:
        """From ``INDEX/COUNT``, such as ``0/4``, or ``auto``: what torchrun or Slurm say in the environment.

        Raises:
            ValueError: it has another form, or there is no launcher.
        """
        if text == "auto":
            return cls._of_launcher(os.environ if environment is None else environment)
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text, re.ASCII)
        if match is None:
            raise ValueError(f"shard must be INDEX/COUNT, such as 0/4, or auto, got {text!r}")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def _of_launcher(cls, environment: Mapping[str, str]) -> Self:
        for names in _LAUNCHERS:
            values = [environment.get(name, "") for name in names]
            if all(values):
                return cls.parse("/".join(values))
        pairs = " nor ".join(" and ".join(names) for names in _LAUNCHERS)
        raise ValueError(f"shard can be auto only where torchrun or Slurm started the process, got neither {pairs}")

    def take(self, names: Sequence[str]) -> list[str]:
        """Its part of the names, sorted."""
        return sorted(names)[self.index :: self.count]

    def file(self, store: Path) -> Path:
        """Its own file: ``scores.sqlite`` becomes ``scores.0-of-4.sqlite``."""
        return store.with_name(f"{store.stem}.{self.index}-of-{self.count}{store.suffix}")

    def note(self, names: Sequence[str]) -> dict[str, Any]:
        """What a run of it says about itself, so that parts of different wholes are told apart; of all the names."""
        whole = hashlib.sha256("\0".join(sorted(names)).encode("utf-8", "surrogateescape")).hexdigest()
        return {"index": self.index, "count": self.count, "whole": whole}

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"
