"""The one message for a package that an extra would have installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def extra(name: str, purpose: str) -> Iterator[None]:
    """Make an import that fails inside name the extra to install: `purpose` is the subject of the sentence."""
    try:
        yield
    except ModuleNotFoundError as error:
        message = f"{purpose} needs the package {error.name!r}: pip install 'hyra[{name}]'"
        raise ModuleNotFoundError(message, name=error.name) from error
