"""Networks by name: a checkpoint, an exported program, a Python callable, or one that hyra brings along."""

from hyra.models.model import Model, Network
from hyra.models.spec import load

__all__ = ["Model", "Network", "load"]
