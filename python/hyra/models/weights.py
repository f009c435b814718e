"""What a checkpoint file holds, read so that nothing in it runs unless the user trusts it."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from hyra._util.extra import extra
from hyra.models.model import no_consent, reason
from hyra.models.program import program_kind

_STATE_DICT = ", or save the network's state_dict() alone"


def archived_program(path: Path) -> str | None:
    """The kind of program (`program_kind`) in a file, None where it is none; an archive that unfolds is refused."""
    if path.suffix.lower() == ".safetensors":  # weights by definition, whatever else the file may look like
        return None
    if not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            unfolded = sum(entry.file_size for entry in archive.infolist())
            kind = program_kind(archive)
    except Exception as error:  # zipfile has many for what is no zip
        raise _damaged(path, error) from error
    if kind is None and unfolded > path.stat().st_size:  # torch.save does not compress
        raise ValueError(
            f"{path} unfolds from {path.stat().st_size:,} to {unfolded:,} bytes, which no checkpoint does: "
            "save it again with torch.save"
        )
    return kind


def read_checkpoint(path: Path, trust_code: bool) -> object:
    """What `torch.save` or safetensors wrote: as a rule a dictionary with tensors somewhere in it.

    `path` holds no program. Without `trust_code` only tensors, numbers, strings and their containers are read.
    """
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty: download it, or save it, again")
    if path.suffix.lower() == ".safetensors":
        with extra("models", f"the checkpoint {path.name}"):
            from safetensors.torch import load_file
        try:
            return load_file(path)
        except Exception as error:
            raise _damaged(path, error) from error
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        if not trust_code:
            raise _refusal(path, error) from error
    try:
        return torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:
        raise _damaged(path, error) from error


def check_tensors(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Refuse tensors without data of their own, or with more than the file can hold: few bytes stride to any shape."""
    size = path.stat().st_size
    for key, tensor in weights.items():
        if tensor.is_nested or tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
            raise ValueError(f"{path} must hold dense tensors, got another kind for {key[:80]}")
        if max(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()) > size:
            raise ValueError(
                f"{path} claims {list(tensor.shape)} for {key[:80]}, more than its {size:,} bytes can hold"
            )


def _refusal(path: Path, error: Exception) -> ValueError:
    """Why a file cannot be read as weights alone: it holds code, or it is damaged, or nobody can tell which."""
    text = str(error)
    if name := re.search(r"GLOBAL (\S+)", text):
        return no_consent(path, f"the Python object {name[1]}", _STATE_DICT)
    if "TorchScript archive" in text or "legacy .tar" in text:
        return no_consent(path, "more than weights", _STATE_DICT)
    if not isinstance(error, pickle.UnpicklingError) or _beginning(path):
        return _damaged(path, error)
    detail = text.rpartition("WeightsUnpickler error:")[2].strip().partition("\n")[0]
    return no_consent(path, f"more than weights, or is damaged ({detail[:200]})", _STATE_DICT)


def _damaged(path: Path, error: Exception) -> ValueError:
    if text := _beginning(path):
        return ValueError(f"{path} is a text that begins with {text!r}, no checkpoint: download the file itself")
    return ValueError(f"{path} is damaged or incomplete: download it, or save it, again ({reason(error)})")


def _beginning(path: Path) -> str:
    """The first line of a text: the web page or the pointer of Git LFS that was saved instead of a file."""
    with path.open("rb") as file:
        start = file.read(200)
    line = start.partition(b"\n")[0].strip()[:60]
    return line.decode() if len(start) > 20 and start.isascii() and line.decode().isprintable() else ""
