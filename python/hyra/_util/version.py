"""The version of hyra that runs."""

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"
_UNKNOWN = "0+unknown"


def _of_checkout() -> str:
    """What a source checkout that was never installed says of itself; elsewhere nobody knows."""
    try:
        project = tomllib.loads(_PYPROJECT.read_text(encoding="utf-8"))["project"]
        return str(project["version"]) if project["name"] == "hyra" else _UNKNOWN
    except (OSError, ValueError, KeyError):
        return _UNKNOWN


try:
    __version__ = version("hyra")
except PackageNotFoundError:
    __version__ = _of_checkout()
