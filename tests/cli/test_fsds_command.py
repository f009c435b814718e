"""`hyra fsds`: the scores are the library's, and an interrupted run loses nothing."""

from __future__ import annotations

import csv
import math
import re

import pytest
import torch

import hyra
from hyra import images
from hyra.cli import main


@pytest.fixture
def folders(tmp_path):
    """Four references; the second result is identical to its reference, the fourth is missing."""
    for index in range(4):
        picture = torch.rand(3, 20, 24)
        images.write(picture, tmp_path / "hr" / f"080{index}.png")
        result = picture if index == 1 else (picture + 0.1 * torch.randn(3, 20, 24))
        if index < 3:
            images.write(result, tmp_path / "sr" / f"080{index}x4.png")
    return tmp_path / "sr", tmp_path / "hr"


def expected(folders, name: str, **options) -> float:
    sr, hr = folders
    return float(hyra.fsds(images.read(sr / f"{name}x4.png"), images.read(hr / f"{name}.png"), **options))


def test_two_files(folders, capsys):
    sr, hr = folders
    assert main(["fsds", str(sr / "0800x4.png"), str(hr / "0800.png")]) == 0
    assert float(capsys.readouterr().out) == pytest.approx(expected(folders, "0800"), abs=1e-4)


@pytest.mark.parametrize("options", [{}, {"variant": "radial"}, {"crop_border": 3}])
def test_two_folders(folders, capsys, options):
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    assert main(["fsds", *map(str, folders), *arguments]) == 0
    said = capsys.readouterr()
    rows = dict(re.match(r"(\S+)\s+(\S+)", line).groups() for line in said.out.splitlines())
    scores = {name: expected(folders, name, **options) for name in ("0800", "0801", "0802")}
    assert math.isinf(scores["0801"])
    assert {name: float(rows[f"{name}x4.png"]) for name in scores} == pytest.approx(scores, abs=1e-4)
    assert float(rows["mean"]) == pytest.approx((scores["0800"] + scores["0802"]) / 2, abs=1e-4)
    assert "(2 images, 1 identical left out)" in said.out
    assert "1 of " in said.err
    assert "without a partner in" in said.err
    assert "0803.png" in said.err


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_are_on_disk_as_they_come(folders, tmp_path, monkeypatch):
    out = tmp_path / "scores.csv"
    real, calls = hyra.fsds, []

    def counted(*args, **kwargs):
        if len(calls) == 2:
            assert [row["sr"][-10:] for row in rows(out)] == ["0800x4.png", "0801x4.png"]
            raise KeyboardInterrupt
        calls.append(args)
        return real(*args, **kwargs)

    monkeypatch.setattr(hyra, "fsds", counted)
    assert main(["fsds", *map(str, folders), "--out", str(out)]) == 130
    assert len(rows(out)) == 2

    monkeypatch.setattr(hyra, "fsds", real)
    assert main(["fsds", *map(str, folders), "--out", str(out)]) == 2
    with out.open("a") as file:
        file.write("sr/0802x4.png,hr/08")  # killed while it wrote a row
    assert main(["fsds", *map(str, folders), "--out", str(out), "--resume"]) == 0
    assert [float(row["fsds"]) for row in rows(out)] == [expected(folders, f"080{i}") for i in range(3)]


def test_resuming_computes_only_the_rest(folders, tmp_path, monkeypatch, capsys):
    out = tmp_path / "scores.csv"
    assert main(["fsds", *map(str, folders), "--out", str(out)]) == 0
    first = capsys.readouterr().out
    assert float(rows(out)[0]["fsds"]) == expected(folders, "0800")

    def never(*_, **__):
        raise AssertionError("computed again")

    with monkeypatch.context() as patched:
        patched.setattr(hyra, "fsds", never)
        assert main(["fsds", *map(str, folders), "--out", str(out), "--resume"]) == 0
    assert capsys.readouterr().out == first
    # Another variant is another score.
    arguments = ["--variant", "shift_invariant", "--out", str(out), "--resume"]
    assert main(["fsds", *map(str, folders), *arguments]) == 0
    assert len(rows(out)) == 6


def test_results_are_never_overwritten(folders, tmp_path, capsys):
    out = tmp_path / "scores.csv"
    out.write_text("something else\n")
    assert main(["fsds", *map(str, folders), "--out", str(out)]) == 2
    assert "scores.csv exists: add --resume to continue it" in capsys.readouterr().err
    assert main(["fsds", *map(str, folders), "--out", str(out), "--resume"]) == 2
    assert "scores.csv was not written by hyra fsds" in capsys.readouterr().err
    assert out.read_text() == "something else\n"
