"""The choice of an FFT library: pure, forceable, visible."""

import subprocess
import sys

import pytest
import torch

import hyra


def test_versions_name_what_is_installed():
    versions = hyra.fft_library_versions()
    assert {"torch", "scipy"} <= versions.keys()
    assert versions["torch"] == torch.__version__


def test_auto_depends_on_shape_dtype_and_device_alone():
    awkward = "ducc0" if "ducc0" in hyra.fft_library_versions() else "scipy"
    assert hyra.fft_library((3, 512, 512), torch.float32, "cpu") == "torch"
    assert hyra.fft_library((3, 113, 113), torch.float32, "cpu") == "torch"
    assert hyra.fft_library((3, 1356, 2040), torch.float32, "cpu") == awkward
    assert hyra.fft_library((3, 512, 512), torch.float64, "cpu") == awkward
    assert hyra.fft_library((3, 1356, 2040), torch.float32, "cuda") == "torch"


@pytest.mark.parametrize("name", ["torch", "scipy", "ducc0"])
def test_forced(use_library, name):
    use_library(name)
    assert {hyra.fft_library((3, n, n), d, "cpu") for n in (64, 113) for d in (torch.float32, torch.float64)} == {name}


def test_unknown_name():
    with pytest.raises(ValueError, match="FFT library must be one of 'auto', 'torch', 'scipy', 'ducc0', got 'fftw'"):
        hyra.set_fft_library("fftw")


def test_missing_library(monkeypatch):
    monkeypatch.setattr("hyra.ops.transforms.HAS_DUCC0", False)
    with pytest.raises(ValueError, match="'ducc0' is not installed"):
        hyra.set_fft_library("ducc0")
    assert hyra.fft_library((3, 1356, 2040), torch.float32, "cpu") == "scipy"


def test_environment_variable(monkeypatch):
    monkeypatch.setenv("HYRA_FFT", "scipy")
    code = "import hyra, torch; print(hyra.fft_library((64, 64), torch.float32, 'cpu'))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "scipy\n"
    monkeypatch.setenv("HYRA_FFT", "fftw")
    failed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "environment variable HYRA_FFT: FFT library must be one of 'auto', " in failed.stderr
