"""What the numbers were computed with: versions, instruction set, threads, FFT libraries, GPU."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import torch

from hyra._native import threads
from hyra._native.modules import MODULES
from hyra._util.version import __version__
from hyra.spectrum.fft import fft_library_versions


def environment() -> dict[str, str]:
    """Everything about this machine that a result's provenance should say, in the words that a person wants to read.

    Example:
        >>> import hyra
        >>> environment()["hyra"] == hyra.__version__
        True
    """
    cpu, cuda = MODULES.get("cpu"), MODULES.get("cuda")
    return {
        "hyra": __version__,
        "Python": platform.python_version(),
        "torch": torch.__version__,
        "NumPy": _version("numpy"),
        "platform": platform.platform(),
        "compiled modules": ", ".join(f"_{name}" for name in MODULES) or "none, plain torch",
        "SIMD level": "none" if cpu is None else f"{cpu.simd_level()} (of {', '.join(cpu.simd_levels())})",
        "threads": str(threads.count()),
        "FFT libraries": ", ".join(f"{name} {version}" for name, version in fft_library_versions().items()),
        "CUDA kernels": "none" if cuda is None else f"runtime {_cuda_version(cuda.runtime_version())}",
        "CUDA driver": "none" if cuda is None else _cuda_version(cuda.driver_version()),
        "GPU": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _cuda_version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}" if number else "none"
