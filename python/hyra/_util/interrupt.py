"""Ctrl-C while the command `hyra` imports torch, for a second in which nothing of ours could catch it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import NoReturn

SENTENCE = b"hyra: interrupted\n"
CODE = 130
"""What shells report of a command that Ctrl-C ended."""


def leave_quietly() -> None:
    """Let Ctrl-C end the process with one sentence, where it is the command and the signal has its usual meaning."""
    if not _is_command() or threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def raise_again() -> None:
    """Let Ctrl-C raise `KeyboardInterrupt` again: from here on it is caught, and files are left whole."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_command() -> bool:
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    if name == "-m":  # Python has not found out yet what is to run
        options = sys.orig_argv
        return options[options.index("-m") + 1 :][:1] == ["hyra"] if "-m" in options else False
    return os.path.splitext(name)[0] == "hyra" and not name.endswith(".py")


def _leave(*_: object) -> NoReturn:
    os.write(2, SENTENCE)
    os._exit(CODE)
