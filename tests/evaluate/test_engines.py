"""Processes and Ray as the engine: the bits of threads, whoever is killed in the middle."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import suppress

import faulty_sources
import pytest
import small_folders
import torch
from faulty_sources import Broken, Deadly, changed

from hyra import images
from hyra.cli import main
from hyra.evaluate.engines import processes
from hyra.evaluate.engines.processes import in_processes
from hyra.evaluate.engines.ray import RayEngine, share
from hyra.evaluate.evaluation import evaluate
from hyra.evaluate.inputs.networks import network_methods
from hyra.evaluate.inputs.running import NetworkSpec
from hyra.evaluate.work.plan import Plan

pytestmark = pytest.mark.once
PLAN = Plan(("psnr", "ssim", "fsds"))
NOISE = """
import torch

def noise(x):
    y = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return y + 0.1 * torch.randn_like(y)
"""


@pytest.fixture(scope="module")
def ray():
    """Two workers on this machine, for all tests of this file."""
    ray = pytest.importorskip("ray")
    ray.init(address="local", num_cpus=2, object_store_memory=128 << 20, include_dashboard=False, log_to_driver=False)
    ray.cloudpickle.register_pickle_by_value(faulty_sources)  # the workers cannot import that file
    yield ray
    ray.shutdown()


@pytest.fixture(params=["processes", "ray"])
def engine(request):
    return in_processes if request.param == "processes" else request.getfixturevalue("ray") and RayEngine()


@pytest.fixture
def methods(tmp_path):
    (tmp_path / "marks").mkdir()
    return small_folders.make(tmp_path)


def test_the_bits_of_threads(engine, methods):
    expected = evaluate(methods, PLAN, name="run", progress=False)
    result = evaluate(methods, PLAN, name="run", engine=engine, workers=1, progress=False)
    assert result.outcomes == expected.outcomes


def test_more_workers_than_ray_has_never_start_and_nothing_waits_for_them(ray, methods):
    expected = evaluate(methods, PLAN, name="run", progress=False)
    result = evaluate(methods, PLAN, name="run", engine=RayEngine(), workers=64, progress=False)
    assert result.outcomes == expected.outcomes
    assert ray.is_initialized()  # it is not ours


def test_workers_that_are_killed_change_nothing(engine, methods, tmp_path):
    expected = evaluate(methods, PLAN, name="run", progress=False)
    seen = []
    deadly = changed(methods, Deadly, tmp_path / "marks", 2)
    result = evaluate(deadly, PLAN, name="run", engine=engine, workers=2, progress=False, log=seen.append)
    assert len(list((tmp_path / "marks").iterdir())) == 2
    assert result.outcomes == expected.outcomes
    assert len(seen) == len(expected.outcomes)  # no pair comes twice


def test_a_pair_that_kills_every_worker_is_an_outcome(engine, methods, tmp_path):
    expected = evaluate(methods, PLAN, name="run", progress=False)
    deadly = changed(methods, Deadly, tmp_path / "marks", 3)
    result = evaluate(deadly, PLAN, name="run", engine=engine, workers=1, progress=False)
    failed = [outcome for outcome in result.outcomes if outcome.error]
    assert [outcome.image for outcome in failed] == ["c"]  # the other method's is read by the next worker
    assert failed[0].error.startswith("3 workers died on it, the last because: ")
    assert [outcome for outcome in result.outcomes if outcome.error is None] == [
        outcome for outcome in expected.outcomes if (outcome.method, outcome.image) != (failed[0].method, "c")
    ]


def test_networks_are_loaded_by_the_workers(engine, tmp_path):
    small_folders.make(tmp_path)
    (tmp_path / "net.py").write_text(NOISE)
    specs = [NetworkSpec.find(f"{tmp_path / 'net.py'}:noise"), NetworkSpec.find("demo-x2")]
    methods = network_methods(specs, tmp_path / "hr")
    expected = evaluate(methods, PLAN, name="run", workers=2, progress=False)
    result = evaluate(methods, PLAN, name="run", engine=engine, workers=2, progress=False)
    assert result.outcomes == expected.outcomes
    assert not any(outcome.error for outcome in result.outcomes)


def test_a_fault_of_the_program_is_what_it_is_in_a_thread(engine, methods):
    methods = changed(methods, Broken)
    expected = evaluate(methods, PLAN, name="run", progress=False)
    result = evaluate(methods, PLAN, name="run", engine=engine, workers=1, progress=False)
    assert result.outcomes == expected.outcomes
    assert sum("a fault of the program" in (outcome.error or "") for outcome in result.outcomes) == 2


def test_a_broken_image_does_not_and_relative_names_are_the_drivers(ray, methods, tmp_path, monkeypatch, capsys):
    (tmp_path / "results" / "bad" / "x4" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    monkeypatch.chdir(tmp_path)
    command = ["evaluate", "--hr", "hr", "--layout", "results", "--scores", "psnr", "--workers", "1"]
    assert main([*command, "--engine", "ray"]) == 1
    by_ray = capsys.readouterr()
    assert "bad x4, b: " in by_ray.err
    assert main(command) == 1
    assert by_ray.out == capsys.readouterr().out


def test_what_no_process_can_be_given_or_import_is_said(methods, monkeypatch):
    class Local(Broken):
        pass

    with pytest.raises(TypeError, match=r"engine must be one of this process, .*Local"):
        evaluate(changed(methods, Local), PLAN, name="run", engine=in_processes, workers=1, progress=False)

    class Unknown(Broken):
        __module__, __qualname__ = faulty_sources.__name__, "Unknown"

    monkeypatch.setattr(faulty_sources, "Unknown", Unknown, raising=False)  # here, but not in a process that starts
    with pytest.raises(TypeError, match=r"engine must be one of this process, .*Unknown"):
        evaluate(changed(methods, Unknown), PLAN, name="run", engine=in_processes, workers=1, progress=False)


def test_processes_that_cannot_start_end_the_evaluation(methods, monkeypatch):
    monkeypatch.setattr(processes, "_PROGRAM", "raise SystemExit(3)")
    with pytest.raises(ConnectionError, match=r"no worker could be started: its process ended \(exit status 3\)"):
        evaluate(methods, PLAN, name="run", engine=in_processes, workers=1, progress=False)


@pytest.mark.parametrize("engine", ["processes", "ray"])
def test_killing_the_driver_and_going_on_changes_nothing(engine, tmp_path):
    if engine == "ray":
        pytest.importorskip("ray")
    generator = torch.Generator().manual_seed(3)
    for index in range(30):
        hr = torch.rand(3, 200, 200, generator=generator)
        images.write(hr, tmp_path / "hr" / f"{index}.png")
        for method in ("good", "bad"):
            sr = hr + 0.1 * torch.randn(hr.shape, generator=generator)
            images.write(sr, tmp_path / "results" / method / "x4" / f"{index}.png")
    store = tmp_path / "scores.sqlite"
    arguments = [*small_folders.arguments(tmp_path), "--protocol", "y"]
    command = [sys.executable, "-m", "hyra", *arguments, "--store", str(store), "--engine", engine, "--workers", "2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while pairs(store) < 1:
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert 1 <= pairs(store) < 60
    resumed = subprocess.run(command, capture_output=True, text=True, check=True)
    whole = subprocess.run([sys.executable, "-m", "hyra", *arguments], capture_output=True, text=True, check=True)
    assert resumed.stdout == whole.stdout
    assert pairs(store) == 60
    with sqlite3.connect(store) as database:
        assert database.execute("SELECT count(*) FROM run").fetchone() == (1,)


def pairs(store):
    with suppress(sqlite3.OperationalError), sqlite3.connect(f"file:{store}?mode=ro", uri=True) as database:
        return database.execute("SELECT count(*) FROM pair").fetchone()[0]
    return 0


@pytest.mark.parametrize(
    ("cluster", "device", "workers", "expected"),
    [
        ({"CPU": 8.0}, "cpu", None, (8, {"num_cpus": 1})),
        ({"CPU": 8.0}, "cpu", 3, (3, {"num_cpus": 1})),
        ({"CPU": 8.0, "GPU": 2.0}, "cpu", 64, (8, {"num_cpus": 1})),
        ({"CPU": 8.0, "GPU": 2.0}, "cuda", None, (2, {"num_cpus": 1, "num_gpus": 1})),
        ({"CPU": 8.0, "GPU": 2.0}, "cuda", 1, (1, {"num_cpus": 1, "num_gpus": 1})),
        ({"CPU": 8.0, "GPU": 2.0}, "cuda", 4, (4, {"num_cpus": 1, "num_gpus": 0.5})),
    ],
)
def test_what_an_actor_takes(cluster, device, workers, expected):
    assert share(cluster, device, workers) == expected


def test_no_gpu(ray, methods):
    with pytest.raises(ValueError, match="no GPU"):
        evaluate(methods, Plan(device="cuda"), name="run", engine=RayEngine(), progress=False)
    with pytest.raises(ValueError, match="which GPU is whose"):
        evaluate(methods, Plan(device="cuda:1"), name="run", engine=RayEngine(), progress=False)


def test_without_ray_the_extra_is_named(methods, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ModuleNotFoundError, match=r"hyra\[ray\]"):
        evaluate(methods, PLAN, name="run", engine=RayEngine(), progress=False)


def test_an_address_needs_the_engine(tmp_path, capsys):
    small_folders.make(tmp_path)
    assert main([*small_folders.arguments(tmp_path), "--address", "auto"]) == 2
    assert "--address must be given with --engine ray" in capsys.readouterr().err
