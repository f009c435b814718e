"""Shards: every image is in exactly one, and merging gives what one process would have made, or says why."""

from __future__ import annotations

import sqlite3

import pytest
import small_folders

from hyra.cli import main
from hyra.evaluate.evaluation import Evaluation, evaluate
from hyra.evaluate.store.merge import merge
from hyra.evaluate.store.runs import Runs
from hyra.evaluate.store.shards import Shard
from hyra.evaluate.work.plan import Plan

PLAN = Plan(("psnr", "ssim"))


@pytest.fixture
def methods(tmp_path):
    return small_folders.make(tmp_path)


@pytest.fixture
def parts(methods, tmp_path):
    """The stores of three shards."""
    return [measured(methods, tmp_path, Shard(index, 3)) for index in range(3)]


def measured(methods, folder, shard, plan=PLAN, name="run"):
    file = shard.file(folder / "scores.sqlite")
    evaluate(methods, plan, store=file, name=name, shard=shard, progress=False)
    return file


def dump(file):
    """All that a store says, but for when it was said."""
    with sqlite3.connect(file) as database:
        tables = ("score", "run", "run_score", "pair")
        return {table: sorted(map(repr, database.execute(f"SELECT * FROM {table}"))) for table in tables}


def outcomes(file, name="run"):
    with Runs(file) as runs:
        return Evaluation.load(runs, name).outcomes


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_name_is_in_exactly_one_shard(count):
    names = ["e", "a", "d", "b", "c"]
    taken = [Shard(index, count).take(names) for index in range(count)]
    assert sorted(name for part in taken for name in part) == sorted(names)
    assert max(map(len, taken)) - min(map(len, taken)) <= 1
    assert taken == [Shard(index, count).take(names[::-1]) for index in range(count)]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"RANK": "1", "WORLD_SIZE": "4"}, Shard(1, 4)),
        ({"SLURM_PROCID": "2", "SLURM_NTASKS": "3"}, Shard(2, 3)),
        ({"RANK": "1", "WORLD_SIZE": "4", "SLURM_PROCID": "0", "SLURM_NTASKS": "1"}, Shard(1, 4)),
        ({"RANK": "1", "SLURM_PROCID": "0", "SLURM_NTASKS": "2"}, Shard(0, 2)),
    ],
)
def test_launchers(environment, expected):
    assert Shard.parse("auto", environment) == expected


@pytest.mark.parametrize("text", ["4/4", "0/0", "1", "-1/2", "1/2/3", "", "a/b", "1 / 2", "١/٢"])
def test_no_such_shard(text):
    with pytest.raises(ValueError, match=r"^shard must be"):
        Shard.parse(text)


@pytest.mark.parametrize("environment", [{}, {"RANK": "1"}, {"SLURM_NTASKS": "2"}])
def test_no_launcher(environment):
    with pytest.raises(ValueError, match="torchrun or Slurm"):
        Shard.parse("auto", environment)


def test_merged_is_what_one_process_makes(methods, parts, tmp_path):
    whole = evaluate(methods, PLAN, name="run", progress=False)
    (merged,) = merge(tmp_path / "all.sqlite", parts)
    assert (merged.pairs, merged.shards, merged.missing, merged.unfinished) == (10, 3, (), ())
    assert outcomes(tmp_path / "all.sqlite") == whole.outcomes
    with Runs(tmp_path / "all.sqlite") as runs:
        assert runs.run("run").finished


def test_shards_share_nothing(parts):
    images_of = [{outcome.image for outcome in outcomes(part)} for part in parts]
    assert [sorted(each) for each in images_of] == [["a", "d"], ["b", "e"], ["c"]]


def test_merging_twice_changes_nothing(parts, tmp_path):
    merge(tmp_path / "all.sqlite", parts)
    before = dump(tmp_path / "all.sqlite")
    merge(tmp_path / "all.sqlite", parts[::-1])
    merge(tmp_path / "all.sqlite", parts[:1])
    assert dump(tmp_path / "all.sqlite") == before


def test_the_order_does_not_matter(parts, tmp_path):
    merge(tmp_path / "all.sqlite", parts)
    for part in parts[::-1]:
        merge(tmp_path / "one_by_one.sqlite", [part])
    assert dump(tmp_path / "one_by_one.sqlite") == dump(tmp_path / "all.sqlite")


def test_merged_stores_merge(parts, tmp_path):
    merge(tmp_path / "first.sqlite", parts[:2])
    merge(tmp_path / "second.sqlite", [tmp_path / "first.sqlite", parts[2]])
    merge(tmp_path / "all.sqlite", parts)
    assert dump(tmp_path / "second.sqlite") == dump(tmp_path / "all.sqlite")


def test_a_shard_that_is_missing_is_named(parts, tmp_path, capsys):
    assert main(["merge", str(tmp_path / "all.sqlite"), str(parts[0]), str(parts[2])]) == 1
    assert "missing: 1/3" in capsys.readouterr().err
    with Runs(tmp_path / "all.sqlite") as runs:
        assert runs.run("run").finished is None
    assert main(["merge", str(tmp_path / "all.sqlite"), str(parts[1])]) == 0
    assert "3 of 3" in capsys.readouterr().out


