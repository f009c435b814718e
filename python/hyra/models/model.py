"""What a name stands for, and how to say why it stands for nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

Network = Callable[[Tensor], Any]


@dataclass(frozen=True)
class Model:
    """A network, and what is known about it before it is run.

    `network` takes ``[N, C, h, w]`` and is what `hyra.HyRA` wants; `scale` and `input_range` (the network's value of
    white) are None where only the caller can know them.
    """

    network: Network = field(repr=False)
    description: str
    scale: int | None = None
    input_range: float | None = None


def reason(error: BaseException) -> str:
    """What to repeat of another library's error: its first line, since torch's go on, and its kind where that helps."""
    line = f"{error}".strip().partition("\n")[0][:300]
    return line if isinstance(error, RuntimeError | ValueError) and line else f"{type(error).__name__} {line}".strip()


def no_consent(path: Path, code: str, way_on: str = "") -> ValueError:
    """The refusal of a file that holds code, before any of it has run."""
    return ValueError(
        f"{path} holds {code}, so that loading it would run code: if you trust where it comes from, "
        f"say --trust-code (in Python: trust_code=True){way_on}"
    )
