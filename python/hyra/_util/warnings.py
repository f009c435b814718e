"""Warnings: given where a user can act on them, and kept to be told again with more to say."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_PACKAGE = str(Path(__file__).parents[1])


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line outside hyra that led here, however many calls lie in between."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and (_is_importing(frame) or frame.f_code.co_filename.startswith(_PACKAGE)):
        frame = frame.f_back
        level += not _is_importing(frame)  # as Python counts
    warnings.warn(message, category, stacklevel=level)


def _is_importing(frame: FrameType) -> bool:
    return "importlib" in frame.f_code.co_filename and "_bootstrap" in frame.f_code.co_filename


@contextmanager
def recorded() -> Iterator[list[warnings.WarningMessage]]:
    """The warnings raised while it is open, without those that a user of hyra cannot act on.

    These are torch's own, and what any library, or a network's code, says of calls that are going out of use.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", module="torch")
        for kind in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", kind)
        yield caught
