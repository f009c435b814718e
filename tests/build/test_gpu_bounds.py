"""What bounds each op on each card: the table that every kernel's header points to."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GPU = ROOT / "benchmarks" / "gpu"


@pytest.fixture(scope="module")
def bounds():
    sys.path.insert(0, str(GPU))
    try:
        import bounds
    finally:
        del sys.path[0]
    return bounds


def test_every_op_is_there_and_its_header_points_to_the_table(bounds):
    sources = sorted((ROOT / "csrc" / "cuda").glob("*.cu"))
    assert [work.op for work in bounds.WORK] == [path.stem for path in sources]
    for path in sources:
        header = path.read_text().partition("#include")[0]
        assert "bound on each card: benchmarks/gpu/KERNELS.md" in header
        assert "Bytes" in header


def test_the_committed_table_is_what_the_script_makes(bounds):
    assert "\n".join(bounds.table()) in (GPU / "KERNELS.md").read_text()


def test_the_longest_of_three_times(bounds):
    card = bounds.Card("x", memory=2, fp64=0.5, fp32=32)
    work = bounds.Work("op", "element", 4, bounds.Operations(8), bounds.Operations(2, 40))
    assert not card.is_quick_in_float64
    assert work.bound(card) == "FP64 2.0"
    assert work.bound(bounds.Card("y", memory=2, fp64=16, fp32=32)) == "memory (FP64 0.2)"
    assert work.bound(bounds.Card("z", memory=100, fp64=50, fp32=401)) == "FP32 2.5"
