"""What the compiler made of each CUDA kernel: ``python benchmarks/gpu/resources.py [--arch sm_90]``. Needs no GPU.

Registers, shared memory, stack and local memory (both must be zero: a spill), and the width of the global loads in the
machine code. cuobjdump and nvdisasm come with the CUDA toolkit or with `pip install 'hyra[gpu]'`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kernel:
    name: str
    registers: int
    stack: int
    shared: int
    local: int
    loads: Counter  # bits per thread and load -> how many in the machine code


def cuobjdump(*arguments: str) -> str:
    wheels = [str(path) for entry in sys.path for path in Path(entry).glob("nvidia/cu*/bin")]
    environment = {**os.environ, "PATH": os.pathsep.join([os.environ["PATH"], *wheels])}
    tool = shutil.which("cuobjdump", path=environment["PATH"])
    if tool is None:
        raise SystemExit("cuobjdump not found: install the CUDA toolkit, or pip install 'hyra[gpu]'")
    return subprocess.run([tool, *arguments], env=environment, capture_output=True, text=True, check=True).stdout


def readable(mangled: str) -> str:
    """`kernel<256, float>` from the mangled name, without the compiler's name for the anonymous namespace."""
    plain = subprocess.run(["c++filt", mangled], capture_output=True, text=True, check=False).stdout.strip() or mangled
    return re.sub(r"^void |hyra::cuda::|\(anonymous namespace\)::|_GLOBAL__N__\w+?_\d+::|\(int\)|\(.*\)$", "", plain)


def kernels(module: Path, arch: str) -> list[Kernel]:
    loads: dict[str, Counter] = {}
    for line in cuobjdump("--dump-sass", "-arch", arch, str(module)).splitlines():
        if found := re.search(r"Function : (\S+)", line):
            loads[found[1]] = current = Counter()
        elif found := re.search(r"\bLDG\.E(?:\.\w+)*?(?:\.(64|128))?\b", line):
            current[int(found[1] or 32)] += 1
    usage = cuobjdump("--dump-resource-usage", "-arch", arch, str(module))
    pattern = r"Function (\S+):\s+REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)"
    return sorted(
        (Kernel(readable(name), *map(int, numbers), loads[name]) for name, *numbers in re.findall(pattern, usage)),
        key=lambda kernel: kernel.name,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="sm_90", help="architecture to read (default: sm_90)")
    args = parser.parse_args()
    try:
        from hyra._native import _cuda
    except ImportError:
        print("hyra was built without its CUDA module: nothing to read")
        return 0
    found = kernels(Path(_cuda.__file__), args.arch)
    print(f"{'kernel':<60}{'registers':>10}{'shared':>8}{'stack':>7}{'local':>7}  loads (bits: number)")
    for kernel in found:
        widths = ", ".join(f"{bits}: {number}" for bits, number in sorted(kernel.loads.items()))
        print(f"{kernel.name:<60}{kernel.registers:>10}{kernel.shared:>8}{kernel.stack:>7}{kernel.local:>7}  {widths}")
    spilled = [kernel.name for kernel in found if kernel.local]
    if spilled:
        print("local memory in use by: " + ", ".join(spilled))
    return 1 if spilled or not found else 0


if __name__ == "__main__":
    raise SystemExit(main())
