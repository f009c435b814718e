"""The environment chooses the backends that the tests run over."""

import pytest

import backends


@pytest.fixture(autouse=True)
def none_chosen(monkeypatch):
    monkeypatch.delenv("HYRA_BACKENDS", raising=False)


@backends.native
def test_these_alone(monkeypatch):
    everything = [backend.name for backend in backends.available()]
    monkeypatch.setenv("HYRA_BACKENDS", "reference,cpu")
    reference, cpu = (backend.name for backend in backends.available())
    assert (reference, cpu) == ("reference", f"cpu-{backends.MODULES['cpu'].simd_level()}")
    assert {reference, cpu} <= set(everything)


def test_what_is_named_must_be_there(monkeypatch):
    monkeypatch.setenv("HYRA_REQUIRE_BACKENDS", "reference,abacus")
    assert backends.missing() == ["abacus"]
    monkeypatch.setenv("HYRA_BACKENDS", "slide rule")
    assert backends.available() == []
    assert backends.missing() == ["slide rule", "reference", "abacus"]
