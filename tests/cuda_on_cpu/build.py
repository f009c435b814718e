"""Builds the engine's targets with CMake, in a folder outside the source tree that later runs reuse."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Literal, get_args

from cuda_on_cpu import trees

Sanitizer = Literal["address", "thread"]  # with "address", undefined behaviour is reported as well
SANITIZERS: tuple[Sanitizer, ...] = get_args(Sanitizer)

SOURCE = Path(__file__).resolve().parent
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
_RUNTIME = {"address": "libasan.so", "thread": "libtsan.so"}


def available() -> bool:
    """Whether this machine can build the engine: Linux, and a C++20 compiler that CMake finds."""
    return sys.platform == "linux" and shutil.which(_compiler()) is not None


def build(sanitizer: Sanitizer | None = None) -> Path:
    """Build `_cuda_on_cpu`, every CUDA kernel on the engine, and return the path of the module."""
    return _build("cuda_on_cpu", sanitizer) / _variant(sanitizer) / f"_cuda_on_cpu{SUFFIX}"


def build_mutant(sanitizer: Sanitizer | None = None) -> Path:
    """Build `_cuda_on_cpu` from the kernels that lie in `mutant_kernels()`."""
    return _build("mutant", sanitizer) / "mutant" / _variant(sanitizer) / f"_cuda_on_cpu{SUFFIX}"


def mutant_kernels() -> Path:
    """The folder of `build_mutant`, for a changed copy of csrc/cuda."""
    return _tree() / "mutant" / "cuda"


def build_cpu(sanitizer: Sanitizer) -> Path:
    """Build `_cpu` with a sanitizer and `std::thread`, and return the path of the module."""
    return _build("cpu", sanitizer) / _variant(sanitizer) / f"_cpu{SUFFIX}"


@functools.cache
def build_selftest(sanitizer: Sanitizer | None = None) -> Path:
    """Build the engine's own tests and return the path of the program."""
    return _build("selftest", sanitizer) / _variant(sanitizer) / "selftest"


def load(path: Path) -> ModuleType:
    """Import a built module from its file."""
    spec = importlib.util.spec_from_file_location(path.name.split(".")[0], path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no extension module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def environment(sanitizer: Sanitizer) -> dict[str, str]:
    """The environment of a Python process that loads modules built with `sanitizer`.

    The process should drop LD_PRELOAD once it runs (`run_python` does): its children need no sanitizer's runtime.
    """
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(SOURCE.parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]),
        # The interpreter never frees some of its memory; torch's own threads synchronise in ways TSan cannot see.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "TSAN_OPTIONS": "halt_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    if sanitizer in _RUNTIME:
        # libstdc++ as well: the runtime looks for its __cxa_throw at the start, before torch has loaded it.
        env["LD_PRELOAD"] = " ".join(_library(name) for name in (_RUNTIME[sanitizer], "libstdc++.so.6"))
    return env


def run_python(sanitizer: Sanitizer, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m module arguments...` under a sanitizer, its output captured."""
    program = (
        "import os, runpy, sys; os.environ.pop('LD_PRELOAD', None); "
        "del sys.argv[0]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
    )
    command = [sys.executable, "-c", program, module, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment(sanitizer))


def _variant(sanitizer: Sanitizer | None) -> str:
    return sanitizer or "plain"


@functools.cache
def _tree() -> Path:
    # One tree for a checkout and an interpreter: ninja rebuilds what has changed, and a second run costs nothing.
    key = hashlib.sha256(f"{SOURCE} {sys.executable} {_compiler()}".encode()).hexdigest()[:16]
    tree = Path(tempfile.gettempdir()) / f"hyra-cuda-on-cpu-{os.getuid()}" / key
    trees.hold(tree)  # until this process ends
    return tree


def _build(target: str, sanitizer: Sanitizer | None) -> Path:
    tree = _tree()
    with open(tree / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (tree / "build.ninja").exists():
            import pybind11  # not where installed kernels are tested alone

            options = (f"-Dpybind11_DIR={pybind11.get_cmake_dir()}", f"-DPython_EXECUTABLE={sys.executable}")
            _run("cmake", "-G", "Ninja", "-S", SOURCE, "-B", tree, *options)
        _run("cmake", "--build", tree, "--target", f"{target}_{_variant(sanitizer)}")
    return tree


def _compiler() -> str:
    return os.environ.get("CXX", "c++")


def _library(name: str) -> str:
    command = [_compiler(), f"-print-file-name={name}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _run(*command: str | Path) -> None:
    # CMake and ninja may be installed beside the interpreter, whose environment need not be activated.
    env = os.environ | {"PATH": sysconfig.get_path("scripts") + os.pathsep + os.environ.get("PATH", os.defpath)}
    done = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True, env=env)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(str(part) for part in command)}\n{done.stdout}{done.stderr}")