def test_an_interrupted_shard_is_named_until_it_has_gone_on(methods, parts, tmp_path):
    with sqlite3.connect(parts[1]) as database:
        database.execute("UPDATE run SET finished = NULL")
        database.execute("DELETE FROM pair WHERE image = 'e'")
    (merged,) = merge(tmp_path / "all.sqlite", parts)
    assert (merged.unfinished, merged.pairs) == ((Shard(1, 3),), 8)
    measured(methods, tmp_path, Shard(1, 3))
    (merged,) = merge(tmp_path / "all.sqlite", parts[1:2])
    assert (merged.unfinished, merged.pairs) == ((), 10)


def test_more_shards_than_images(methods, tmp_path):
    parts = [measured(methods, tmp_path, Shard(index, 7)) for index in range(7)]
    (merged,) = merge(tmp_path / "all.sqlite", parts)
    assert (merged.pairs, merged.missing) == (10, ())


def test_different_runs_and_other_scores_stay(methods, parts, tmp_path):
    evaluate(methods, Plan(("mae",)), store=tmp_path / "all.sqlite", name="other", progress=False)
    before = outcomes(tmp_path / "all.sqlite", "other")
    merge(tmp_path / "all.sqlite", parts)
    assert outcomes(tmp_path / "all.sqlite", "other") == before
    assert len(outcomes(tmp_path / "all.sqlite")) == 10


CONFLICTS = {
    "UPDATE score SET value = value + 1e-9 WHERE name = 'psnr'": "different kinds of machines",
    "UPDATE run SET plan = replace(plan, 'paper', 'y')": "another plan",
    "UPDATE run SET methods = replace(methods, 'good', 'better')": "other methods",
    "UPDATE pair SET preds = 'f00'": "other contents or another outcome of ",
    "UPDATE run_score SET version = 99": "other versions or settings of psnr",
    """UPDATE run SET context = replace(context, '"count": 3', '"count": 4')""": "4 shards and not 3",
    """UPDATE run SET context = replace(context, '"whole": "', '"whole": "0')""": "other images",
}


@pytest.mark.parametrize(("change", "message"), CONFLICTS.items(), ids=list(CONFLICTS.values()))
def test_what_does_not_agree_is_an_error_and_nothing_is_merged(parts, tmp_path, change, message):
    merge(tmp_path / "all.sqlite", [parts[0]])
    before = dump(tmp_path / "all.sqlite")
    with sqlite3.connect(parts[0]) as database:
        database.execute(change)
    with pytest.raises(ValueError, match=message):
        merge(tmp_path / "all.sqlite", [parts[1], parts[0]])
    assert dump(tmp_path / "all.sqlite") == before
    with pytest.raises(ValueError, match=message):
        merge(tmp_path / "new.sqlite", [tmp_path / "all.sqlite", parts[0]])
    assert not (tmp_path / "new.sqlite").exists()


def test_shards_that_saw_other_images(methods, tmp_path):
    parts = [measured(methods, tmp_path, Shard(0, 2))]
    for file in tmp_path.rglob("e.png"):
        file.unlink()
    parts.append(measured(methods, tmp_path, Shard(1, 2)))
    with pytest.raises(ValueError, match="other images"):
        merge(tmp_path / "all.sqlite", parts)


def test_what_is_no_store(parts, tmp_path):
    (tmp_path / "text.sqlite").write_text("no database")
    with pytest.raises(ValueError, match="must be a store of scores"):
        merge(tmp_path / "all.sqlite", [tmp_path / "text.sqlite"])
    with pytest.raises(FileNotFoundError, match=r"nothing\.sqlite"):
        merge(tmp_path / "all.sqlite", [tmp_path / "nothing.sqlite"])
    with pytest.raises(ValueError, match="must be another file"):
        merge(parts[0], [parts[1], parts[0]])
    assert not (tmp_path / "nothing.sqlite").exists()
    assert not (tmp_path / "all.sqlite").exists()


def test_names_of_any_kind(tmp_path):
    for name in ("two\nlines", "ünï\u202e", "x'; DROP TABLE pair; --"):
        small_folders.make(tmp_path)
        for folder in (tmp_path / "hr", *(tmp_path / "results").glob("*/x4")):
            (folder / "a.png").rename(folder / f"{name}.png")
    methods = small_folders.make(tmp_path)
    parts = [measured(methods, tmp_path, Shard(index, 2), name="'run'\n\x1b[31m") for index in range(2)]
    (merged,) = merge(tmp_path / "all.sqlite", parts)
    assert merged.pairs == 16


def test_command_line(tmp_path, capsys, monkeypatch):
    small_folders.make(tmp_path)
    command = [
        *small_folders.arguments(tmp_path),
        "--store",
        str(tmp_path / "s.sqlite"),
        "--run",
        "r",
        "--scores",
        "psnr",
    ]
    for index in range(2):
        monkeypatch.setenv("RANK", str(index))
        monkeypatch.setenv("WORLD_SIZE", "2")
        assert main([*command, "--shard", "auto"]) == 0
    parts = [str(tmp_path / f"s.{index}-of-2.sqlite") for index in range(2)]
    assert main(["merge", str(tmp_path / "all.sqlite"), *parts]) == 0
    assert "10" in capsys.readouterr().out
    assert not (tmp_path / "s.sqlite").exists()


@pytest.mark.parametrize("option", ["--store", "--run"])
def test_shards_need_a_store_and_a_name(tmp_path, capsys, option):
    small_folders.make(tmp_path)
    given = {"--store": str(tmp_path / "s.sqlite"), "--run": "r"}
    given.pop(option)
    words = [word for pair in given.items() for word in pair]
    assert main([*small_folders.arguments(tmp_path), "--shard", "0/2", *words]) == 2
    assert f"{option} must be given with --shard" in capsys.readouterr().err
