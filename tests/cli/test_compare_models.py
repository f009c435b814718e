"""`hyra compare-models`: the table printed, table, figure and comparison on disk."""

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
