"""hyra without its compiled modules, or without having been installed, in a process of its own."""

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import hyra
from hyra._util import version

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

NOT_INSTALLED = """
from importlib.metadata import Distribution, PackageNotFoundError
from_name = Distribution.from_name
def hidden(name):
    if name == "hyra":
        raise PackageNotFoundError(name)
    return from_name(name)
Distribution.from_name = hidden
"""
USE = """
import torch, hyra, hyra.environment
x = torch.rand(3, 8, 9, dtype=torch.float64)
assert hyra.fsds(x + 1e-3 * x.flip(-1), x) > hyra.fsds(x + 1e-2 * x.flip(-1), x)
assert hyra.environment.environment()["hyra"] == hyra.__version__
print(hyra.__version__, hyra.__file__)
"""


@pytest.fixture
def package(tmp_path):
    """The package's own files without what was compiled, in a checkout's folders."""
    package = tmp_path / "python" / "hyra"
    uncompiled = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(hyra.__path__[0], package, ignore=uncompiled, copy_function=os.symlink)
    return package


def run(package, program):
    """Its version and its warnings. ``-S``: an editable install would put itself before the path."""
    path = os.pathsep.join([str(package.parent), *(path for path in sys.path if path)])
    command = [sys.executable, "-S", "-c", program]
    environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=package.parent)
    assert done.returncode == 0, done.stderr
    said, file = done.stdout.split()
    assert Path(file) == package / "__init__.py"
    return said, [line for line in done.stderr.splitlines() if "RuntimeWarning: " in line]


def installed(package, tag):
    """As pip leaves it beside the package."""
    info = package.parent / f"hyra-{VERSION}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.2\nName: hyra\nVersion: {VERSION}\n")
    (info / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")


def test_a_checkout_that_is_not_installed_knows_its_version(package):
    shutil.copy(ROOT / "pyproject.toml", package.parents[1])
    said, warnings = run(package, NOT_INSTALLED + USE)
    assert said == VERSION
    (warning,) = warnings
    assert "without its compiled kernels, on plain torch, which is slower: they have not been built" in warning


def test_a_copy_that_belongs_to_no_checkout_has_no_version(package):
    said, _ = run(package, NOT_INSTALLED + USE)
    assert said == "0+unknown"


@pytest.mark.parametrize("text", ["", "[project]\nname = 'other'\nversion = '7'\n", "[project]\nname = 'hyra'\n", "]"])
def test_no_other_projects_version_is_taken(tmp_path, monkeypatch, text):
    (tmp_path / "pyproject.toml").write_text(text)
    monkeypatch.setattr(version, "_PYPROJECT", tmp_path / "pyproject.toml")
    assert version._of_checkout() == "0+unknown"


def built_without(package):
    installed(package, "py3-none-any")
    return "it was installed without them, by HYRA_NATIVE=OFF"


def built_for_another_python(package):
    installed(package, "cp39-cp39-linux_x86_64")
    (package / "_native" / "_cpu.cpython-39-x86_64-linux-gnu.so").write_bytes(b"")
    return "it was built for another Python (_cpu.cpython-39-x86_64-linux-gnu.so)"


def not_built(package):
    installed(package, "cp311-cp311-linux_x86_64")
    return "they have not been built, as in a source checkout: pip install it"


def broken(package):
    module = package / "_native" / f"_cpu{EXTENSION_SUFFIXES[0]}"
    module.write_bytes(b"rubbish" * 1000)
    return f"the module does not load ({module}"


@pytest.mark.parametrize(
    "prepare", [built_without, built_for_another_python, not_built, broken], ids=lambda f: f.__name__
)
def test_one_warning_says_why_there_are_no_kernels(package, prepare):
    reason = prepare(package)
    _, warnings = run(package, USE)
    (warning,) = warnings
    assert reason in warning
