"""Ray as the engine: the bits of threads, whoever is killed in the middle."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import small_folders
import torch

from hyra import images
from hyra.cli import main
from hyra.evaluate.engines.ray import RayEngine, share
from hyra.evaluate.evaluation import evaluate
from hyra.evaluate.inputs.methods import Method
from hyra.evaluate.inputs.networks import network_methods
from hyra.evaluate.inputs.running import NetworkSpec
from hyra.evaluate.work.plan import Plan
from hyra.evaluate.work.sources import File

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
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the workers cannot import this file
    yield ray
    ray.shutdown()


@dataclass(frozen=True)
class Deadly(File):
    """A file whose reader dies, a number of times."""

    marks: Path = Path()
    deaths: int = 1

    def read(self):
        count = len(list(self.marks.iterdir()))
        if count < self.deaths:
            (self.marks / str(count)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read()


@dataclass(frozen=True)
class Broken(File):
    """A file whose reader has a fault of its own."""

    def read(self):
        raise ZeroDivisionError("a fault of the program")


@dataclass(frozen=True)
class Changed(Method):
    """A method one of whose images is another kind of source."""

    source: type[File] = File
    options: tuple = ()

    def sources(self, **options):
        pairs = super().sources(**options)
        return [(self.source(sr.path, *self.options), hr) if sr.image == "c" else (sr, hr) for sr, hr in pairs]


@pytest.fixture
def methods(tmp_path):
    (tmp_path / "marks").mkdir()
    return small_folders.make(tmp_path)


def changed(methods, source, *options):
    return [Changed(*vars(method).values(), source, options) for method in methods]


def test_the_bits_of_threads(ray, methods):
    expected = evaluate(methods, PLAN, name="run", progress=False)
    for workers in (1, 64):  # more than there are never start, and nothing waits for them
        result = evaluate(methods, PLAN, name="run", engine=RayEngine(), workers=workers, progress=False)
        assert result.outcomes == expected.outcomes
    assert ray.is_initialized()  # it is not ours


def test_workers_that_are_killed_change_nothing(ray, methods, tmp_path):
    expected = evaluate(methods, PLAN, name="run", progress=False)
    seen = []
    deadly = changed(methods, Deadly, tmp_path / "marks", 2)
    result = evaluate(deadly, PLAN, name="run", engine=RayEngine(), workers=2, progress=False, log=seen.append)
    assert len(list((tmp_path / "marks").iterdir())) == 2
    assert result.outcomes == expected.outcomes
    assert len(seen) == len(expected.outcomes)  # no pair comes twice


def test_a_pair_that_kills_every_worker_is_an_outcome(ray, methods, tmp_path):
    expected = evaluate(methods, PLAN, name="run", progress=False)
    deadly = changed(methods, Deadly, tmp_path / "marks", 3)
    result = evaluate(deadly, PLAN, name="run", engine=RayEngine(), workers=2, progress=False)
    failed = [outcome for outcome in result.outcomes if outcome.error]
    assert [outcome.image for outcome in failed] == ["c"]  # the other method's is read by the next worker
    assert failed[0].error.startswith("3 workers died on it, the last because: ")
    assert [outcome for outcome in result.outcomes if outcome.error is None] == [
        outcome for outcome in expected.outcomes if (outcome.method, outcome.image) != (failed[0].method, "c")
    ]


def test_networks_are_loaded_by_the_workers(ray, tmp_path):
    small_folders.make(tmp_path)
    (tmp_path / "net.py").write_text(NOISE)
    specs = [NetworkSpec.find(f"{tmp_path / 'net.py'}:noise"), NetworkSpec.find("demo-x2")]
    methods = network_methods(specs, tmp_path / "hr")
    expected = evaluate(methods, PLAN, name="run", workers=2, progress=False)
    result = evaluate(methods, PLAN, name="run", engine=RayEngine(), workers=2, progress=False)
    assert result.outcomes == expected.outcomes
    assert not any(outcome.error for outcome in result.outcomes)


def test_a_fault_of_the_program_is_what_it_is_in_a_thread(ray, methods):
    methods = changed(methods, Broken)
    expected = evaluate(methods, PLAN, name="run", progress=False)
    result = evaluate(methods, PLAN, name="run", engine=RayEngine(), workers=1, progress=False)
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


def test_killing_the_driver_and_going_on_changes_nothing(tmp_path):
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
    command = [sys.executable, "-m", "hyra", *arguments, "--store", str(store), "--engine", "ray", "--workers", "2"]
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
