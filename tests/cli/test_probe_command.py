"""`hyra probe`: deviations printed, probe, sweep and figures on disk."""

import pytest

import hyra
from hyra import images
from hyra.cli import main
from hyra.probing.probe import Probe


def test_prints_the_deviation_and_writes_figure_and_file(tmp_path, capsys):
    arguments = ["bicubic", "--scale", "2", "--canvas", "48", "--background", "0.5", "--out", str(tmp_path)]
    assert main(["probe", *arguments]) == 0
    found = Probe.load(tmp_path / "probe.safetensors")
    assert found.mean.background == 0.5
    assert found.canvas == (48, 48)
    count = str(len(found.positions))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["positions", count, "in", str(found.images), "images", "of", "48x48,", "packed"]
    assert lines[1].split() == ["receptive", "field", "5x5", "LR", "pixels"]
    assert lines[-1] == str(tmp_path / "probe.png")
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["probe.png", "probe.safetensors"]
    assert (tmp_path / "probe.png").stat().st_size > 10_000


def test_named_positions_and_a_matrix(tmp_path, capsys):
    arguments = ["nearest", "--scale", "2", "--canvas", "32", "--positions", "10,12", "20,7", "--channels", "matrix"]
    assert main(["probe", *arguments, "--out", str(tmp_path)]) == 0
    found = Probe.load(tmp_path / "probe.safetensors")
    assert found.positions.tolist() == [[10, 12], [20, 7]]
    assert found.mean.response.shape[:2] == (3, 3)
    assert "across colours   0 of the mean response's energy" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("position", ["10", "1,2,3", "1,-2", "a,b"])
def test_positions_that_are_none(position, capsys):
    with pytest.raises(SystemExit):
        main(["probe", "nearest", "--positions", position])
    assert f"must be ROW,COLUMN, such as 10,12, got {position!r}" in capsys.readouterr().err


def test_image_and_amplitudes(photograph, tmp_path, capsys):
    arguments = ["nearest", "--scale", "2", "--image", str(photograph), "--amplitudes", "-0.5", "0.1", "--no-pack"]
    assert main(["probe", *arguments, "--size", "9", "--out", str(tmp_path)]) == 0
    found = Probe.load(tmp_path / "probe.safetensors")
    assert found.canvas == (48, 64)
    assert not found.packed
    sweep = hyra.AmplitudeSweep.load(tmp_path / "amplitudes.safetensors")
    assert sweep.amplitudes == (-0.5, 0.1)
    picture = images.read(photograph)
    assert all(response.background.equal(picture) for response in (found.mean, *sweep.responses))
    assert f"linearity        {sweep.linearity:.4f}" in capsys.readouterr().out.splitlines()
    assert (tmp_path / "amplitudes.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--background", "0.5"], "--background must be left out with --image, which is the background, got 0.5"),
        (["--canvas", "32"], "canvas must be left out when background is an image, got 32"),
    ],
)
def test_what_excludes_an_image(options, message, photograph, tmp_path, capsys):
    arguments = ["nearest", "--scale", "2", "--image", str(photograph), "--out", str(tmp_path), *options]
    assert main(["probe", *arguments]) == 2
    assert message in capsys.readouterr().err
