"""`hyra layers`: the table printed, table, figure and responses on disk."""

import pytest

from hyra.attribution.layer_spectra import LayerSpectra
from hyra.cli import main
from hyra.probing.layers import LayerResponses


def test_prints_the_table_and_writes_everything(tmp_path, capsys):
    pytest.importorskip("safetensors")
    out = tmp_path / "out"
    arguments = ["demo", "--scale", "4", "--layers", "head", "last", "--size", "40", "--amplitude", "0.5"]
    assert main(["layers", *arguments, "--out", str(out)]) == 0
    found = LayerResponses.load(out / "layers.safetensors")
    assert {name: (h.scale, h.amplitude, h.form) for name, h in found.items()} == {
        "head": (1, 0.5, "affine"),
        "last": (4, 0.5, "affine"),
    }
    *table, last = capsys.readouterr().out.splitlines()
    assert table == found.table().splitlines() == (out / "layers.txt").read_text().splitlines()
    assert last == str(out / "layers.png")
    assert (out / "layers.png").stat().st_size > 10_000


def test_unknown_layers_are_named(tmp_path, capsys):
    assert main(["layers", "demo", "--layers", "tail", "--out", str(tmp_path)]) == 2
    assert "layers must be names of the network's modules, got 'tail'" in capsys.readouterr().err


def test_spectra_of_an_image(photograph, tmp_path, capsys):
    pytest.importorskip("safetensors")
    out = tmp_path / "out"
    arguments = ["demo-x2", "--layers", "head", "last", "--size", "40", "--image", str(photograph), "--out", str(out)]
    assert main(["layers", *arguments]) == 0
    found = LayerSpectra.load(out / "spectra.safetensors")
    assert [*found] == ["head", "last"]
    assert found["head"].black_power is not None
    table = found.table().splitlines()
    assert (out / "spectra.txt").read_text().splitlines() == table
    assert capsys.readouterr().out.splitlines()[-2 - len(table) :] == [
        *table,
        str(out / "spectra.png"),
        str(out / "layers.png"),
    ]
    assert (out / "spectra.png").stat().st_size > 10_000
