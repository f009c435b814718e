"""What the compiler made of the CUDA kernels, read from the machine code: no GPU is needed, nvcc and cuobjdump are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "csrc"
# Where wheels put the tools: nvidia-cuda-cuobjdump and its like, and triton, which torch brings along.
FOLDERS = ("nvidia/cu*/bin", "triton/backends/nvidia/bin")
FP64 = re.compile(r"(DADD|DMUL|DFMA|DSETP|DMNMX)\b|(F2F|F2I|I2F)\.(\S*F64|S64|U64)")
FP32 = re.compile(r"(FADD|FMUL|FFMA|FSETP|FMNMX)\b")


class MissingToolError(RuntimeError):
    """nvcc or cuobjdump is not there."""


@dataclass(frozen=True)
class Loop:
    begin: int
    end: int
    instructions: tuple[str, ...]


@dataclass(frozen=True)
class Kernel:
    name: str
    arch: str
    registers: int
    stack: int
    shared: int
    local: int
    code: tuple[tuple[int, str], ...]  # address, instruction

    @property
    def threads(self) -> int:
        """Of a block: the first argument of a kernel's template, or a warp."""
        found = re.search(r"<(\d+)", self.name)
        return int(found[1]) if found else 32

    @property
    def loads(self) -> Counter[int]:
        """Bits that a thread loads from global memory at once, and how many such loads there are."""
        found = (re.match(r"LDG\.E(?:\.\w+)*?(?:\.(64|128))?\b", instruction) for _, instruction in self.code)
        return Counter(int(load[1] or 32) for load in found if load)

    def loops(self) -> list[Loop]:
        """The outermost loops that are at least half as long as the longest: those that elements are worked on in."""
        jumps = {(int(to[1], 16), address) for address, text in self.code if (to := re.match(r"BRA\b.*0x(\w+)", text))}
        backward = sorted((to, address) for to, address in jumps if to < address)
        outer = [a for a in backward if not any(b != a and b[0] <= a[0] and a[1] <= b[1] for b in backward)]
        loops = [Loop(*at, tuple(text for address, text in self.code if at[0] <= address <= at[1])) for at in outer]
        longest = max((len(loop.instructions) for loop in loops), default=0)
        return [loop for loop in loops if 2 * len(loop.instructions) >= longest]

    def operations(self, pattern: re.Pattern[str]) -> int:
        """How many instructions of these loops match, or of all the code where nothing loops; on any path."""
        bodies = [loop.instructions for loop in self.loops()] or [tuple(text for _, text in self.code)]
        return sum(pattern.match(text) is not None for body in bodies for text in body)


def tool(name: str) -> str:
    folders = [str(path) for entry in sys.path for pattern in FOLDERS for path in Path(entry).glob(pattern)]
    path = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *folders]))
    if path is None:
        raise MissingToolError(f"{name} not found: install the CUDA toolkit, or pip install 'hyra[gpu]'")
    return path


def run(name: str, *arguments: str | Path) -> str:
    path = tool(name)
    # cuobjdump calls nvdisasm, which lies beside it
    environment = {**os.environ, "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(path).parent)])}
    done = subprocess.run([path, *map(str, arguments)], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} {' '.join(map(str, arguments))}\n{done.stderr}")
    return done.stdout


def compiler() -> str:
    """`13.0.88`: the compiler that a count is of."""
    found = re.search(r"V(\d+[\d.]*)", run("nvcc", "--version"))
    return found[1] if found else "unknown"


def build(op: str, arch: str, folder: Path) -> Path:
    """Compile csrc/cuda/op.cu for one architecture (`sm_90`), or for `all-major`, as the package's build does."""
    target = folder / f"{op}.{arch}.fatbin"
    options = ("-std=c++17", f"-I{SOURCES}", "-DHYRA_TARGET=cuda", f"-arch={arch}", "-fatbin")
    run("nvcc", *options, SOURCES / "cuda" / f"{op}.cu", "-o", target)
    return target


def readable(mangled: str) -> str:
    """`kernel<256, float>` from the mangled name, without the compiler's name for the anonymous namespace."""
    plain = subprocess.run(["c++filt", mangled], capture_output=True, text=True, check=False).stdout.strip() or mangled
    plain = plain.replace("(anonymous namespace)::", "")
    plain = re.sub(r"^void |hyra::cuda::|_GLOBAL__N__\w+?_\d+::|\((?:int|bool)\)|\(.*\)$", "", plain)
    return plain.replace("unsigned char", "uint8").replace("unsigned short", "uint16")


def kernels(binary: Path, arch: str | None = None) -> list[Kernel]:
    """Those in a module, a fatbin or a cubin, for one architecture or all."""
    chosen = ("-arch", arch) if arch else ()
    code: dict[tuple[str, str], list[tuple[int, str]]] = {}
    current: list[tuple[int, str]] = []
    of = arch or ""
    for line in run("cuobjdump", "--dump-sass", *chosen, binary).splitlines():
        if found := re.match(r"\s*arch = (sm_\w+)|\s*code for (sm_\w+)", line):
            of = found[1] or found[2]
        elif found := re.search(r"Function : (\S+)", line):
            current = code.setdefault((of, found[1]), [])
        elif found := re.match(r"\s+/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P\d+\s+)?(.*?)\s*;", line):
            current.append((int(found[1], 16), found[2]))
    result = []
    for line in run("cuobjdump", "--dump-resource-usage", *chosen, binary).splitlines():
        if found := re.match(r"\s*arch = (sm_\w+)", line):
            of = found[1]
        elif found := re.search(r"Function (\S+):", line):
            mangled = found[1]
        elif found := re.search(r"REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)", line):
            result.append(Kernel(readable(mangled), of, *map(int, found.groups()), tuple(code[of, mangled])))
    return sorted(result, key=lambda kernel: (kernel.name, kernel.arch))
