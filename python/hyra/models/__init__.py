"""Networks by name: a checkpoint, an exported program, a Python callable, or one that hyra brings along."""

from hyra.models.spec import Model, load

__all__ = ["Model", "load"]
