"""Shared fixtures: the backend, the dtype, the seed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# Before torch starts its threads: workers share the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(workers))))

import hypothesis
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

import backends
import hyra

# The same examples in every run, lest luck decide about a change; HYPOTHESIS_PROFILE=search looks for others.
# No deadline: how long an example takes says how busy the machine is.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_report_header() -> str:
    return "hyra backends: " + ", ".join(backend.name for backend in backends.available())


def pytest_sessionstart() -> None:
    if missing := backends.missing():
        raise pytest.UsageError(f"the environment names backends that are not available: {', '.join(missing)}")


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    if backends.SANITIZER:  # nothing else is built with it
        items[:] = [item for item in items if "backend" in item.fixturenames]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded as their ``summary``, in whichever process they ran."""
    for report in terminalreporter.getreports("passed"):
        for text in (value for name, value in report.user_properties if name == "summary"):
            terminalreporter.write_sep("-", report.nodeid)
            terminalreporter.write_line(str(text).strip())


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(params=backends.available(), ids=str)
def backend(request: pytest.FixtureRequest) -> Iterator[backends.Backend]:
    """Every backend of this machine in turn, in force during the test; `backend.device` is where its tensors live."""
    with backends.use(request.param):
        yield request.param


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    return request.param


@pytest.fixture
def use_library() -> Iterator[Callable[[str], None]]:
    """``use_library(name)`` transforms with that FFT library during the test, and skips where it is not installed."""

    def use(name: str) -> None:
        if name not in ("auto", *hyra.fft_library_versions()):
            pytest.skip(f"{name} is not installed")
        hyra.set_fft_library(name)

    threads = torch.get_num_threads()
    yield use
    torch.set_num_threads(threads)
    hyra.set_fft_library("auto")
