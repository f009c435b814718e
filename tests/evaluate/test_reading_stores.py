"""Stores that can only be read: they are shown, compared, reported and merged, and nothing is written beside them."""

import ctypes
import os
import shutil
import sqlite3
import tempfile
import traceback
from contextlib import closing, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass

import pytest

from hyra.cli import main
from hyra.evaluate import Evaluation, Outcome, Plan, Runs, merge
from hyra.evaluate.store.scores import StoreError
from hyra.evaluate.work.keys import Key

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")

REFUSED = 99


def give_up_the_right_to_pass_over_permissions(folder):
    """Of root, in a process of its own (Linux's capset, CAP_DAC_OVERRIDE is 1); exits where it cannot be given up."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        if not hasattr(libc, "capset") or libc.capset(header, data) != 0:
            os._exit(REFUSED)
    with suppress(PermissionError):
        (folder / "probe").touch()
        os._exit(REFUSED)


def keep(file, *names):
    with Runs(file) as runs:
        for place, name in enumerate(names):
            plan = Plan(("psnr",))
            runs.begin(name, plan, [["EDSR", 4.0, "sr", "hr"]], {})
            for image in "abc":
                key = Key(f"{name} {image}", image, "psnr", plan.at(4).columns[0].settings, 1)
                runs.add(name, 0, Outcome("EDSR", 4.0, image, f"sr/{image}", f"hr/{image}", {key: 30.0 + place}))
            runs.finish(name)
    return file


@pytest.fixture
def store(tmp_path):
    """In a folder that nobody writes to."""
    (tmp_path / "in").mkdir()
    file = keep(tmp_path / "in" / "s.sqlite", "A", "B")
    file.chmod(0o444)
    file.parent.chmod(0o555)
    yield file
    file.parent.chmod(0o755)


@dataclass(frozen=True)
class Run:
    code: int
    text: str


def confined(command, store) -> Run:
    """A command as somebody who may not write where permissions say so: in a fork, which has imported everything."""
    with tempfile.TemporaryFile("w+") as output:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                give_up_the_right_to_pass_over_permissions(store.parent)
                with redirect_stdout(output), redirect_stderr(output):
                    code = main(command.split())
            except BaseException:
                traceback.print_exc(file=output)
            output.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        text = output.read()
    if code == REFUSED:
        pytest.skip("permissions do not bind this user")
    return Run(code, text)


COMMANDS = (
    "compare {store} A B",
    "history {store}",
    "report {store} A --out {out}/page.html",
    "merge {out}/m.sqlite {store}",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_reads_a_store(command, store, tmp_path):
    if command.startswith("report"):
        pytest.importorskip("plotly")
    run = confined(command.format(store=store, out=tmp_path), store)
    assert run.code == 0, run.text
    assert [path.name for path in store.parent.iterdir()] == ["s.sqlite"]


def test_a_store_that_a_killed_process_left(tmp_path):
    """A part of it is in a file of its own, which is read, too."""
    left = tmp_path / "left" / "s.sqlite"
    left.parent.mkdir()
    keep(tmp_path / "s.sqlite", "before")
    with Runs(tmp_path / "s.sqlite") as runs:
        runs._database.execute("PRAGMA wal_autocheckpoint = 0")
        runs.begin("after", Plan(("psnr",)), [["EDSR", 4.0, "sr", "hr"]], {})
        runs.add("after", 0, Outcome("EDSR", 4.0, "a", "sr/a", "hr/a", error="broken"))
        for end in ("", "-wal"):
            shutil.copy(tmp_path / f"s.sqlite{end}", f"{left}{end}")
    left.chmod(0o444)
    left.parent.chmod(0o555)
    run = confined(f"history {left}", left)
    left.parent.chmod(0o755)
    assert "before" in run.text
    assert "after" in run.text


def test_one_of_an_older_format_is_renewed_in_memory_alone(tmp_path):
    file = tmp_path / "s.sqlite"
    with Runs(file) as runs:
        runs[Key("a", "b", "fsds", "{}", 1)] = 30.5
        for table in ("run", "run_score", "pair", "response"):
            runs._database.execute(f"DROP TABLE {table}")
        runs._database.execute("DROP INDEX score_by_target")
        runs._database.execute("PRAGMA user_version = 1")
    before = file.read_bytes()
    with Runs(file, read_only=True) as runs:
        assert runs.get(Key("a", "b", "fsds", "{}", 1)) == 30.5
        assert runs.runs() == []
    assert file.read_bytes() == before


def test_nothing_is_written_through_it(tmp_path):
    file = keep(tmp_path / "s.sqlite", "A")
    before = file.read_bytes()
    with Runs(file, read_only=True) as runs, pytest.raises(StoreError, match="readonly"):
        runs[Key("a", "b", "fsds", "{}", 1)] = 1.0
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["a#b?c%41.sqlite", "ü.sqlite", b"\xff.sqlite"])
def test_names_that_mean_something_in_an_address(name, tmp_path):
    file = keep(tmp_path / os.fsdecode(name), "A")
    with Runs(file, read_only=True) as runs:
        assert len(Evaluation.load(runs, "A").outcomes) == 3
    assert len(merge(tmp_path / "all.sqlite", [file])) == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", b"x"),
        ("finished", b"x"),
        ("methods", "7"),
        ("methods", "[1]"),
        ("context", "[1]"),
        ("context", "null"),
        ("plan", "[" * 5000 + "]" * 5000),
    ],
)
def test_runs_of_other_kinds_than_were_written(tmp_path, column, value):
    file = keep(tmp_path / "s.sqlite", "A")
    with closing(sqlite3.connect(file)) as database:
        database.execute(f"UPDATE run SET {column} = ?", (value,))
        database.commit()
    with Runs(file) as runs, pytest.raises(ValueError, match="the store has a run that this version of hyra cannot"):
        runs.runs()
    with pytest.raises(ValueError, match=r"s\.sqlite has a run that cannot be read"):
        merge(tmp_path / "all.sqlite", [file])
