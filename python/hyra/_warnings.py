"""Warnings kept, to be told again with more to say."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def recorded() -> Iterator[list[warnings.WarningMessage]]:
    """The warnings raised while it is open; torch's own are dropped, since a user of hyra cannot act on them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", module="torch")
        yield caught
