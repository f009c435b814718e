"""The scores by name in pyiqa, or in a stand-in that has the two places that `hyra.pyiqa` writes to."""

import sys
from types import ModuleType

import pytest
import torch

import hyra
from hyra.pyiqa import PairScore, register
from hyra.scores.table import SCORES

OWN = ("psnr", "ssim", "ms_ssim")
LOWER = ("mae", "mse", "fourier_mae", "fourier_mse")


class Own:
    """A metric of pyiqa's."""


@pytest.fixture
def stand_in(monkeypatch):
    """pyiqa as far as it is used: a registry of classes, and a dictionary of metrics."""
    classes = {}
    registry, configs = ModuleType("pyiqa.utils.registry"), ModuleType("pyiqa.default_model_configs")
    registry.ARCH_REGISTRY = type("Registry", (), {"register": lambda _, c: classes.update({c.__name__: c})})()
    configs.DEFAULT_CONFIGS = {name: {"metric_opts": {"type": "Own"}} for name in OWN}
    classes["Own"] = Own
    for module in (ModuleType("pyiqa"), ModuleType("pyiqa.utils"), registry, configs):
        monkeypatch.setitem(sys.modules, module.__name__, module)

    def create_metric(name, **options):
        arguments = {**configs.DEFAULT_CONFIGS[name]["metric_opts"], **options}
        return classes[arguments.pop("type")](**arguments)

    return create_metric


def check(create_metric):
    register()
    register()
    preds, target = torch.rand(2, 2, 3, 176, 164)
    for name in SCORES:
        expected = getattr(hyra, name)(preds, target, crop_border=1)
        assert torch.equal(create_metric(f"hyra_{name}", crop_border=1)(preds, target), expected)
        if name not in OWN:
            assert torch.equal(create_metric(name, crop_border=1)(preds, target), expected)
    options = {"variant": "radial", "crop_border": 2}
    assert torch.equal(create_metric("fsds", **options)(preds, target), hyra.fsds(preds, target, **options))
    with pytest.raises(TypeError, match="variants"):
        create_metric("fsds", variants="radial")


def test_stand_in(stand_in):
    check(stand_in)
    assert all(isinstance(stand_in(name), Own) for name in OWN)  # names that pyiqa has stay its own


def test_the_directions_and_ranges(stand_in):
    register()
    from pyiqa.default_model_configs import DEFAULT_CONFIGS

    lower = {name for name, config in DEFAULT_CONFIGS.items() if config.get("lower_better")}
    assert lower == {f"{prefix}{name}" for prefix in ("", "hyra_") for name in LOWER}
    assert DEFAULT_CONFIGS["hyra_ssim"]["score_range"] == "-1, 1"


def test_no_such_score():
    with pytest.raises(ValueError, match="score must be one of 'psnr', 'ssim', "):
        PairScore("lpips")


def test_pyiqa():
    pyiqa = pytest.importorskip("pyiqa")
    check(lambda name, **options: pyiqa.create_metric(name, device="cpu", **options))
    assert {"fsds", "hyra_fsds", "hyra_ssim"} <= set(pyiqa.list_models("FR"))
    assert not isinstance(pyiqa.create_metric("ssim", device="cpu").net, PairScore)


def test_without_pyiqa(monkeypatch):
    for name in ("pyiqa", "pyiqa.default_model_configs"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match="pyiqa"):
        register()
