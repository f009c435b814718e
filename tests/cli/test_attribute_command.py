"""`hyra attribute`: the table printed, maps, field and figures on disk."""

import pytest

import hyra
from hyra.cli import main


@pytest.fixture
def out(tmp_path):
    pytest.importorskip("safetensors")
    return tmp_path / "out"


def test_prints_the_table_and_writes_everything(photograph, out, capsys):
    arguments = ["demo-x2", "--image", str(photograph), "--window", "20,30,8", "--window", "60,64,10"]
    assert main(["attribute", *arguments, "--out", str(out)]) == 0
    found = hyra.Attribution.load(out / "attribution.safetensors")
    assert found.windows == ((20, 30, 8), (60, 64, 10))
    field = hyra.EffectiveReceptiveField.load(out / "erf.safetensors")
    assert field.energy.shape == (48, 64)
    *lines, erf, last = capsys.readouterr().out.splitlines()
    table = found.table().splitlines()
    assert lines[: len(table)] == table == (out / "attribution.txt").read_text().splitlines()
    assert lines[len(table)].startswith(f"50% of the effective receptive field: radius {field.radius(0.5):.2f} LR pix")
    assert (erf, last) == (str(out / "erf.png"), str(out / "attribution.png"))
    assert all((out / name).stat().st_size > 10_000 for name in ("erf.png", "attribution.png"))


def test_errors_of_several_seeds_are_printed(photograph, out, tmp_path, capsys):
    code = "import torch\n\ndef network(x):\n    y = torch.nn.functional.interpolate(x, None, 2)\n"
    (tmp_path / "net.py").write_text(f"{code}    return y + 0.1 * torch.rand_like(y)\n")
    arguments = [f"{tmp_path}/net.py:network", "--image", str(photograph), "--out", str(out), "--window", "20,30,8"]
    assert main(["attribute", *arguments, "--seeds", "2", "--batch-size", "8"]) == 0
    found = hyra.Attribution.load(out / "attribution.safetensors")
    assert float(found.index_errors[0]) > 0
    assert capsys.readouterr().out.count("±") == 1 + 3


def test_networks_without_gradients(photograph, out, tmp_path, capsys):
    code = "import torch\ndef network(x):\n    return torch.from_numpy(x.numpy().repeat(2, -1).repeat(2, -2))\n"
    (tmp_path / "net.py").write_text(code)
    arguments = [f"{tmp_path}/net.py:network", "--image", str(photograph), "--out", str(out)]
    assert main(["attribute", *arguments]) == 0
    assert hyra.Attribution.load(out / "attribution.safetensors").method == "differences"
    errors = capsys.readouterr().err
    assert "the network has no gradients: Can't call numpy" in errors
    assert "no effective receptive field" in errors
    assert not (out / "erf.png").exists()


def test_windows_are_checked(photograph, out, capsys):
    with pytest.raises(SystemExit):
        main(["attribute", "demo", "--image", str(photograph), "--window", "3,4"])
    assert "must be Y,X,N, such as 96,120,16, got '3,4'" in capsys.readouterr().err
    assert main(["attribute", "demo", "--image", str(photograph), "--window", "900,4,16", "--out", str(out)]) == 2
    assert "window must end before the last row and column of the 192x256 output" in capsys.readouterr().err
