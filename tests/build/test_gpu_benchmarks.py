"""The benchmarks for a GPU, as far as they can be tried without one: what they time, and that both sides agree."""

import json
import sys
import zipfile
from pathlib import Path

import pytest
import torch

import hyra.ops

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def path():
    """The benchmarks' folders on the path: they are scripts."""
    added = [str(BENCHMARKS / "gpu"), str(BENCHMARKS)]
    sys.path[:0] = added
    yield
    for folder in added:
        sys.path.remove(folder)


@pytest.fixture(scope="module")
def jobs(path):
    """Every job, small and on the CPU."""
    from jobs import jobs
    from measure import SMALL

    return [build() for _, build in jobs("cpu", **{**SMALL, "shapes": [(3, 36, 50), (6, 34, 33)]})]


def test_every_op_has_a_job(jobs):
    assert {job.name.split()[0] for job in jobs} == {*hyra.ops.__all__, "fsds", "fsds_loss"}


def test_ours_agrees_with_every_peer(jobs):
    from timing import difference

    for job in jobs:
        for peer, f in job.peers.items():
            error = difference(f(), job.ours())
            assert error <= job.tolerance, f"{job.name} beside {peer}: relative difference {error:.1e}"


def test_difference_takes_the_worst_tensor(jobs):
    from timing import difference

    two, off = torch.tensor([2.0, 4.0]), torch.tensor([2.0, 5.0])
    assert difference([two, off], [two, two]) == 0.25
    assert difference(two, two) == 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_the_command_says_that_there_is_no_gpu(tmp_path, capsys):
    from run import main

    assert main(["--out", str(tmp_path)]) == 0
    assert "no CUDA device" in capsys.readouterr().out


@pytest.mark.once
def test_a_dry_run_walks_every_step(tmp_path, capsys):
    from run import LIMITS, main

    assert main(["--dry-run", "--out", str(tmp_path)]) == 0, capsys.readouterr().out
    report = json.loads((tmp_path / "gpu.json").read_text())
    assert list(report["steps"]) == list(LIMITS)
    assert {step["status"] for step in report["steps"].values()} == {"passed"}
    assert all({"bandwidth", "of_copy", "graph_seconds"} <= row.keys() for row in report["jobs"])
    page = (tmp_path / "RESULTS.md").read_text()
    assert page.startswith("# no GPU (dry run)\n")
    assert all(row["name"] in page for row in report["jobs"])
    assert "the paper's algorithm" in page


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine whose commands are Python programs, given by the test."""
    from steps import Report

    from run import Machine

    class Programs(Machine):
        program = "pass"

        def pytest(self, *arguments):
            return [sys.executable, "-c", self.program]

        def measure(self, *arguments):
            return [sys.executable, "-c", self.program]

    machine = Programs(tmp_path)
    report = Report(tmp_path / "gpu.json", device="a card")
    report.save()
    return machine, report


def test_a_step_over_its_limit_ends_with_all_that_it_started(machine):
    from run import walk

    machine, report = machine
    child = "import time; time.sleep(60)"
    machine.program = (
        f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {child!r}]).pid, flush=True); {child}"
    )
    machine.limits["tests"] = 3.0
    assert not walk(machine, report, ["tests"])
    step = json.loads(report.path.read_text())["steps"]["tests"]
    assert step["status"] == "over its time limit"
    assert step["seconds"] < 30
    pid = int((machine.out / "tests.log").read_text())
    assert not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]


@pytest.mark.parametrize(
    ("status", "reason"), [(86, "memcheck reports errors"), (1, "tests failed"), (5, "no tests"), (9, "exit status 9")]
)
def test_what_a_sanitizer_found_is_told_from_what_pytest_did(machine, monkeypatch, status, reason):
    from run import sanitizer

    machine, _ = machine
    machine.program = f"raise SystemExit({status})"
    machine.dry = True  # the program itself, without the tool before it
    outcome = sanitizer(machine, "memcheck")
    assert (outcome.status, outcome.reason) == ("failed", reason)


def test_a_failing_step_does_not_stop_the_rest(machine):
    from run import walk

    machine, report = machine
    machine.program, machine.dry = "raise SystemExit(1)", True
    assert not walk(machine, report, ["tests", "benchmarks", "memcheck"])
    assert [step["status"] for step in report.values["steps"].values()] == ["failed"] * 3


def test_a_missing_tool_is_a_failure_that_says_so(machine, monkeypatch):
    import run

    machine, report = machine
    monkeypatch.setattr(run.shutil, "which", lambda name: None)
    assert not run.walk(machine, report, ["profile", "racecheck"])
    assert report.values["steps"]["profile"]["status"] == "missing tool"
    assert report.values["steps"]["racecheck"]["reason"] == "compute-sanitizer is not on PATH"


def test_a_failing_job_costs_its_own_row_alone(tmp_path, monkeypatch):
    import measure
    from steps import Report
    from timing import Job, Rehearsal

    def broken():
        raise RuntimeError("out of memory")

    one = torch.ones(3)
    right = Job("right", 12, lambda: one, {"peer": lambda: one})
    wrong = Job("wrong", 12, lambda: one, {"peer": lambda: 2 * one})
    monkeypatch.setattr(measure, "plans", lambda gpu: [("broken 3", broken), ("", lambda: wrong), ("", lambda: right)])
    report = Report(tmp_path / "gpu.json", device="a card")
    assert not measure.benchmark(report, Rehearsal())
    rows = json.loads(report.path.read_text())["jobs"]
    assert [row["name"] for row in rows] == ["broken 3", "wrong", "right"]
    assert rows[0]["error"] == "RuntimeError: out of memory"
    assert [row["agrees"] for row in rows] == [False, False, True]


def test_a_call_that_cannot_be_captured_is_timed_all_the_same():
    from timing import Job, Rehearsal, measure

    class NoGraphs(Rehearsal):
        def graph(self, f):
            raise RuntimeError("operation not permitted when stream is capturing")

    one = torch.ones(3)
    row = measure("", lambda: Job("right", 12, lambda: one, {}), NoGraphs(), 1e9)
    assert row["graph_seconds"] is None
    assert row["graph_error"].endswith("stream is capturing")
    assert row["agrees"]


def test_the_table_of_nsight_compute_is_read():
    from run import METRICS, parse_profile

    names = list(METRICS)
    lines = [
        "==PROF== Connected to process 1",
        ",".join(f'"{name}"' for name in ["ID", "Kernel Name", *names]),
        ",".join(f'"{unit}"' for unit in ["", "", "us", "Mbyte", "%", "%"]),
        ",".join(f'"{value}"' for value in ["0", "sum_tiles(Args)", "12.5", "66.1", "81.2", "33.0"]),
        "==PROF== Disconnected",
    ]
    expected = {"time": "12.5 us", "bytes": "66.1 Mbyte", "DRAM, % of peak": "81.2 %", "FP64 pipe, % of peak": "33.0 %"}
    assert parse_profile("\n".join(lines)) == {"sum_tiles(Args)": expected}
    assert parse_profile("==ERROR== no permission\n") == {}


def test_a_wheel_is_unpacked_and_must_be_for_this_python(tmp_path):
    from run import unpack

    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    wheel = tmp_path / f"hyra-1-{tag}-{tag}-linux_x86_64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("hyra/__init__.py", "")
    assert (unpack(wheel, tmp_path) / "hyra" / "__init__.py").exists()
    with pytest.raises(SystemExit, match=f"--wheel must be for this Python, {tag}, got hyra-1-cp39-cp39-any.whl"):
        unpack(tmp_path / "hyra-1-cp39-cp39-any.whl", tmp_path)
