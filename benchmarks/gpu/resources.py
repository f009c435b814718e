"""A table of what the compiler made of each CUDA kernel: ``python benchmarks/gpu/resources.py [--write]``. No GPU.

Registers and theoretical occupancy on every architecture that is built for; the stack and local memory, which must be
zero (a spill); the width of global loads; and the FP64 operations per element of the kernels that are bound by these
where float64 is slow. ``--write`` puts it into KERNELS.md beside this file, and exits with 1 where a kernel spills.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import bounds
import machine_code
from machine_code import FP32, FP64, Kernel

TABLE = Path(__file__).with_name("KERNELS.md")
REGISTERS, GRAIN = 65536, 256  # of a multiprocessor; that a warp gets a multiple of


@dataclass(frozen=True)
class Multiprocessor:
    """Limits from the table of compute capabilities in NVIDIA's programming guide."""

    cards: str
    warps: int
    blocks: int
    shared: int  # KiB


MULTIPROCESSORS = {
    "sm_75": Multiprocessor("T4, RTX 20", 32, 16, 64),
    "sm_80": Multiprocessor("A100", 64, 32, 164),
    "sm_90": Multiprocessor("H100, H200", 64, 32, 228),
    "sm_100": Multiprocessor("B200", 64, 32, 228),
    "sm_110": Multiprocessor("Thor", 48, 24, 228),
    "sm_120": Multiprocessor("RTX 50", 48, 24, 100),
}


@dataclass(frozen=True)
class Part:
    """A kernel's share in an op on float32, and the elements that one pass through its loops works on."""

    kernel: str
    elements: int


@dataclass(frozen=True)
class Work:
    """An op whose FP64 operations are counted, and how many there were before the pairs, counted alike (sm_90)."""

    op: str
    element: str
    before: float
    parts: tuple[Part, ...]


WORK = (
    Work("mean_std", "pixel", 7, (Part("chunk_moments<256, float>", 16),)),
    Work("standardized_difference", "pair of pixels", 36.25, (Part("standardize<256, float>", 16),)),
    Work(
        "response_moments",
        "sample",
        20,
        (Part("running_moments<256, float>", 4), Part("deviations<256, float>", 4)),
    ),
    Work("integral_energy", "pair of pixels", 16.67, (Part("sum_tiles<256, 3, Pair, float>", 12),)),
    Work(
        "quadrant_energy",
        "complex number",
        51.5,
        (Part("integral_energy<256, Pair, float>", 4), Part("column_sums<256, false, Pair, float>", 14)),
    ),
)


def per_element(work: Work, kernels: Sequence[Kernel], pattern: machine_code.re.Pattern[str]) -> float:
    named = {kernel.name: kernel for kernel in kernels}
    return sum(named[part.kernel].operations(pattern) / part.elements for part in work.parts)


def occupancy(kernel: Kernel) -> float:
    """The share of a multiprocessor's warps that fit at once; dynamic shared memory is not counted."""
    limits, warps = MULTIPROCESSORS[kernel.arch], kernel.threads // 32
    of_warp = -(-kernel.registers * 32 // GRAIN) * GRAIN
    blocks = min(limits.blocks, limits.warps // warps, REGISTERS // of_warp // warps)
    if kernel.shared:
        blocks = min(blocks, limits.shared * 1024 // kernel.shared)
    return blocks * warps / limits.warps


def spills(kernels: Sequence[Kernel]) -> list[str]:
    return sorted({kernel.name for kernel in kernels if kernel.stack or kernel.local})


def operations_table(kernels: Sequence[Kernel]) -> Iterator[str]:
    yield "| op, of float32 | element | FP64 before | FP64 | FP32 |"
    yield "|---|---|---:|---:|---:|"
    of_arch = [kernel for kernel in kernels if kernel.arch == "sm_90"]
    for work in WORK:
        counts = [per_element(work, of_arch, pattern) for pattern in (FP64, FP32)]
        yield f"| `{work.op}` | {work.element} | {work.before:.4g} | {counts[0]:.4g} | {counts[1]:.4g} |"


def resources_table(kernels: Sequence[Kernel]) -> Iterator[str]:
    archs = [arch for arch in MULTIPROCESSORS if any(kernel.arch == arch for kernel in kernels)]
    yield "| kernel | " + " | ".join(f"{arch} ({MULTIPROCESSORS[arch].cards})" for arch in archs) + " |"
    yield "|---|" + "---:|" * len(archs)
    found = {(kernel.name, kernel.arch): kernel for kernel in kernels}
    for name in sorted({kernel.name for kernel in kernels}):
        cells = [found[name, arch] for arch in archs]
        yield f"| `{name}` | " + " | ".join(f"{cell.registers}, {occupancy(cell):.0%}" for cell in cells) + " |"


def text(kernels: Sequence[Kernel]) -> str:
    spilled = spills(kernels)
    return "\n".join(
        [
            "# The CUDA kernels as machine code",
            "",
            f"Written by `python benchmarks/gpu/resources.py --write`, with nvcc {machine_code.compiler()}.",
            "",
            "## Operations per element",
            "",
            "Instructions of float64 (sums, products, comparisons, conversions) and of float32 in the loops that",
            "elements are worked on in, over the elements of one pass, on sm_90. All paths are counted, also those for",
            "pixels that are not aligned. `integral_energy` and `quadrant_energy` are counted as they run where",
            "float64 is slow; elsewhere they work in float64, as before.",
            "",
            *operations_table(kernels),
            "",
            "## What bounds each op",
            "",
            "By the bytes that it moves from and to memory and its operations (`bounds.py`), on data sheets' numbers:",
            "what takes longest, and how many times as long as the bytes. Of two counts of operations the second is",
            "where float64 is slow. Not measured; launches, L2, shared memory and chains of dependent operations are",
            "not counted.",
            "",
            *bounds.table(),
            "",
            "## Registers and occupancy",
            "",
            "Registers of a thread, and the share of a multiprocessor's warps that fit at once; dynamic shared memory",
            "is not counted. Stack and local memory: "
            + (f"in use by {', '.join(spilled)}" if spilled else "none")
            + ".",
            "",
            *resources_table(kernels),
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.name} instead of printing it")
    args = parser.parse_args()
    kernels: dict[tuple[str, str], Kernel] = {}  # some are compiled into several files
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted((machine_code.SOURCES / "cuda").glob("*.cu")):
            built = machine_code.build(source.stem, "all-major", Path(folder))
            kernels |= {(kernel.name, kernel.arch): kernel for kernel in machine_code.kernels(built)}
    everything = sorted(kernels.values(), key=lambda kernel: kernel.name)
    if args.write:
        TABLE.write_text(text(everything))
    else:
        print(text(everything))
    return 1 if spills(everything) else 0


if __name__ == "__main__":
    raise SystemExit(main())
