"""`hyra evaluate --model`: networks on the command line."""

from __future__ import annotations

import csv
from fractions import Fraction

import pytest
import torch

import hyra
from hyra.cli import main
from hyra.evaluate.inputs.manifest import from_manifest
from hyra.images.resizing import imresize
from hyra.results.storage import from_bytes


def test_command_line(folder, capsys):
    command = [
        "evaluate",
        "--hr",
        str(folder / "hr"),
        "--modcrop",
        "--scores",
        "psnr",
        "--store",
        str(folder / "s.sqlite"),
    ]
    nets = folder / "nets.py"
    models = ["--model", "demo-x2", "--model", f"{nets}:noise", "--seeds", "3", "--network-columns"]
    table = folder / "table.csv"
    assert main([*command, *models, "--out", str(table)]) == 0
    first, second, *_ = csv.DictReader(table.read_text().splitlines())
    assert int(first["network_parameters"]) > 1000
    assert 0.9 < float(first["network_linear_share_0.125"]) < 1.1
    assert second["network_parameters"] == ""  # another seed of the same network
    out = capsys.readouterr().out
    assert "nets.py:noise#2" in out
    assert "over seeds" in out
    assert "±" in out
    assert "ring cosine" in out
    assert main([*command, "--model", "bicubic", "--scale", "2"]) == 0
    with hyra.evaluate.Runs(folder / "s.sqlite") as runs:
        (first, second) = runs.runs()
        assert [each["method"] for each in first.context["networks"]] == ["demo-x2#0", "nets.py:noise#0"]
        assert "networks" not in second.context


