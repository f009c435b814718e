"""`--input` and `--input-size`: networks that take more than an image, or one size of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import hyra
from hyra.cli import main

CODE = """
import torch

def network(x, gain, offset):
    gain = torch.as_tensor(gain, dtype=x.dtype)
    return x.repeat_interleave(2, -1).repeat_interleave(2, -2) * gain.reshape(-1)[0] + offset

def fixed(x):
    assert x.shape[-2:] == (24, 32)
    return torch.nn.functional.interpolate(x, scale_factor=2)
"""


@pytest.fixture
def probed(tmp_path, capsys):
    (tmp_path / "net.py").write_text(CODE)

    def run(name, *options):
        out = tmp_path / "out"
        common = ["--canvas", "24", "--size", "5", "--form", "affine", "--out", str(out)]
        code = main(["probe", f"{tmp_path}/net.py:{name}", *common, *options])
        return hyra.Probe.load(out / "probe.safetensors") if code == 0 else capsys.readouterr().err

    return run


@pytest.mark.parametrize("gain", ["0.5", "0.5,", "0.5,9", "map:0.5", "{folder}/gain.npy"])
def test_values(probed, tmp_path, gain):
    np.save(tmp_path / "gain.npy", np.array([0.5]))
    probe = probed("network", "--input", f"gain={gain.format(folder=tmp_path)}", "--input", "offset=0")
    assert probe.mean.main_lobe == pytest.approx(0.5, abs=1e-6)


def test_a_fixed_size(probed):
    assert probed("fixed", "--input-size", "24x32").mean.main_lobe == pytest.approx(1, abs=1e-6)


def test_what_is_no_value(probed, tmp_path, capsys):
    assert "input gain must be a number, numbers, map:NUMBER or a file, got 'much'" in probed(
        "network", "--input", "gain=much", "--input", "offset=0"
    )
    assert "--input must name each input once, got gain twice" in probed(
        "network", "--input", "gain=1", "--input", "gain=2"
    )
    (tmp_path / "bad.npy").write_bytes(b"text")
    assert "bad.npy is no .npy file of numbers" in probed("network", "--input", f"gain={tmp_path}/bad.npy")
    for option, value in (("--input", "gain"), ("--input", "=3"), ("--input-size", "24"), ("--input-size", "0x3")):
        with pytest.raises(SystemExit):
            main(["probe", "demo", option, value])
        assert f"must be {'NAME=VALUE' if option == '--input' else 'HxW'}" in capsys.readouterr().err


def test_an_image_is_a_value(probed, tmp_path):
    hyra.images.write(torch.full((3, 48, 48), 0.2), tmp_path / "offset.png")
    probe = probed("network", "--input", "gain=1", "--input", f"offset={tmp_path}/offset.png", "--no-pack")
    assert probe.mean.main_lobe == pytest.approx(1, abs=1e-5)
