"""Build trees in one folder, of which the last used stay and older ones go, also beside processes that use theirs."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

KEPT = 3  # trees take some 400 MB each, and there is one for each checkout and interpreter


def hold(tree: Path) -> int:
    """Make the tree if it is not there, mark it as used now, and let none remove it while the descriptor is open.

    Trees besides the `KEPT` last used are removed, where no process holds them.
    """
    tree.parent.mkdir(parents=True, exist_ok=True)
    held = os.open(_mark(tree), os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_SH)  # waits while the tree is being removed
    os.utime(held)
    tree.mkdir(exist_ok=True)
    trees = sorted((path for path in tree.parent.iterdir() if path.is_dir()), key=_last_use, reverse=True)
    for old in trees[KEPT:]:
        _remove(old)
    return held


def _mark(tree: Path) -> Path:
    """A file beside the tree, which is never removed: a lock that others wait for must stay the same file."""
    return tree.with_name(f"{tree.name}.used")


def _last_use(tree: Path) -> float:
    mark = _mark(tree)
    return (mark if mark.exists() else tree).stat().st_mtime


def _remove(tree: Path) -> None:
    mark = os.open(_mark(tree), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:  # a process holds it
        return
    else:
        shutil.rmtree(tree, ignore_errors=True)
    finally:
        os.close(mark)
