"""FSDS by name in pyiqa, or in a stand-in that has the two places that `hyra.pyiqa` writes to."""

import sys
from types import ModuleType

import pytest
import torch

import hyra
from hyra.pyiqa import register


@pytest.fixture
def stand_in(monkeypatch):
    """pyiqa as far as it is used: a registry of classes, and a dictionary of metrics."""
    classes = {}
    registry, configs = ModuleType("pyiqa.utils.registry"), ModuleType("pyiqa.default_model_configs")
    registry.ARCH_REGISTRY = type("Registry", (), {"register": lambda _, c: classes.update({c.__name__: c})})()
    configs.DEFAULT_CONFIGS = {}
    for module in (ModuleType("pyiqa"), ModuleType("pyiqa.utils"), registry, configs):
        monkeypatch.setitem(sys.modules, module.__name__, module)

    def create_metric(name, **options):
        arguments = {**configs.DEFAULT_CONFIGS[name]["metric_opts"], **options}
        return classes[arguments.pop("type")](**arguments)

    return create_metric


def check(create_metric):
    register()
    register()
    preds, target = torch.rand(2, 2, 3, 24, 20)
    assert torch.equal(create_metric("fsds")(preds, target), hyra.fsds(preds, target))
    options = {"variant": "radial", "crop_border": 2}
    assert torch.equal(create_metric("fsds", **options)(preds, target), hyra.fsds(preds, target, **options))
    for name in ("mae", "mse", "fourier_mae", "fourier_mse", "fourier_psnr"):
        expected = getattr(hyra, name)(preds, target, crop_border=2)
        assert torch.equal(create_metric(name, crop_border=2)(preds, target), expected)


def test_stand_in(stand_in):
    check(stand_in)


def test_pyiqa():
    pyiqa = pytest.importorskip("pyiqa")
    check(lambda name, **options: pyiqa.create_metric(name, device="cpu", **options))
    assert "fsds" in pyiqa.list_models("FR")


def test_without_pyiqa(monkeypatch):
    for name in ("pyiqa", "pyiqa.default_model_configs"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match="pyiqa"):
        register()
