"""The compiled modules as files: what they link, which registers they use where, what they export."""

import ast
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hyra import _native

_cpu = pytest.importorskip("hyra._native._cpu", reason="there are no compiled modules")

MODULES = {"_cpu": _cpu}
try:
    from hyra._native import _cuda

    MODULES["_cuda"] = _cuda
except ImportError:
    pass

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files")
each_module = pytest.mark.parametrize("name", MODULES)


def run(*command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@linux
@each_module
def test_links_neither_torch_nor_cudart(name):
    needed = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", MODULES[name].__file__))
    assert needed, "a module that needs no library at all was not read correctly"
    assert not [library for library in needed if re.search(r"torch|c10|cudart|cuda|mkl", library)]


@linux
def test_wide_registers_stay_in_their_namespace():
    # A symbol compiled for AVX2 or AVX-512 outside its namespace could be picked by the linker for every machine.
    allowed = {"ymm": ("4avx2", "6avx512"), "zmm": ("6avx512",)}
    stray, seen, symbol = [], set(), ""
    for line in run("objdump", "-d", "--no-show-raw-insn", _cpu.__file__).splitlines():
        if header := re.match(r"[0-9a-f]+ <(.+)>:", line):
            symbol = header[1]
        for register in set(re.findall(r"%([yz]mm)", line)):
            seen.add(register)
            if not any(namespace in symbol for namespace in allowed[register]):
                stray.append((register, symbol))
    assert not stray
    if "avx512" in _cpu.simd_levels():
        assert seen == {"ymm", "zmm"}, "the disassembly was not read correctly"


@linux
def test_one_openmp_runtime():
    maps = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "omp" in line}
    ours = [path for path in maps if re.search(r"/lib[gi]?omp", path) and "scikit_learn" not in path]
    assert len(ours) == 1, ours


def functions(module) -> dict[str, str]:
    found = {name: f for name, f in vars(module).items() if callable(f) and not name.startswith("_")}
    return {name: inspect.getdoc(f) for name, f in found.items()}


BACKEND_ONLY = {"simd_level", "simd_levels", "set_simd_level", "share", "runtime_version", "driver_version"}


@pytest.mark.skipif("_cuda" not in MODULES, reason="built without CUDA")
def test_modules_export_the_same_ops():
    cpu, cuda = (
        {name: doc for name, doc in functions(module).items() if name not in BACKEND_ONLY}
        for module in MODULES.values()
    )
    assert cpu == cuda
    assert len(cpu) > 0


@each_module
def test_stub_lists_every_function_and_argument(name):
    stubs = [ast.parse((Path(_native.__file__).parent / f"{stub}.pyi").read_text()) for stub in (name, "_kernels")]
    functions_of = (f for stub in stubs for f in stub.body if isinstance(f, ast.FunctionDef))
    in_stub = {f.name: [a.arg for a in f.args.args] for f in functions_of}
    in_module = {
        function: re.findall(r"(\w+): ", doc.split("->")[0].partition("(")[2])
        for function, doc in functions(MODULES[name]).items()
    }
    assert in_stub == in_module
