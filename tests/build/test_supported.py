"""The README, the table of what is supported and the dependencies name the same versions."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
BOUNDS = dict(
    requirement.split(">=") for requirement in [f"Python{PROJECT['requires-python']}", *PROJECT["dependencies"]]
)


@pytest.mark.parametrize("name", ["Python", "torch"])
def test_readme_names_the_lower_bounds(name):
    named = re.findall(rf"{name} ([\d.]+\d)(?: or later| to \d)", (ROOT / "README.md").read_text())
    assert set(named) == {BOUNDS[name]}


def test_rows_are_within_the_lower_bounds():
    rows = PYPROJECT["tool"]["hyra"]["supported"].values()
    assert {row["python"] for row in rows} == {"oldest", "newest"}
    pins = {row["packages"] for row in rows}
    assert {"lowest", "newest"} < pins
    for name, version in (re.split("={2,3}", pin) for row in pins - {"lowest", "newest"} for pin in row.split()):
        lower = [int(part) for part in BOUNDS[name].split(".")]
        assert [int(part) for part in version.split(".")] > lower
