"""Texts of other hands (names of files, keys, messages of libraries) as a part of one of our sentences."""

from __future__ import annotations


def printable(text: str, length: int | None = None) -> str:
    r"""The beginning of a text, as one line that does nothing to a terminal.

    Example:
        >>> print(printable("two\nlines", 6))
        two\nli
    """
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text[:length])


def message(error: BaseException, length: int = 500) -> str:
    r"""What an exception says, on one line: its beginning and its end, where long ones have their cause.

    Example:
        >>> message(ValueError("first line\n  second line"))
        'first line second line'
    """
    try:
        line = " ".join(str(error).split())
    except Exception:  # it cannot even say it
        return ""
    half = length // 2
    return printable(line if len(line) <= length else f"{line[:half]} ... {line[-half:]}", length + 5)
