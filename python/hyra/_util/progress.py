"""A progress bar where tqdm is installed and someone is watching; silence otherwise."""

from __future__ import annotations

from types import TracebackType
from typing import Any


class Progress:
    """A bar of `total` steps, with rate and time left, on a terminal's standard error."""

    def __init__(self, total: int, unit: str, *, enabled: bool = True) -> None:
        self._bar: Any = None
        if enabled:
            try:
                from tqdm import tqdm
            except ModuleNotFoundError:
                return
            self._bar = tqdm(total=total, unit=unit, disable=None, leave=False)

    def update(self, steps: int) -> None:
        """Steps that are done."""
        if self._bar is not None:
            self._bar.update(steps)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
