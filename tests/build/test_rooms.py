"""Imports point down: the contract in pyproject.toml holds, and it fails where somebody breaks it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("importlinter")

ROOT = Path(__file__).parents[2]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """The contracts over the sources in `folder`."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from importlinter.cli import lint_imports;"
        "sys.exit(lint_imports(config_filename=sys.argv[2], no_cache=True))"
    )
    command = [sys.executable, "-c", program, str(folder), str(ROOT / "pyproject.toml")]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


@pytest.fixture
def sources(tmp_path):
    shutil.copytree(ROOT / "python" / "hyra", tmp_path / "hyra", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    return tmp_path


def test_holds(sources):
    result = lint(sources)
    assert result.returncode == 0, result.stdout
    assert "3 kept" in result.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("results/result.py", "from hyra import plots"),
        ("ops/mean_std.py", "from hyra.scores.fsds import fsds"),
        ("filters/sinc.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from hyra.analyzer import HyRA"),
        ("results/storage.py", "def late():\n    from hyra.results.result import Result"),  # a circle of two siblings
        ("evaluate/work/keys.py", "from hyra.evaluate.store.scores import Store"),
        ("_util/table.py", "import hyra"),  # the root imports every room
    ],
)
def test_fails_where_an_import_points_up(sources, file, line):
    with (sources / "hyra" / file).open("a") as opened:
        opened.write(f"\n{line}\n")
    assert lint(sources).returncode == 1


def test_a_new_room_must_be_given_its_place(sources):
    (sources / "hyra" / "attic.py").write_text('"""Nobody knows."""\n')
    assert lint(sources).returncode == 1
