"""The one message for a missing package of the `demo` extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def demo_extra() -> Iterator[None]:
    """Make an import that fails inside name the extra to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        message = f"hyra.demo needs the package {error.name!r}: pip install 'hyra[demo]'"
        raise ModuleNotFoundError(message, name=error.name) from error
