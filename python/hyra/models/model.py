"""What a name stands for, and how to say why it stands for nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from hyra._util.texts import printable

Network = Callable[[Tensor], Any]


class ScaleError(ValueError):
    """A network has another scale than the one that was asked for."""


@dataclass(frozen=True)
class Model:
    """A network, and what is known about it before it is run.

    `network` takes ``[N, C, h, w]`` and is what `hyra.HyRA` wants; `scale`, `input_range` (the network's value of
    white) and `channels` (the colours that it takes) are None where only the caller, or a run, can know them.
    """

    network: Network = field(repr=False)
    description: str
    scale: int | Fraction | None = None
    input_range: float | None = None
    channels: int | None = None


def reason(error: BaseException) -> str:
    """What to repeat of another library's error: its first sentence, and its kind where that helps."""
    line = printable(f"{error}".strip().partition("\n")[0].partition(". ")[0], 200).rstrip(".")
    return line if isinstance(error, RuntimeError | ValueError) and line else f"{type(error).__name__} {line}".strip()


def no_consent(path: Path, code: str, way_on: str = "") -> ValueError:
    """The refusal of a file that holds code, before any of it has run."""
    return ValueError(
        f"{path} holds {code}, so that loading it would run code: if you trust where it comes from, "
        f"say --trust-code (in Python: trust_code=True){way_on}"
    )


def damaged(path: Path, error: Exception) -> ValueError:
    """The refusal of a file that cannot be read as what it should be."""
    if text := first_line(path):
        return ValueError(f"{path} is a text that begins with {text!r}, no network: download the file itself")
    return ValueError(f"{path} is damaged or incomplete: download it, or save it, again ({reason(error)})")


def first_line(path: Path) -> str:
    """How a text begins, such as the web page or the pointer of Git LFS that came instead of a file; else nothing."""
    with path.open("rb") as file:
        start = file.read(200)
    line = start.partition(b"\n")[0].strip()[:60]
    return line.decode() if len(start) > 20 and start.isascii() and line.decode().isprintable() else ""
