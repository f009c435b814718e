"""The build trees that stay in the folder for temporary files."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import threading

import pytest

from cuda_on_cpu import trees


@pytest.fixture
def hold(tmp_path):
    held = []

    def hold(name):
        descriptor = trees.hold(tmp_path / "trees" / name)
        held.append(descriptor)
        return descriptor

    yield hold
    for descriptor in held:
        os.close(descriptor)


def used_before(tmp_path, *names):
    """Trees that no process uses any more, the first one used last."""
    for age, name in enumerate(names, start=1):
        tree = tmp_path / "trees" / name
        os.close(trees.hold(tree))
        (tree / "object.o").touch()
        os.utime(trees._mark(tree), (1e9 - age, 1e9 - age))


def present(tmp_path):
    return {path.name for path in (tmp_path / "trees").iterdir() if path.is_dir()}


def test_the_last_used_stay(hold, tmp_path):
    used_before(tmp_path, "a", "b", "c")
    hold("new")
    assert present(tmp_path) == {"new", "a", "b"}
    hold("b")
    hold("newer")
    assert present(tmp_path) == {"newer", "b", "new"}


def test_a_tree_of_before_there_were_marks_goes(hold, tmp_path):
    used_before(tmp_path, "a", "b")
    old = tmp_path / "trees" / "old"
    old.mkdir()
    os.utime(old, (1e8, 1e8))
    hold("new")
    assert present(tmp_path) == {"new", "a", "b"}


def test_what_another_process_uses_stays(hold, tmp_path):
    used_before(tmp_path, "a", "b", "c")
    program = (
        "import sys; from pathlib import Path; from cuda_on_cpu import trees; "
        "trees.hold(Path(sys.argv[1])); print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "trees" / "other")]
    environment = os.environ | {"PYTHONPATH": str(trees.Path(trees.__file__).parents[1])}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        os.utime(trees._mark(tmp_path / "trees" / "other"), (1e8, 1e8))
        hold("new")
        assert present(tmp_path) == {"new", "a", "b", "other"}
        other.stdin.close()
        other.wait()
    hold("newer")
    assert present(tmp_path) == {"newer", "new", "a"}


def test_none_enters_a_tree_that_is_being_removed(hold, tmp_path):
    used_before(tmp_path, "a")
    tree = tmp_path / "trees" / "a"
    removing = os.open(trees._mark(tree), os.O_RDWR)
    fcntl.flock(removing, fcntl.LOCK_EX)
    entering = threading.Thread(target=hold, args=("a",))
    entering.start()
    entering.join(0.1)
    assert entering.is_alive()
    shutil.rmtree(tree)
    os.close(removing)
    entering.join()
    assert tree.is_dir()