def test_responses_are_kept_for_the_page_and_merged(folder, capsys):
    pytest.importorskip("plotly")
    command = ["evaluate", "--hr", str(folder / "hr"), "--modcrop", "--scores", "psnr", "--run", "nets"]
    command += ["--model", "demo-x2", "--network-columns", "--store", str(folder / "part.sqlite")]
    for index in (0, 1):
        assert main([*command, "--shard", f"{index}/2"]) == 0
    whole = folder / "all.sqlite"
    assert main(["merge", str(whole), *map(str, sorted(folder.glob("part*.sqlite")))]) == 0
    with hyra.evaluate.Runs(whole) as runs:
        (content,) = runs.responses("nets").values()
    kept = from_bytes(content, hyra.ImpulseResponse, "it")
    torch.manual_seed(0)
    response = hyra.HyRA(hyra.models.load("demo-x2").network).impulse_response()
    assert torch.allclose(kept.response, response.cropped(32).response, atol=1e-5)
    page = folder / "page.html"
    assert main(["report", str(whole), "--out", str(page)]) == 0
    assert "demo-x2 at x2: impulse response." in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nothing"], "unknown model 'nothing'"),
        (["--model", "bicubic"], "works at any scale"),
        (["--model", "demo", "--scale", "3"], "has scale 4"),
        (["--model", "demo", "--lr", "nowhere"], "no such folder: nowhere"),
        (["--model", "demo", "--model", "demo"], "is given twice"),
        (["--model", "demo", "--device", "warp"], "device must be one that torch can use here"),
        (["--model", "demo", "--input-range", "0"], "input_range must be"),
        (["--layout", "results", "--seeds", "2"], "--seeds must be given with --model"),
        (["--layout", "results", "--input", "sigma=1"], "--input must be given with --model"),
        (
            ["--model", "nets.py:dimmed", "--input", "sigma=much"],
            "input sigma must be a number, numbers, map:NUMBER or a file",
        ),
        (["--layout", "results", "--network-columns"], "no such folder: results"),
        ([], "or --model must be given"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_image(folder, capsys, arguments, message):
    assert main(["evaluate", "--hr", str(folder / "hr"), *arguments]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert len(said.err.splitlines()) == 1
    assert not said.out


def test_inputs_beside_the_image(folder):
    command = ["evaluate", "--hr", str(folder / "hr"), "--modcrop", "--scores", "psnr", "--scale", "2"]
    table = folder / "table.csv"
    model = ["--model", f"{folder / 'nets.py'}:dimmed"]
    assert main([*command, "--model", "nearest", *model, "--input", "gain=1", "--out", str(table)]) == 0
    nearest, dimmed = csv.DictReader(table.read_text().splitlines())
    assert dimmed["psnr"] == nearest["psnr"]
    with pytest.raises(ValueError, match="inputs must be left out for nearest, which takes an image alone, got gain"):
        hyra.models.load("nearest", 2, inputs={"gain": 1})


def test_several_scales(folder, capsys):
    """Each network at those that it has; a name may hold the scale."""
    command = ["evaluate", "--hr", str(folder / "hr"), "--modcrop", "--scores", "psnr", "--scale", "2", "3", "4"]
    table = folder / "table.csv"
    assert main([*command, "--model", "bicubic", "--model", "demo", "--out", str(table)]) == 0
    rows = [(row["method"], float(row["scale"])) for row in csv.DictReader(table.read_text().splitlines())]
    assert rows == [("bicubic", 2), ("bicubic", 3), ("bicubic", 4), ("demo", 4)]
    assert main([*command[:-2], "--model", "demo-x{scale}", "--out", str(table)]) == 0
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert (row["method"], row["scale"]) == ("demo-x2", "2.0")
    assert main([*command[:-3], "2", "3", "--model", "demo"]) == 2
    assert "has scale 4, got scale=3" in capsys.readouterr().err


ANY_SCALE = """
from torch.nn.functional import interpolate


def network(x, scale):
    return interpolate(x, scale_factor=(scale, scale), mode="nearest", recompute_scale_factor=False)
"""


def bytes_of(file):
    return hyra.images.read(file).mul(255).round().to(torch.uint8)


def test_a_scale_between_the_integers(folder, capsys):
    """References are cut to multiples of 5, and their LR images are exactly 2/5 as large."""
    command = [
        "evaluate",
        "--hr",
        str(folder / "hr"),
        "--modcrop",
        "--protocol",
        "channels=rgb,crop=0",
        "--scores",
        "psnr",
    ]
    table, kept = folder / "table.csv", folder / "kept"
    options = ["--scale", "5/2", "2", "--save-images", str(kept), "--out", str(table)]
    assert main([*command, "--model", "bicubic", "--model", "nearest", *options]) == 0
    capsys.readouterr()
    rows = {(row["method"], float(row["scale"])): float(row["psnr"]) for row in csv.DictReader(table.open())}
    assert set(rows) == {(name, scale) for name in ("bicubic", "nearest") for scale in (2, 2.5)}
    scores = []
    for file in sorted((folder / "hr").iterdir()):
        hr = bytes_of(file)
        hr = hr[:, : hr.shape[1] // 5 * 5, : hr.shape[2] // 5 * 5]
        lr = imresize(hr, size=[2 * side // 5 for side in hr.shape[1:]]).float() / 255
        output = hyra.HyRA(hyra.models.load("bicubic", Fraction(5, 2)).network, 2.5).network.run(lr[None])[0]
        output = output.clamp(0, 1).mul(255).round().to(torch.uint8)
        assert torch.equal(bytes_of(kept / "bicubic" / "x2.5" / f"{file.stem}.png"), output)
        scores.append(float(hyra.psnr(output, hr)))
    assert rows["bicubic", 2.5] == pytest.approx(sum(scores) / len(scores), abs=1e-4)

    (folder / "any.py").write_text(ANY_SCALE)
    model = ["--model", f"{folder / 'any.py'}:network", "--adapter", "at_scale", "--scale", "2.5"]
    assert main([*command, *model, "--out", str(table)]) == 0
    (row,) = csv.DictReader(table.open())
    assert float(row["psnr"]) == pytest.approx(rows["nearest", 2.5], abs=1e-4)


def test_a_manifest_with_a_scale_between_the_integers(folder):
    text = 'hr = "hr"\nmodcrop = true\nscores = ["psnr"]\n[[method]]\nmodel = "nearest"\nscale = ["5/2", 2]\n'
    (folder / "any.toml").write_text(text)
    methods, _ = from_manifest(folder / "any.toml")
    assert [method.scale for method in methods] == [2.5, 2]
    assert methods[0].spec.scale == Fraction(5, 2)
