"""An editable install rebuilds on import only where it has the tools: pip removes those of an isolated build."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_rebuild_unless_it_is_asked_for():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["scikit-build"]
    for part in (settings, *settings.get("overrides", [])):
        assert part.get("editable", {}).get("rebuild", False) is False


def test_who_asks_for_it_keeps_the_tools():
    commands = re.findall(r"pip install [^&`\n]* -e [^&`\n]*", (ROOT / "CONTRIBUTING.md").read_text())
    assert any("editable.rebuild=true" in command for command in commands)
    assert all("--no-build-isolation" in command for command in commands if "editable.rebuild=true" in command)
