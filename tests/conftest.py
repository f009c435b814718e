"""Shared fixtures: the backend, the dtype, the seed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

import backends


def pytest_report_header() -> str:
    return "hyra backends: " + ", ".join(backend.name for backend in backends.available())


def pytest_sessionstart() -> None:
    if missing := backends.missing():
        raise pytest.UsageError(f"HYRA_REQUIRE_BACKENDS names backends that are not available: {', '.join(missing)}")


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
