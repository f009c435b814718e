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

SECONDS = 120
"""For all files together: a tenth is needed, and one that never ends takes them all."""


@pytest.fixture(scope="module")
def attempts(tmp_path_factory):
    """What became of every file, by name, after the canary was looked for."""
    folder, canary = tmp_path_factory.mktemp("checkpoints"), tmp_path_factory.mktemp("canary") / "canary"
    hostile_checkpoints.write(folder, canary)
    assert not canary.exists()
    log = canary.parent / "log"
    with log.open("w") as output:
        child = subprocess.run(
            [sys.executable, hostile_checkpoints.__file__, folder],
            timeout=SECONDS,
            cwd=canary.parent,
            env={**os.environ, "PYTHONPATH": str(Path(hyra.__file__).parent.parent)},
            stdout=output,
            check=False,
        )
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert child.returncode == 0, f"the child ended with {child.returncode} at {lines[-1:]}"
    assert sorted(path.name for path in canary.parent.iterdir()) == ["log"]
    return {line["name"]: line for line in lines if "name" in line}


def test_there_are_many(attempts):
    assert len(attempts) == len(hostile_checkpoints.FILES) >= 200


@pytest.mark.parametrize("name", hostile_checkpoints.FILES)
def test_hostile_file(attempts, name):
    """None is accepted: even those with a flipped bit hold no network."""
    attempt = attempts[name]
    message = attempt["message"]
    assert attempt["kind"] == "ValueError", message
    assert f"/{name} " in message
    assert message.isprintable(), message
    assert len(message) < 900
    code = name.startswith(("script", "endless", "program", "pickled")) or name.partition(".")[0] in ("os", "builtins")
    if code and not name.endswith(".safetensors"):
        assert "say --trust-code" in message


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
