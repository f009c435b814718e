"""`hyra spectrum`: the numbers are the library's, of every pair that can be measured."""

from __future__ import annotations

import csv

import pytest
import torch

from hyra import images, spectrum
from hyra.cli import main
from hyra.spectrum import SpectrumComparison


@pytest.fixture
def folders(tmp_path):
    """References of two sizes, and the results of two methods."""
    for index, size in enumerate(((24, 30), (40, 32), (24, 30))):
        picture = torch.rand(3, *size)
        images.write(picture, tmp_path / "hr" / f"080{index}.png")
        images.write((picture + 0.1 * torch.randn(3, *size)), tmp_path / "EDSR" / f"080{index}x4.png")
        images.write(picture / 2, tmp_path / "half" / f"080{index}_x4_half.png")
    return [str(tmp_path / name) for name in ("EDSR", "half", "hr")]


def rows(path):
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file, quoting=csv.QUOTE_NONNUMERIC))


def test_modcrop(tmp_path, capsys):
    hr = torch.rand(3, 27, 30)
    images.write(hr, tmp_path / "hr" / "0801.png")
    images.write(hr[:, :24, :28], tmp_path / "sr" / "0801x4.png")
    command = ["spectrum", str(tmp_path / "sr"), str(tmp_path / "hr"), "--out", str(tmp_path / "out")]
    assert main([*command, "--modcrop"]) == 2
    assert "--modcrop needs --scale S" in capsys.readouterr().err
    assert main(command) == 2  # there is no other image
    assert main([*command, "--modcrop", "--scale", "4"]) == 0
    assert SpectrumComparison.load(tmp_path / "out" / "spectrum.safetensors").identical == (1,)


@pytest.mark.parametrize("window", ["hann", None])
def test_folders(folders, tmp_path, capsys, window):
    out = tmp_path / "out"
    options = [] if window else ["--window", "none"]
    assert main(["spectrum", *folders, "--out", str(out), *options]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    head, _, edsr, half, figure = said.out.splitlines()
    assert head.split() == [
        "images",
        "identical",
        "distance-hann" if window else "distance",  # as the scores of hyra evaluate are called
        "0-0.125",
        "0.125-0.25",
        "0.25-0.375",
        "0.375-0.5",
        "1/7",
        "half-bit",
    ]
    assert figure == str(out / "spectrum.png")
    assert (out / "spectrum.png").stat().st_size > 10_000
    result = SpectrumComparison.load(out / "spectrum.safetensors")
    assert (result.methods, result.images, result.window) == (("EDSR", "half"), (3, 3), window or "none")

    table = rows(out / "images.csv")
    column = "log_spectral_distance_hann" if window else "log_spectral_distance"
    assert [(row["method"], row["hr"][-8:]) for row in table] == [
        (method, f"080{index}.png") for index in range(3) for method in ("EDSR", "half")
    ]
    for row in table:
        x, y = images.read(row["sr"]), images.read(row["hr"])
        distance = spectrum.log_spectral_distance(x, y, window=window).item()
        assert row[column] == pytest.approx(distance, rel=1e-6)
        bands = [row[f"psnr_{edges}"] for edges in ("0_0.125", "0.125_0.25", "0.25_0.375", "0.375_0.5")]
        assert bands == spectrum.band_psnr(x, y).psnr.tolist()
    for line, index in ((edsr, 0), (half, 1)):
        mean = sum(row[column] for row in table[index::2]) / 3
        name, *numbers = line.split()
        assert name == result.methods[index]
        assert [float(number) for number in numbers[:3]] == pytest.approx([3, 0, mean], abs=0.006)
        assert float(numbers[-1]) == pytest.approx(result.crossing("half_bit")[index].item(), abs=6e-4)

    curves = rows(out / "spectrum.csv")
    assert [row["method"] for row in curves] == ["EDSR"] * 64 + ["half"] * 64
    drawn = torch.tensor([row["correlation"] for row in curves], dtype=torch.float64)
    torch.testing.assert_close(drawn.view(2, 64), result.correlation, rtol=0, atol=0, equal_nan=True)


def test_two_files(folders, tmp_path, capsys):
    file = f"{folders[-1]}/0801.png"
    assert main(["spectrum", file, file, "--out", str(tmp_path / "out")]) == 0
    line = capsys.readouterr().out.splitlines()[2].split()
    assert line[:4] == ["0801.png", "1", "1", "0.00"]
    assert line[4:8] == ["inf"] * 4


def test_what_cannot_be_measured_is_told_and_the_rest_goes_on(folders, tmp_path, capsys):
    edsr, *_ = folders
    images.write(torch.rand(3, 5, 5), f"{edsr}/0800x4.png")
    (tmp_path / "hr" / "0801.png").write_bytes(b"no image")
    assert main(["spectrum", *folders, "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert "0800x4.png and " in said.err
    assert "must have the same size, got 5x5 and 30x24" in said.err
    assert "0801.png" in said.err
    assert "3 pairs could not be measured" in said.out
    assert [line.split()[1] for line in said.out.splitlines()[2:4]] == ["1", "2"]
    assert len(rows(tmp_path / "out" / "images.csv")) == 3


def test_pairs_are_those_of_the_matcher(folders, tmp_path, capsys):
    edsr, _, hr = folders
    (tmp_path / "EDSR" / "0802x4.png").rename(tmp_path / "EDSR" / "0802_mine.png")
    assert main(["spectrum", edsr, hr, "--out", str(tmp_path / "out")]) == 2
    assert "0802_mine.png" in capsys.readouterr().err
    assert main(["spectrum", edsr, hr, "--allow-missing", "--out", str(tmp_path / "out")]) == 0
    assert SpectrumComparison.load(tmp_path / "out" / "spectrum.safetensors").images == (2,)
    assert (
        main(["spectrum", edsr, hr, "--template", "{name}_mine", "--allow-missing", "--out", str(tmp_path / "a")]) == 0
    )
    assert SpectrumComparison.load(tmp_path / "a" / "spectrum.safetensors").images == (1,)


def test_methods_have_different_names(folders, tmp_path, capsys):
    edsr, half, hr = folders
    for method in ("EDSR", "half"):
        (tmp_path / method / "x4").mkdir()
        for file in sorted((tmp_path / method).glob("*.png")):
            file.rename(file.parent / "x4" / file.name)
    assert main(["spectrum", f"{edsr}/x4", f"{half}/x4", hr, "--out", str(tmp_path / "out")]) == 0
    methods = SpectrumComparison.load(tmp_path / "out" / "spectrum.safetensors").methods
    assert methods == (f"{edsr}/x4", f"{half}/x4")
    assert main(["spectrum", f"{edsr}/x4", f"{edsr}/x4", hr]) == 2
    assert "SR must be different folders" in capsys.readouterr().err


def test_a_file_and_a_folder_are_refused(folders, capsys):
    edsr, _, hr = folders
    assert main(["spectrum", f"{edsr}/0800x4.png", hr]) == 2
    assert "SR and HR must be files or folders alike" in capsys.readouterr().err
