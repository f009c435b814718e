"""A checkpoint is never code: hostile and damaged files get one sentence, run nothing and end."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import hostile_checkpoints
import pytest

import hyra
from hyra import models

pytest.importorskip("spandrel")

SECONDS = 300
"""For all files together: a tenth is needed on a quiet machine, and one that never ends takes them all."""


@pytest.fixture
def attempts(tmp_path):
    """What became of every file in a child that had to end, after the canary was looked for."""
    files, elsewhere = tmp_path / "checkpoints", tmp_path / "elsewhere"
    files.mkdir()
    elsewhere.mkdir()
    hostile_checkpoints.write(files, elsewhere / "canary")
    with (tmp_path / "log").open("w") as log:
        child = subprocess.run(
            [sys.executable, hostile_checkpoints.__file__, files],
            timeout=SECONDS,
            cwd=elsewhere,
            env={**os.environ, "PYTHONPATH": str(Path(hyra.__file__).parent.parent)},
            stdout=log,
            check=False,
        )
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert child.returncode == 0, f"the child ended with {child.returncode} at {lines[-1:]}"
    assert not list(elsewhere.iterdir()), "some file ran its code"
    return [line for line in lines if "name" in line]


def test_hostile_files_get_one_sentence_and_run_nothing(attempts):
    """None is accepted: even those with a flipped bit hold no network."""
    assert len(attempts) == len(hostile_checkpoints.FILES) >= 200
    wrong = []
    for attempt in attempts:
        name, message = attempt["name"], attempt["message"]
        is_sentence = f"/{name} " in message and message.isprintable() and len(message) < 900
        holds_code = name.startswith(("script", "endless", "program", "pickled", "os.", "builtins."))
        asks = "say --trust-code" in message or not holds_code or name.endswith(".safetensors")
        if attempt["kind"] != "ValueError" or not is_sentence or not asks:
            wrong.append(attempt)
    assert not wrong


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    "name", ["script.pth", "script.ckpt", "saved.pth", "saved.old.pth", "builtins.exec.pth", "pickle4.pt"]
)
def test_the_same_files_run_with_consent(tmp_path, name):
    """So the canary would have told."""
    path, canary = tmp_path / name, tmp_path / "canary"
    path.write_bytes(hostile_checkpoints.FILES[name](canary))
    with contextlib.suppress(ValueError):  # what has run need not be a network
        models.load(path, trust_code=True)
    assert canary.exists()


@pytest.mark.parametrize("name", [name for name in hostile_checkpoints.FILES if name.endswith(".safetensors")])
def test_safetensors_are_never_code(tmp_path, name):
    path, canary = tmp_path / name, tmp_path / "canary"
    path.write_bytes(hostile_checkpoints.FILES[name](canary))
    with pytest.raises(ValueError, match=r"\.safetensors "):
        models.load(path, trust_code=True)
    assert not canary.exists()
