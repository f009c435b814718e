"""The build options, on the configure step alone."""

import shutil
import subprocess
from pathlib import Path

import pybind11
import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake")


def configure(tmp_path: Path, value: str) -> subprocess.CompletedProcess:
    """Configure with HYRA_CUDA=value where there is no nvcc."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("cmake", "ninja", "c++", "g++", "cc", "ld", "as", "ar", "ranlib", "sh", "uname", "python3"):
        if path := shutil.which(tool):
            (tools / tool).symlink_to(path)
    command = ["cmake", "-S", str(ROOT), "-B", str(tmp_path / "build"), f"-DHYRA_CUDA={value}"]
    command += [f"-Dpybind11_DIR={pybind11.get_cmake_dir()}", "-G", "Ninja"]
    return subprocess.run(command, env={"PATH": str(tools)}, capture_output=True, text=True, check=False)


def test_on_without_nvcc_says_what_is_missing(tmp_path):
    done = configure(tmp_path, "ON")
    assert done.returncode != 0
    assert "HYRA_CUDA=ON needs nvcc" in " ".join(done.stderr.split())


@pytest.mark.parametrize("value", ["AUTO", "OFF"])
def test_otherwise_the_cpu_module_is_built_alone(tmp_path, value):
    done = configure(tmp_path, value)
    assert done.returncode == 0, done.stderr
    ninja = (tmp_path / "build" / "build.ninja").read_text()
    assert "_cpu." in ninja
    assert "_cuda." not in ninja


def test_unknown_value_is_refused(tmp_path):
    done = configure(tmp_path, "MAYBE")
    assert done.returncode != 0
    assert "AUTO, ON or OFF" in " ".join(done.stderr.split())
