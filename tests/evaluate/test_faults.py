"""What a user gets wrong, and what happens to stores: one sentence, and never another number."""

from __future__ import annotations

import math
import shutil
import sqlite3

import pytest

from hyra.cli import main
from hyra.evaluate import Outcome, Plan, Runs, evaluate
from hyra.evaluate.inputs.manifest import from_manifest
from hyra.evaluate.store.scores import StoreError
from hyra.evaluate.work.keys import Key

METHOD = '[[method]]\nname = "A"\nscale = 4\nsr = "sr"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hr = 'hr'\nbogus = 3\n" + METHOD, "bogus"),
        ("hr = 'hr'\nscores = 'psnr'\n" + METHOD, "scores must be a list of names, got str 'psnr'"),
        ("hr = 'hr'\nscores = 5\n" + METHOD, "scores must be a list of names, got int 5"),
        ("hr = 'hr'\nscores = [['psnr']]\n" + METHOD, "scores must be of the type str"),
        ("hr = 'hr'\nmodcrop = 'no'\n" + METHOD, "modcrop must be of the type bool, got str 'no'"),
        ("hr = 'hr'\ndevice = 3\n" + METHOD, "device must be of the type str"),
        ("hr = 3\n" + METHOD, "hr must be of the type str, got int 3"),
        (METHOD, "hr must be given"),
        ("method = 3\n", "method must be of the type list"),
        ("hr = 'hr'\nmethod = [3]\n", r"each \[\[method\]\] must be of the type dict"),
        ("hr = 'hr'\n" + METHOD.replace("4", "'4'"), "scale must be a number, got str '4'"),
        ("hr = 'hr'\n" + METHOD.replace("4", "true"), "scale must be a number, got bool True"),
        ("hr = 'hr'\n" + METHOD.replace('"A"', "['A']"), "name must be of the type str"),
        ("hr = 'hr'\n" + METHOD + "template = 4\n", "template must be of the type str"),
        ("hr = 'hr'\n" + METHOD + "protocol = 'y'\n", "protocol"),
    ],
)
def test_a_manifest_says_what_is_wrong_with_it(text, expected, tmp_path):
    file = tmp_path / "table.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=f"table.toml: .*{expected}"):
        from_manifest(file)


def test_a_manifest_chooses_the_device(methods, tmp_path, capsys):
    file = tmp_path / "table.toml"
    file.write_text("hr = 'hr'\ndevice = 'nowhere'\n[[method]]\nname = 'A'\nscale = 2\nsr = 'nearest/x2'\n")
    assert main(["evaluate", "--manifest", str(file)]) == 2
    assert "device must be one that torch can use here, got nowhere" in capsys.readouterr().err


def test_nothing_is_given_in_vain(methods, tmp_path, capsys):
    file = tmp_path / "table.toml"
    file.write_text("hr = 'hr'\n[[method]]\nname = 'A'\nscale = 2\nsr = 'nearest/x2'\n")
    assert main(["evaluate", "--manifest", str(file), "--hr", str(tmp_path)]) == 2
    assert "--hr" in capsys.readouterr().err
    layout = ["evaluate", "--hr", str(tmp_path / "hr"), "--layout", str(tmp_path), "--template", "{name}_none"]
    assert main(layout) == 2
    assert "no image" in capsys.readouterr().err


def test_a_score_that_is_asked_for_twice_is_one_column(methods, tmp_path, capsys):
    assert Plan(("psnr", "mse", "psnr")).scores == ("psnr", "mse")
    start = ["evaluate", "--hr", str(tmp_path / "hr"), "--layout", str(tmp_path)]
    assert main([*start, "--scores", "psnr", "--scores", "mse", "psnr"]) == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert head.count("PSNR") == 1
    assert head.count("MSE") == 1


def test_a_device_that_is_not_there_is_one_error(methods):
    with pytest.raises(ValueError, match="device must be one that torch can use here, got nowhere"):
        evaluate(methods, Plan(("psnr",), device="nowhere"))


def test_the_reason_why_a_pair_has_no_score_outlasts_an_interruption(methods, tmp_path):
    store, plan = tmp_path / "scores.sqlite", Plan(("psnr", "ms_ssim"))
    first = evaluate(methods, plan, store=store)
    assert all("161x161" in outcome.notes["ms_ssim"] for outcome in first.outcomes)
    again = evaluate(methods, plan, store=store)
    assert [outcome.notes for outcome in again.outcomes] == [outcome.notes for outcome in first.outcomes]


def test_a_run_that_goes_on_forgets_images_that_are_gone(methods, tmp_path):
    store, plan = tmp_path / "scores.sqlite", Plan(("psnr",))

    def interrupt(outcome: Outcome) -> None:
        if outcome.image == "0001":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(methods, plan, store=store, workers=1, log=interrupt)
    for file in tmp_path.rglob("0001*.png"):
        file.unlink()
    result = evaluate(methods, plan, store=store)
    with Runs(store) as runs:
        assert len(runs.runs()) == 1
    assert {outcome.image for outcome in result.outcomes} == {"0000", "0002", "0003", "0004"}


@pytest.fixture
def store(methods, tmp_path):
    evaluate(methods, Plan(("psnr",)), store=tmp_path / "scores.sqlite", name="first")
    return tmp_path / "scores.sqlite"


def _damage_pages(file):
    data = file.read_bytes()
    file.write_bytes(data[:4296] + bytes((7 * byte + 1) % 256 for byte in data[4296:]))


def _drop_a_table(file):
    with sqlite3.connect(file) as database:
        database.execute("DROP TABLE pair")


def _cut(file):
    file.write_bytes(file.read_bytes()[:6000])


def _replace_by_a_folder(file):
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("harm", [_damage_pages, _drop_a_table, _cut, _replace_by_a_folder])
def test_a_damaged_store_is_one_sentence_that_names_it(harm, methods, store, tmp_path, capsys):
    with Runs(store):
        pass
    harm(store)
    with pytest.raises(StoreError, match=r"scores\.sqlite"):
        evaluate(methods, Plan(("psnr",)), store=store)
    if harm is not _drop_a_table:
        folders = (str(tmp_path / "nearest/x2"), str(tmp_path / "hr"))
        assert main(["fsds", *folders, "--store", str(store)]) == 2
        assert "HYRA_DEBUG" not in capsys.readouterr().err


def test_a_run_that_is_no_json_is_one_sentence(store):
    with sqlite3.connect(store) as database:
        database.execute("UPDATE run SET methods = '{'")
    with Runs(store) as runs, pytest.raises(ValueError, match="the store has a run that this version"):
        runs.runs()


def _fill(runs):
    for index in range(1000):
        values = {Key(f"{index:064}", "b" * 64, "psnr", "{}", 1): math.pi}
        runs.add("first", 0, Outcome("A", 2.0, f"{index:0200}", "a", "b", values))


def test_a_full_disk_ends_a_run_and_keeps_what_was_written(store, tmp_path):
    copy = tmp_path / "small.sqlite"
    shutil.copy(store, copy)
    with Runs(copy) as runs:
        (pages,) = runs._database.execute("PRAGMA page_count").fetchone()
        runs._database.execute(f"PRAGMA max_page_count = {pages}")
        kept = len(list(runs.outcomes("first")))
        with pytest.raises(StoreError, match="full"):
            _fill(runs)
        assert len(list(runs.outcomes("first"))) >= kept


def test_names_that_are_no_utf8_are_kept_as_escapes(methods, tmp_path):
    store = tmp_path / "scores.sqlite"
    assert evaluate(methods, Plan(("psnr",)), store=store, name="\udcff").run.name == r"\udcff"
