"""`hyra compare-models`: the table printed, table, figure and comparison on disk."""

import torch

import hyra
from hyra.cli import main


def test_prints_the_table_and_writes_everything(photograph, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["nearest", "bicubic", "--scale", "2", "--hr", str(photograph), "--size", "24", "--out", str(out)]
    assert main(["compare-models", *arguments]) == 0
    found = hyra.ModelComparison.load(out / "comparison.safetensors")
    assert [model.name for model in found.models] == ["bicubic", "nearest"]
    assert found.target.shape == (3, 48, 64)
    *table, last = capsys.readouterr().out.splitlines()
    assert table == found.table().splitlines() == (out / "comparison.txt").read_text().splitlines()
    assert last == str(out / "comparison.png")
    assert (out / "comparison.png").stat().st_size > 10_000


def test_models_named_twice(capsys):
    assert main(["compare-models", "bicubic", "bicubic", "--scale", "2"]) == 2
    assert "every MODEL must be named once, got bicubic bicubic" in capsys.readouterr().err


def test_equal_file_names_are_told_apart(photograph, tmp_path):
    code = "import torch\nnetwork = torch.nn.Upsample(scale_factor=2)\n"
    specs = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.py").write_text(code)
        specs.append(f"{tmp_path / folder}/net.py:network")
    assert main(["compare-models", *specs, "--size", "24", "--out", str(tmp_path)]) == 0
    found = hyra.ModelComparison.load(tmp_path / "comparison.safetensors")
    assert [model.name for model in found.models] == specs


def test_attribution_sets_networks_side_by_side(photograph, tmp_path, capsys):
    arguments = ["nearest", "bicubic", "--scale", "2", "--hr", str(photograph), "--size", "24", "--out", str(tmp_path)]
    assert main(["compare-models", *arguments, "--attribution", "--window", "12,20,8"]) == 0
    found = hyra.AttributionComparison.load(tmp_path / "attribution.safetensors")
    assert [model.name for model in found.models] == ["bicubic", "nearest"]
    wide, narrow = found.models
    assert wide.attribution.windows == narrow.attribution.windows == ((12, 20, 8),)
    assert wide.diffusion_index > narrow.diffusion_index
    assert wide.field.radius(0.99) > narrow.field.radius(0.99) == 0
    assert wide.psnr > narrow.psnr
    assert found.table() in capsys.readouterr().out
    assert (tmp_path / "attribution.txt").read_text() == found.table() + "\n"
    assert found.table().splitlines()[1].split() == [
        "bicubic",
        f"{wide.diffusion_index:.2f}",
        *(f"{wide.field.radius(share):.2f}" for share in (0.5, 0.9, 0.99)),
        f"{wide.psnr:.2f}",
    ]
    assert (tmp_path / "attribution.png").stat().st_size > 10_000


def test_attribution_needs_an_image(tmp_path, capsys):
    assert main(["compare-models", "bicubic", "--scale", "2", "--attribution", "--out", str(tmp_path)]) == 2
    assert "--attribution needs an image" in capsys.readouterr().err


def test_stored_responses_stand_beside_networks(photograph, tmp_path, capsys):
    model = hyra.HyRA(torch.nn.Upsample(scale_factor=2, mode="bilinear"))
    model.probe(canvas=32, progress=False).save(tmp_path / "probe.safetensors")
    model.impulse_response(24).save(tmp_path / "response.safetensors")
    stored = [str(tmp_path / f"{name}.safetensors") for name in ("probe", "response")]
    out = ["--size", "24", "--out", str(tmp_path / "out")]
    assert main(["compare-models", "nearest", *stored, "--scale", "2", "--hr", str(photograph), *out]) == 0
    found = hyra.ModelComparison.load(tmp_path / "out" / "comparison.safetensors")
    by_name = {each.name: each for each in found.models}
    assert by_name["probe.safetensors"].psnr is None
    assert by_name["nearest"].psnr is not None
    a, b = (by_name[f"{name}.safetensors"].fit.ring_cosine for name in ("probe", "response"))
    assert abs(a - b) < 0.01
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if " " in line}
    assert rows["probe.safetensors"][-2:] == ["-", "-"]
    assert main(["compare-models", *stored, *out]) == 0
    assert main(["compare-models", *stored, "--hr", str(photograph), *out]) == 2
    assert "need a network to run, got stored responses alone" in capsys.readouterr().err


def test_responses_of_several_operating_points_are_told(tmp_path, capsys):
    model = hyra.HyRA(torch.nn.Upsample(scale_factor=2, mode="bilinear"))
    model.impulse_response(24, amplitude=0.1, background=0.5).save(tmp_path / "other.safetensors")
    other = str(tmp_path / "other.safetensors")
    assert main(["compare-models", "nearest", other, "--scale", "2", "--size", "24", "--out", str(tmp_path)]) == 0
    expected = (
        "at several operating points and compare only roughly: literal, amplitude 1 on 0; affine, amplitude 0.1 on"
    )
    assert expected in capsys.readouterr().err


def test_a_stored_result_of_another_kind(tmp_path, capsys):
    model = hyra.HyRA(torch.nn.Upsample(scale_factor=2))
    model.decompose(torch.rand(3, 8, 8)).save(tmp_path / "split.safetensors")
    assert main(["compare-models", str(tmp_path / "split.safetensors"), "--out", str(tmp_path)]) == 2
    assert "must hold a result of kind ImpulseResponse, got 'Decomposition'" in capsys.readouterr().err
