"""The version of hyra that runs."""

from importlib.metadata import version

__version__ = version("hyra")
