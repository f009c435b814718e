"""`hyra compare`: two runs of a store, gates with an exit code, and the files that CI reads."""

import shutil
import sqlite3
from xml.etree import ElementTree

import pytest
import torch

from hyra import images
from hyra.cli import main
from hyra.evaluate import Runs
from hyra.evaluate.tracking.selection import pair_of_runs
from runs_of_scores import evaluation, keep


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A store of three runs on 100 images: one, the same again, and one that has fallen by about 0.06 dB."""
    folder = tmp_path_factory.mktemp("gate")
    generator = torch.Generator().manual_seed(0)
    for index in range(100):
        picture, noise = (torch.rand(3, 24, 24, generator=generator) for _ in range(2))
        hr = 0.25 + 0.5 * picture
        for name, sr in (("hr", hr), ("good", hr + 0.2 * (noise - 0.5)), ("bad", hr + 0.2 * 1.007 * (noise - 0.5))):
            images.write(sr, folder / name / f"img{index:03}.png")
    store = folder / "scores.sqlite"
    common = ["evaluate", "--hr", str(folder / "hr"), "--scores", "psnr", "mae", "--store", str(store)]
    for run, source in (("base", "good"), ("again", "good"), ("worse", "bad")):
        assert main([*common, "--sr", f"EDSR:4:{folder / source}", "--run", run, "--tag", f"of {source}"]) == 0
    return store


def test_a_fall_is_caught_and_an_identical_run_never_fails(measured, tmp_path, capsys):
    store, junit, page = str(measured), tmp_path / "gate.xml", tmp_path / "gate.md"
    gates = [
        "--fail-if",
        "psnr<-0.05",
        "--fail-if",
        "mae@EDSR:4>0.0001",
        "--junit",
        str(junit),
        "--markdown",
        str(page),
    ]
    for pair in (["base", "again"], ["base", "base"], ["worse", "latest"]):
        assert main(["compare", store, *pair, *gates]) == 0, pair
        assert ElementTree.parse(junit).getroot().get("failures") == "0"
        assert page.read_text().startswith("## All checks passed\n")
    capsys.readouterr()
    for pair in (["base", "worse"], [], ["previous"], ["again", "latest"], ["of good", "of bad"]):
        assert main(["compare", store, *pair, *gates]) == 1, pair
        out = capsys.readouterr().out
        assert "FAILED  psnr<-0.05 EDSR x4: -0.06" in out
        assert "FAILED  mae@EDSR:4>0.0001 EDSR x4: +0.000" in out
        assert ElementTree.parse(junit).getroot().get("failures") == "2"
        assert "| EDSR | x4 | PSNR (dB) | 100 |" in page.read_text()
    assert main(["compare", store, "worse", "base", "--fail-if", "psnr<-0.05"]) == 0


def test_runs_of_several_stores(measured, tmp_path, capsys):
    other = tmp_path / "other: 2.sqlite"
    shutil.copy(measured, other)
    gate = ["--fail-if", "psnr<-0.05"]
    assert main(["compare", str(measured), str(other), *gate]) == 0
    assert main(["compare", f"{other}:base", str(measured), *gate]) == 1
    assert main(["compare", str(measured), f"{other}:base", *gate]) == 0
    assert main(["compare", str(measured), f"{other}:base", "worse", *gate]) == 1
    assert main(["compare", f"{other}:base", "again", *gate]) == 0
    assert main(["compare", f"{other}:base", *gate]) == 1
    capsys.readouterr()


def test_a_run_name_may_hold_colons(tmp_path):
    store = tmp_path / "a.sqlite"
    store.touch()
    name = "2026-11-28 13:58:14"
    assert pair_of_runs([f"{store}:{name}", str(store)]) == ((store, name), (store, "latest"))
    assert pair_of_runs([str(store), name]) == ((store, name), (store, "latest"))


def test_what_is_wrong_is_one_sentence(measured, tmp_path, capsys):
    empty, text = tmp_path / "empty.sqlite", tmp_path / "text.sqlite"
    Runs(empty).__exit__()
    text.write_text("no database at all, but some text")
    one = tmp_path / "one.sqlite"
    with Runs(one) as runs:
        keep(runs, evaluation("only", {"psnr": {"a": 30.0}}))
    cases = {
        "no such store of scores: ": [str(tmp_path / "none.sqlite")],
        "must be a store of scores": [str(text)],
        "run must be latest, previous or of a store that has any, got 'previous'": [str(empty)],
        "runs (only), got 'previous'": [str(one)],
        "runs (base, again, worse), got 'nightly'": [str(measured), "nightly"],
        "runs must be STORE A B, got 4 words": [str(measured), "a", "b", "c"],
        "--junit needs at least one --fail-if": [str(measured), "--junit", str(tmp_path / "x.xml")],
        "fail_if must be SCORE[@METHOD[:SCALE]]<NUMBER": [str(measured), "--fail-if", "psnr<-0,05"],
        "fail_if must be about a score that one of the runs has (psnr, mae)": [str(measured), "--fail-if", "lpips>0"],
    }
    for expected, arguments in cases.items():
        assert main(["compare", *arguments]) == 2, expected
        (line,) = capsys.readouterr().err.splitlines()
        assert expected in line
    assert not (tmp_path / "none.sqlite").exists()


def test_an_interrupted_run_is_judged_not_passed_over(tmp_path, capsys):
    store = tmp_path / "s.sqlite"
    whole = evaluation("A", {"psnr": {"a": 30.0, "b": 31.0}})
    part = evaluation("B", {"psnr": {"a": 30.0}})
    with Runs(store) as runs:
        keep(runs, whole, part)
    with sqlite3.connect(store) as database:
        database.execute("UPDATE run SET finished = NULL WHERE name = 'B'")
    assert main(["compare", str(store), "A", "latest", "--fail-if", "psnr<-0.05"]) == 1
    said = capsys.readouterr()
    assert "the run B came to no end" in said.err
    assert "with a score in A, without one in B: b" in said.out
