"""`--trust-code`: every command that takes a MODEL asks for it before a file may run code, and then runs it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hyra.cli import main

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # of torch, about TorchScript

COMMANDS = {
    "analyze": "an image is needed",
    "compare-models": None,
    "layers": "whose layers can be watched, got a TorchScript program",
    "probe": None,
}
"""What is still missing once the code may run."""


@pytest.fixture
def script(tmp_path):
    network = nn.Sequential(nn.Conv2d(3, 12, 1), nn.PixelShuffle(2))
    torch.jit.script(network).save(tmp_path / "network.pt")
    return str(tmp_path / "network.pt")


@pytest.mark.parametrize("command", COMMANDS)
def test_code_needs_consent(command, script, tmp_path, capsys):
    arguments = [command, script, "--size", "16", "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"hyra: {script} holds a TorchScript program, so that loading it would run code")
    assert "say --trust-code" in line
    missing = COMMANDS[command]
    assert main([*arguments, "--trust-code"]) == (2 if missing else 0)
    assert (missing or "") in capsys.readouterr().err


def test_the_way_on_reaches_the_command_line(tmp_path, capsys):
    pytest.importorskip("spandrel")
    torch.save({"params": {"head.weight": torch.zeros(3, 4)}}, tmp_path / "own.pth")
    assert main(["analyze", str(tmp_path / "own.pth")]) == 2
    sentence, *example = capsys.readouterr().err.splitlines()
    assert "no architecture that spandrel recognises (head.weight [3, 4])" in sentence
    assert example[0] == "For example, in a file upscaler.py, then named as upscaler.py:network:"
    assert example[-1].strip().startswith("network.load_state_dict(torch.load(")
    assert len(example) == 5
