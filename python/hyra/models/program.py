"""Networks saved with their code: TorchScript archives and programs of `torch.export`. To load one is to trust it."""

from __future__ import annotations

import zipfile
from functools import partial
from pathlib import Path, PurePosixPath

import torch

from hyra.models.model import Model, reason

TORCHSCRIPT, EXPORTED = "TorchScript", "torch.export"

_EXPORTED_ENTRIES = {
    "archive_format",
    "serialized_exported_program.json",
}  # of torch 2.8 and later, and of those before


def program_kind(archive: zipfile.ZipFile) -> str | None:
    """`TORCHSCRIPT` or `EXPORTED`, None for an archive of weights; only the names of its entries are looked at."""
    entries = [PurePosixPath(name) for name in archive.namelist()]
    if any(entry.name in _EXPORTED_ENTRIES for entry in entries):
        return EXPORTED
    if any("code" in entry.parts[1:-1] or entry.name == "constants.pkl" for entry in entries):
        return TORCHSCRIPT
    return None


def load_program(path: Path, kind: str, scale: int | None) -> Model:
    """The network of a file whose code the user trusts."""
    try:
        if kind == TORCHSCRIPT:
            script: torch.nn.Module = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
            return Model(script.eval(), f"{path.name} ({kind})", scale)
        exported = torch.export.load(path).module()
    except Exception as error:
        raise ValueError(f"{path} cannot be read as a {kind} program: {reason(error)}") from error
    # partial: no longer an nn.Module, since the eval() of an exported one raises
    return Model(partial(exported), f"{path.name} ({kind})", scale)
