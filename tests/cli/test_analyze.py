"""`hyra analyze` and `hyra demo`: the folder that they leave."""

from __future__ import annotations

import json

import pytest
import torch.nn.functional as F

import hyra
from hyra import images
from hyra.cli import main

FILES = {
    "decomposition.png",
    "decomposition.safetensors",
    "impulse_response.png",
    "profile.png",
    "radial_power.png",
    "report.html",
    "response.safetensors",
    "summary.json",
    "transfer_function.png",
}


def test_a_folder_with_figures_page_and_numbers(photograph, tmp_path, capsys):
    out = tmp_path / "a" / "b"
    assert main(["analyze", "bicubic", "--scale", "2", "--hr", str(photograph), "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir()} >= FILES
    assert capsys.readouterr().out.splitlines()[-1] == str(out / "report.html")
    summary = json.loads((out / "summary.json").read_text())
    assert summary["numbers"]["ring_cosine"] == pytest.approx(0.77, abs=0.01)
    assert summary["numbers"]["dc_gain"] == pytest.approx(1)
    split = hyra.Decomposition.load(out / "decomposition.safetensors")
    shares = summary["band_shares"]
    assert shares["linear"] == split.band_shares(width=0.25).linear.tolist()
    assert [len(shares[name]) for name in ("frequency", "linear", "nonlinear", "cross", "energy")] == [4] * 5
    ours, bicubic = summary["quality"]
    assert ours["psnr"] == pytest.approx(bicubic["psnr"])
    assert summary["provenance"]["model"] == "bicubic interpolation as MATLAB's imresize has it, a = -0.5"
    assert summary["provenance"]["image file"] == str(photograph)


def test_networks_of_range_255(photograph, tmp_path):
    (tmp_path / "network.py").write_text(
        "import torch.nn.functional as F\n"
        "def network(x):\n"
        "    return F.interpolate(x, scale_factor=3, mode='bilinear').round()\n"
    )
    spec = f"{tmp_path}/network.py:network"
    arguments = ["analyze", spec, "--image", str(photograph), "--input-range", "255", "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["provenance"]["scale"] == "×3"
    assert summary["numbers"]["dc_gain"] == pytest.approx(1, abs=0.01)
    assert summary["quality"] == []


def test_input_may_differ_from_the_reference(photograph, tmp_path):
    image = images.read(photograph)
    images.write(F.interpolate(image[None], scale_factor=2, mode="nearest")[0], tmp_path / "hr.png")
    arguments = ["--image", str(photograph), "--hr", str(tmp_path / "hr.png"), "--out", str(tmp_path / "out")]
    assert main(["analyze", "nearest", "--scale", "2", *arguments]) == 0
    ours, bicubic = json.loads((tmp_path / "out" / "summary.json").read_text())["quality"]
    assert ours["fsds"] == "inf"
    assert 5 < bicubic["fsds"] < 100


def test_warnings_are_told_and_kept(photograph, tmp_path, capsys):
    (tmp_path / "network.py").write_text(
        "import torch\n"
        "def network(x):\n"
        "    y = x.repeat_interleave(2, -1).repeat_interleave(2, -2)\n"
        "    return y + 100 * y * (x.amax() - x.amin() > 0.999)\n"
    )
    arguments = ["--image", str(photograph), "--out", str(tmp_path / "out")]
    assert main(["analyze", f"{tmp_path}/network.py:network", *arguments]) == 0
    (told,) = json.loads((tmp_path / "out" / "summary.json").read_text())["warnings"]
    assert "explodes" in told
    assert "The network explodes at this operating point" in (tmp_path / "out" / "report.html").read_text()
    assert f"hyra: warning: {told}" in capsys.readouterr().err


def test_the_local_response_and_what_torch_has_to_say(photograph, tmp_path, capsys):
    """Warnings about both operating points are told once, and those that torch raises inside the network are not."""
    (tmp_path / "network.py").write_text(
        "import warnings\n"
        "def network(x):\n"
        "    warnings.warn_explicit('deprecated', UserWarning, 'functional.py', 1, module='torch.functional')\n"
        "    y = x.repeat_interleave(2, -1).repeat_interleave(2, -2)\n"
        "    return y + 20 * (y - 0.5) * (y < 0.6)\n"
    )
    arguments = ["--image", str(photograph), "--form", "affine", "--out", str(tmp_path / "out")]
    assert main(["analyze", f"{tmp_path}/network.py:network", *arguments]) == 0
    told = json.loads((tmp_path / "out" / "summary.json").read_text())["warnings"]
    peak = "the response explodes, with a peak of"
    advice = "try another amplitude or background"
    assert told == [
        f"{peak} 11 at amplitude 1 on background 0: {advice}",
        f"{peak} 21 for small amplitudes on background 0.5: {advice}",
    ]
    assert "deprecated" not in capsys.readouterr().err


def test_tiles_give_the_same_report(photograph, tmp_path):
    arguments = ["analyze", "bicubic", "--scale", "2", "--image", str(photograph)]
    assert main([*arguments, "--out", str(tmp_path / "whole")]) == 0
    assert main([*arguments, "--tile", "16", "--halo", "4", "--out", str(tmp_path / "tiled")]) == 0
    whole, tiled = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("whole", "tiled"))
    assert tiled["numbers"] == pytest.approx(whole["numbers"], rel=1e-4, abs=1e-9, nan_ok=True)
    assert tiled["provenance"]["input"] == f"{whole['provenance']['input']}, tiles of 16"


def test_a_response_that_is_not_finite_is_a_result(photograph, tmp_path):
    (tmp_path / "network.py").write_text(
        "import torch\n"
        "def network(x):\n"
        "    y = x.repeat_interleave(2, -1).repeat_interleave(2, -2)\n"
        "    return y / (x.amax() < 0.999)\n"
    )
    arguments = ["--image", str(photograph), "--out", str(tmp_path / "out")]
    assert main(["analyze", f"{tmp_path}/network.py:network", *arguments]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["numbers"] == {}
    assert "is not finite" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize("scale", ["4", "2"])
def test_demo(scale, tmp_path):
    pytest.importorskip("skimage")
    assert main(["demo", "--scale", scale, "--out", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} >= FILES | {"over_image.png"}
    summary = json.loads((tmp_path / "summary.json").read_text())
    ours, bicubic = summary["quality"]
    assert ours["psnr"] > bicubic["psnr"]
    spread = summary["over_image"]
    assert spread["ring_cosine_least"] < 0.5 < spread["ring_cosine_median"] < spread["ring_cosine_most"]
    assert spread["contrast_correlation"] < -0.2
