"""Test each row of `[tool.hyra.supported]` in pyproject.toml, or those named, and say which versions it got.

Each has an environment of its own. The tests are those of the ops and the API, over the plain-torch bodies and the CPU
kernels, or over the former alone where a row has `kernels = false`: the wheel of a machine without a compiler. What is
built, what the command line does, evaluations and reports, training, files made to do harm, and tests marked `once` are
left to the README's command. The wheels are those in `dist/`; one that lacks there is built.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
ONCE = (
    *("build", "cli", "cuda_on_cpu", "demo", "evaluate", "models", "report"),
    *("ops/test_fuzz.py", "results/test_hostile_files.py"),
)
TESTS = ["tests", *(f"--ignore=tests/{place}" for place in ONCE)]
TITLES = ("set", "python", "torch", "numpy", "scipy", "passed", "failed", "skipped")

WHOLE_PYTHON = """
import ctypes, ensurepip, sqlite3, ssl, sys, venv
if sys.version_info.releaselevel == "final":
    print(sys.executable)"""
VERSIONS = """
import importlib.metadata, platform
print(platform.python_version(), *map(importlib.metadata.version, ["torch", "numpy", "scipy"]))"""
CORE_ALONE = """
import torch, hyra
x = torch.rand(3, 40, 50)
print("hyra", hyra.__version__, "with its dependencies alone:", hyra.fsds(x, x.flip(-1)))"""


@dataclass(frozen=True)
class Row:
    name: str
    interpreter: str
    packages: list[str]
    kernels: bool

    @property
    def environment(self) -> Path:
        return ROOT / f".venv-{self.name}"

    @property
    def python(self) -> Path:
        return self.environment / "bin/python"


def run(*command: str | Path, cwd: Path = ROOT, accept: tuple[int, ...] = (0,), **variables: str) -> None:
    status = subprocess.run(command, cwd=cwd, env=os.environ | variables, check=False).returncode
    if status not in accept:
        raise subprocess.CalledProcessError(status, command)


def output(*command: str | Path, **variables: str) -> str:
    """What a command prints; nothing where it fails."""
    done = subprocess.run(command, cwd="/", env=os.environ | variables, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def interpreters() -> list[str]:
    """The Pythons of this machine that hyra supports, pyenv's among them, the oldest first."""
    pyenv = output("pyenv", "versions", "--bare").split() if shutil.which("pyenv") else []
    oldest = int(PROJECT["requires-python"].removeprefix(">=3."))
    commands = filter(shutil.which, (f"python3.{minor}" for minor in range(oldest, oldest + 20)))
    executables = [output(command, "-c", WHOLE_PYTHON, PYENV_VERSION=":".join(pyenv)) for command in commands]
    return list(filter(None, executables)) or [sys.executable]


def lower_bounds(requirements: list[str]) -> Iterator[str]:
    """``name==1.2`` for every ``name>=1.2``, those of hyra's extras included; pip chooses what has no bound."""
    for requirement in requirements:
        if extras := re.fullmatch(r"hyra\[(.*)\]", requirement):
            for extra in extras[1].split(","):
                yield from lower_bounds(PROJECT["optional-dependencies"][extra])
        elif ">=" in requirement:
            yield requirement.replace(">=", "==")


def supported() -> list[Row]:
    pythons = interpreters()
    python = {"oldest": pythons[0], "newest": pythons[-1]}
    tested = [extras for extras in PROJECT["optional-dependencies"]["test"] if extras.startswith("hyra[")]
    packages = {"lowest": list(lower_bounds(PROJECT["dependencies"] + tested)), "newest": []}
    return [
        Row(
            name=name,
            interpreter=python[row["python"]],
            packages=packages.get(row["packages"], row["packages"].split()),
            kernels=row.get("kernels", True),
        )
        for name, row in PYPROJECT["tool"]["hyra"]["supported"].items()
    ]


def wheel(row: Row) -> Path:
    tag = output(row.python, "-c", "import sys; print('cp%d%d' % sys.version_info[:2])") if row.kernels else "py3-none"
    if not any((ROOT / "dist").glob(f"hyra-*-{tag}-*.whl")):
        options = {"HYRA_CUDA": "OFF"} if row.kernels else {"HYRA_NATIVE": "OFF"}
        run(row.python, "-m", "pip", "wheel", "-qq", "--no-deps", "--wheel-dir", "dist", ".", **options)
    return next((ROOT / "dist").glob(f"hyra-*-{tag}-*.whl"))


def install(row: Row) -> None:
    run(row.interpreter, "-m", "venv", "--clear", row.environment)
    package, pip = wheel(row), (row.python, "-m", "pip", "install", "-qq", "--no-compile")
    run(*pip, package, *(pin for pin in row.packages if pin.startswith(("torch==", "numpy==", "scipy=="))))
    run(row.python, "-c", CORE_ALONE, cwd=row.environment)
    run(*pip, f"{package}[test]", *row.packages)


def test(row: Row, installed: Future[None]) -> list[str]:
    """The row's line in the table."""
    try:
        installed.result()
        versions = output(row.python, "-c", VERSIONS)
        print(f"\n-- {row.name}: Python, torch, NumPy, SciPy {versions}", flush=True)
        report = row.environment / "report.xml"
        options = ["-q", "-n", "auto", "-rfE", "--disable-warnings", "-p", "no:cacheprovider", f"--junitxml={report}"]
        command = [str(row.python), "-m", "pytest", *options, "-m", "not once", *TESTS]
        backends = "reference,cpu" if row.kernels else "reference"
        run(*command, accept=(0, 1, 2), HYRA_BACKENDS=backends)  # whatever comes with a report
        suite = ElementTree.parse(report).getroot()[0]
        tests, skipped, *failed = (int(suite.attrib[count]) for count in ("tests", "skipped", "failures", "errors"))
        return [row.name, *versions.split(), str(tests - skipped - sum(failed)), str(sum(failed)), str(skipped)]
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"\n-- {row.name}: {error}", flush=True)
        return [row.name, row.interpreter, "-", "-", "-", "0", "not tested", "0"]
    finally:
        shutil.rmtree(row.environment, ignore_errors=True)


def main(*names: str) -> int:
    os.environ.setdefault("PIP_NO_CACHE_DIR", "1")  # what is downloaded once more takes less than what is kept twice
    rows = [row for row in supported() if not names or row.name in names]
    with ThreadPoolExecutor(1) as installer:  # the next row is installed while one is tested
        results = [test(row, done) for row, done in [(row, installer.submit(install, row)) for row in rows]]
    print("\n-- supported")
    for line in [TITLES, *results]:
        print("".join(cell.ljust(14) for cell in line).rstrip())
    return int(any(failed != "0" or passed == "0" for *_, passed, failed, _ in results))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
