"""The machine code of the CUDA kernels: operations of float64 per element, as the committed table says."""

import re
import shutil
import sys
from pathlib import Path

import pytest

GPU = Path(__file__).parents[2] / "benchmarks" / "gpu"
ARCH = "sm_90"


@pytest.fixture(scope="module")
def modules():
    sys.path.insert(0, str(GPU))
    try:
        import machine_code
        import resources
    finally:
        del sys.path[0]
    return machine_code, resources


@pytest.fixture(scope="module")
def kernels(modules, tmp_path_factory):
    machine_code, resources = modules
    try:
        for name in ("nvcc", "cuobjdump", "nvdisasm"):
            machine_code.tool(name)
    except machine_code.MissingToolError as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("machine_code")
    built = [machine_code.build(work.op, ARCH, folder) for work in resources.WORK]
    return [kernel for binary in built for kernel in machine_code.kernels(binary, ARCH)]


@pytest.mark.once
def test_at_most_a_third_of_the_operations_of_float64_is_left(modules, kernels):
    machine_code, resources = modules
    for work in resources.WORK:
        count = resources.per_element(work, kernels, machine_code.FP64)
        assert 0 <= count <= work.before / 3, f"{work.op}: {count} of {work.before} FP64 operations a {work.element}"


@pytest.mark.once
def test_the_committed_table_is_what_this_compiler_makes(modules, kernels):
    machine_code, resources = modules
    committed = resources.TABLE.read_text()
    if f"nvcc {machine_code.compiler()}." not in committed:
        pytest.skip("the table is of another compiler")
    for row in resources.operations_table(kernels):
        assert row in committed


@pytest.mark.once
def test_nothing_spills(modules, kernels):
    assert modules[1].spills(kernels) == []


def test_the_committed_table_has_every_kernel_and_none_that_spills(modules):
    machine_code, resources = modules
    committed = resources.TABLE.read_text()
    sources = "".join(path.read_text() for path in (machine_code.SOURCES / "cuda").glob("*.cu*"))
    names = re.findall(r"__global__ void __launch_bounds__\([\w, <>]+\)\s+(\w+)\(", sources)
    assert len(names) > 20
    for name in names:
        assert f"`{name}<" in committed
    assert "Stack and local memory: none." in committed


def test_loops_are_found_in_a_listing(modules):
    """Two loops one inside the other, a short one, and code outside of any."""
    machine_code, resources = modules
    body = ["DADD R2, R2, R4", "FFMA R1, R1, R2, R3", "F2F.F64.F32 R4, R1", "BRA 0x20"]
    code = [
        "MOV R1, R2",
        "DMUL R2, R2, R4",
        *body,
        "LDG.E.128 R4, [R2]",
        "BRA 0x20",
        "DADD R2, R2, R2",
        "BRA 0x80",
        "EXIT",
    ]
    kernel = machine_code.Kernel("sum<64, float>", ARCH, 32, 0, 1024, 0, tuple(enumerate_addresses(code)))
    assert [(loop.begin, loop.end) for loop in kernel.loops()] == [(0x20, 0x70)]
    assert kernel.operations(machine_code.FP64) == 2
    assert kernel.operations(machine_code.FP32) == 1
    assert kernel.loads == {128: 1}
    assert kernel.threads == 64
    assert resources.occupancy(kernel) == 1.0
    assert machine_code.Kernel("x<256>", ARCH, 128, 0, 0, 0, ()).threads == 256


def enumerate_addresses(code):
    return ((16 * i, text) for i, text in enumerate(code))


def test_occupancy_by_registers_and_by_shared_memory(modules):
    machine_code, resources = modules

    def share(registers, shared, threads=256, arch=ARCH):
        return resources.occupancy(machine_code.Kernel(f"k<{threads}>", arch, registers, 0, shared, 0, ()))

    assert share(32, 0) == 1
    assert share(128, 0) == 0.25
    assert share(32, 40 << 10) == 5 * 8 / 64
    assert share(33, 0) == 6 * 8 / 64  # a warp gets registers 256 at a time
    assert share(64, 0, arch="sm_120") == 32 / 48


def test_a_missing_tool_is_named(modules, monkeypatch):
    machine_code, _ = modules
    monkeypatch.setattr(shutil, "which", lambda name, path: None)
    with pytest.raises(machine_code.MissingToolError, match="cuobjdump not found: install the CUDA toolkit"):
        machine_code.tool("cuobjdump")
