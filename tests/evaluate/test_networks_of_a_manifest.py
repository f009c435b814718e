"""Networks beside folders in a manifest."""

from __future__ import annotations

import json

import pytest

from hyra import images
from hyra.cli import main
from hyra.evaluate.evaluation import evaluate
from hyra.evaluate.inputs.manifest import from_manifest
from hyra.evaluate.inputs.networks import network_methods
from hyra.evaluate.inputs.running import NetworkSpec
from hyra.evaluate.work.plan import Plan

MANIFEST = """
hr = "hr"
protocol = "y"
scores = ["psnr"]
modcrop = true

[[method]]
name = "kept"
scale = [2, 4]
sr = "kept/x{scale}"

[[method]]
model = "bicubic"
scale = [2, 4]

[[method]]
name = "mine"
model = "nets.py:noise"
scale = 2
seeds = 2
tile = 64
halo = 0

[[method]]
model = "nets.py:dimmed"
scale = 2
inputs = { gain = 0.5 }
"""


def test_networks_of_a_manifest(folder, capsys):
    """Beside folders, relative to the file, at several scales."""
    for scale in (2, 4):
        for output in network_methods([NetworkSpec.find("nearest", scale)], folder / "hr")[0].outputs():
            images.write(output.read() / 255, folder / "kept" / f"x{scale}" / f"{output.image}.png")
    (folder / "table.toml").write_text(MANIFEST)
    table = folder / "table.json"
    arguments = ["evaluate", "--manifest", str(folder / "table.toml"), "--out", str(table), "--network-columns"]
    assert main(arguments) == 0
    document = json.loads(table.read_text())
    assert [(row["method"], row["scale"]) for row in document["rows"]] == [
        ("kept", 2),
        ("bicubic", 2),
        ("mine#0", 2),
        ("mine#1", 2),
        ("nets.py:dimmed", 2),
        ("kept", 4),
        ("bicubic", 4),
    ]
    assert ["network" in row for row in document["rows"]] == [False, True, True, False, True, False, True]
    assert "over seeds" in capsys.readouterr().out
    direct = network_methods([NetworkSpec.find("bicubic", 4)], folder / "hr")
    expected = evaluate(direct, Plan(("psnr",), "y", modcrop=True), progress=False).summaries()[0].means[0].value
    assert document["rows"][-1]["scores"]["psnr"]["mean"] == expected


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('model = "bicubic"', "works at any scale"),
        ('model = "bicubic"\nscale = 2.7182818', "scale must be"),
        ('model = "bicubic"\nscale = [2, "four"]', "scale must be"),
        ('model = "bicubic"\nscale = 2\nsr = "x"', "must have sr, a folder of images, or model, a network, got both"),
        ("model = 3\nscale = 2", "model must be of the type str"),
        ('model = "bicubic"\nscale = 2\ntile = 0', "tile must be"),
        ('model = "bicubic"\nscale = 2\nseeds = true', "seeds must be"),
        ('model = "bicubic"\nscale = 2\ntrust_code = true', "got trust_code"),
        ('model = "demo"\nscale = 3', "has scale 4"),
        ('model = "bicubic"\nscale = 2\ninputs = 3', "inputs must be of the type dict"),
        ('model = "bicubic"\nscale = 2\ninput_size = 3', r"input_size must be \[height, width\]"),
        ('name = "A"\nscale = []\nsr = "kept"', r"at least one \[\[method\]\]"),
    ],
)
def test_a_manifest_says_what_is_wrong_with_a_network(folder, lines, message):
    (folder / "table.toml").write_text(f"hr = 'hr'\n[[method]]\n{lines}\n")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        from_manifest(folder / "table.toml")


def test_a_manifest_names_every_setting_that_it_may_have(tmp_path):
    (tmp_path / "table.toml").write_text("hrr = 'hr'\n")
    with pytest.raises(ValueError, match="keys must be among hr, scores, protocol, modcrop, device, method, got hrr"):
        from_manifest(tmp_path / "table.toml")
