"""Networks saved with their code: TorchScript archives and programs of `torch.export`. To load one is to trust it."""

from __future__ import annotations

import zipfile
from fractions import Fraction
from functools import partial
from pathlib import Path, PurePosixPath

import torch

from hyra._util.texts import printable
from hyra.adapters import fixed_size
from hyra.models.model import Model, Network, damaged, reason

TORCHSCRIPT, EXPORTED = "TorchScript", "torch.export"

_EXPORTED_ENTRIES = {
    "archive_format",
    "serialized_exported_program.json",
}  # of torch 2.8 and later, and of those before


def archived_program(path: Path) -> str | None:
    """`TORCHSCRIPT` or `EXPORTED`, None for weights: only the names in the archive are looked at."""
    if not _is_archive(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [PurePosixPath(name) for name in archive.namelist()]
    except Exception as error:  # zipfile has many for what is no zip
        raise damaged(path, error) from error
    if any(entry.name in _EXPORTED_ENTRIES for entry in entries):
        return EXPORTED
    if any("code" in entry.parts[1:-1] or entry.name == "constants.pkl" for entry in entries):
        return TORCHSCRIPT
    return None


def check_archive(path: Path, program: str | None) -> None:
    """Refuse weights that unfold to more than the file, and what is damaged: torch itself compares no checksum."""
    if not _is_archive(path):
        return
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            unfolded = sum(entry.file_size for entry in archive.infolist())
            is_bomb = program is None and unfolded > size  # torch compresses code, but no weights
            name = None if is_bomb else archive.testzip()
    except Exception as error:
        raise damaged(path, error) from error
    if is_bomb:
        raise ValueError(f"{path} unfolds from {size:,} to {unfolded:,} bytes: save it again with torch.save")
    if name:
        raise damaged(path, ValueError(f"the checksum of {printable(name, 80)} differs"))


def _is_archive(path: Path) -> bool:
    """Whether to open `path` as one; a .safetensors file is weights, whatever else it may look like."""
    try:
        return path.suffix.lower() != ".safetensors" and zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # an archive, but a damaged one
        return True


def load_program(path: Path, kind: str, scale: int | Fraction | None) -> Model:
    """The network of a file whose code the user trusts."""
    try:
        if kind == TORCHSCRIPT:
            script: torch.nn.Module = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
            return Model(script.eval(), f"{path.name} ({kind})", scale)
        program = torch.export.load(path)
        exported = program.module()
    except Exception as error:
        raise ValueError(f"{path} cannot be read as a {kind} program: {reason(error)}") from error
    batch, height, width = _fixed_sides(program)
    # partial: no longer an nn.Module, since the eval() of an exported one raises
    network: Network = partial(exported)
    if (batch, height, width) != (None, None, None):
        network = fixed_size(network, (height, width), batch=batch)
    return Model(network, f"{path.name} ({kind})", scale)


def _fixed_sides(program: torch.export.ExportedProgram) -> tuple[int | None, int | None, int | None]:
    """Number, height and width of the images that an exported program takes; None where it takes any."""
    names = set(program.graph_signature.user_inputs)
    taken = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    images = [value for value in taken if isinstance(value, torch.Tensor) and value.ndim == 4]
    if len(images) != 1:
        return None, None, None
    batch, _, height, width = (side if isinstance(side, int) else None for side in images[0].shape)
    return batch, height, width
