"""Scores in a file: kept at once, shared by processes, and never taken from a file of another kind."""

import math
import os
import sqlite3
import subprocess
import sys
import time

import pytest

from hyra.evaluate import Outcome, Plan, Runs
from hyra.evaluate.store.scores import Store, StoreError
from hyra.evaluate.work.keys import Key


def key(number: int) -> Key:
    return Key(f"{number:064x}", "0" * 64, "fsds", "{}", 1)


@pytest.mark.parametrize("value", [30.5, math.inf, -math.inf, math.nan, 1e-320])
def test_returns_what_was_kept(tmp_path, value):
    with Store(tmp_path / "s.sqlite") as store:
        store[key(1)] = value
    with Store(tmp_path / "s.sqlite") as store:
        assert store.get(key(1)) == pytest.approx(value, nan_ok=True, abs=0)
        assert store.get(key(2)) is None


def test_is_refused_where_it_is_something_else(tmp_path):
    text = tmp_path / "notes.sqlite"
    text.write_text("not a database, " * 100)
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    with Store(tmp_path / "later.sqlite"):
        pass
    with sqlite3.connect(tmp_path / "later.sqlite") as later:
        later.execute("PRAGMA user_version = 99")
    later.close()
    reasons = {"notes": "not a database", "other": "another database", "later": "later version of hyra"}
    for name, reason in reasons.items():
        with pytest.raises(ValueError, match=reason) as raised:
            Store(tmp_path / f"{name}.sqlite")
        assert "\n" not in str(raised.value)
    assert text.read_text().startswith("not a database")


WRITER = """
import sys
from pathlib import Path
from hyra.evaluate.store.scores import Store
from hyra.evaluate.work.keys import Key
with Store(Path(sys.argv[1])) as store:
    print("open", flush=True)
    for number in range(int(sys.argv[2]), int(sys.argv[3])):
        store[Key(f"{number:064x}", "0" * 64, "fsds", "{}", 1)] = float(number)
"""


def writer(path, first, last):
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(first), str(last)], stdout=subprocess.PIPE)


def test_two_processes_share_a_file(tmp_path):
    path = tmp_path / "s.sqlite"
    writers = [writer(path, 0, 300), writer(path, 300, 600)]
    assert [process.wait(120) for process in writers] == [0, 0]
    with Store(path) as store:
        assert [store.get(key(number)) for number in range(600)] == [float(number) for number in range(600)]


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_kill_loses_nothing_that_was_kept(tmp_path):
    path = tmp_path / "s.sqlite"
    process = writer(path, 0, 10**9)
    process.stdout.readline()
    time.sleep(0.3)
    process.kill()
    process.wait()
    with Store(path) as store:
        values = []
        while (value := store.get(key(len(values)))) is not None:
            values.append(value)
    assert values == [float(number) for number in range(len(values))]
    assert values


def test_a_run_that_another_process_began_anew_takes_no_pairs_of_the_old(tmp_path):
    methods, pair = [["A", 1.0, "sr", "hr"]], Outcome("A", 1.0, "a", "sr/a.png", "hr/a.png", error="broken")
    with Runs(tmp_path / "s.sqlite") as one, Runs(tmp_path / "s.sqlite") as other:
        one.begin("run", Plan(("psnr",)), methods, {})
        other.begin("run", Plan(("psnr",)), methods, {})  # the same: they share it
        one.add("run", 0, pair)
        other.begin("run", Plan(("ssim",)), methods, {})
        with pytest.raises(StoreError, match="begun anew by another process"):
            one.add("run", 0, pair)
        other.add("run", 0, pair)
        assert len(list(other.outcomes("run"))) == 1
