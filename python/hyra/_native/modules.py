"""Which compiled modules there are; without any, every op runs its plain-torch body."""

from __future__ import annotations

import importlib
import os
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType

import torch  # before the compiled modules: torch's OpenMP runtime then serves both

from hyra._util.warnings import warn


def _load_cpu() -> ModuleType | None:
    try:
        return importlib.import_module("hyra._native._cpu")
    except ImportError as error:
        warn(f"hyra runs without its compiled kernels, on plain torch, which is slower: {_why(error)}", RuntimeWarning)
        return None


def _why(error: ImportError) -> str:
    """Why there is no CPU module: built without on purpose, for another Python, not at all, or broken."""
    if not isinstance(error, ModuleNotFoundError):
        return f"the module does not load ({error})"
    if built := sorted(path.name for path in Path(__file__).parent.glob("_cpu.*") if path.suffix != ".pyi"):
        return f"it was built for another Python ({', '.join(built)})"
    try:
        wheel = distribution("hyra").read_text("WHEEL") or ""
    except PackageNotFoundError:
        wheel = ""
    if "py3-none-any" in wheel:
        return "it was installed without them, by HYRA_NATIVE=OFF"
    return "they have not been built, as in a source checkout: pip install it"


def _load_cuda() -> ModuleType | None:
    try:
        module = importlib.import_module("hyra._native._cuda")
    except ImportError:
        return None
    if torch.version.hip is not None:
        return None
    driver, runtime = module.driver_version(), module.runtime_version()
    if torch.cuda.is_available() and driver < runtime:
        warn(
            f"hyra's CUDA kernels were built with CUDA {runtime // 1000}.{runtime % 1000 // 10} and the driver "
            f"supports {driver // 1000}.{driver % 1000 // 10} at most: they are off, CUDA tensors use plain torch",
            RuntimeWarning,
        )
        return None
    return module


_loaded = {"cpu": _load_cpu(), "cuda": _load_cuda()}

MODULES: dict[str, ModuleType] = {device: module for device, module in _loaded.items() if module is not None}
"""The module that serves each device type; a device without one runs the plain-torch body of an op."""

if (_level := os.environ.get("HYRA_SIMD")) and "cpu" in MODULES:  # set to nothing counts as not set
    try:
        MODULES["cpu"].set_simd_level(_level)
    except ValueError as error:
        raise ValueError(f"environment variable HYRA_SIMD: {error}") from None
