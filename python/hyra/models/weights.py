"""What a checkpoint file holds, read so that nothing in it runs unless the user trusts it."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from hyra._util.extra import extra
from hyra._util.texts import printable
from hyra.models.model import damaged, first_line, no_consent

_STATE_DICT = ", or save the network's state_dict() alone"


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
            with torch.device("cpu"):  # older ones leave it to the user's default
                return load_file(path)
        except Exception as error:
            raise damaged(path, error) from error
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        if not trust_code:
            raise _refusal(path, error) from error
    try:
        return torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:
        raise damaged(path, error) from error


def check_tensors(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Refuse tensors without data of their own, or with more than the file can hold: few bytes stride to any shape."""
    size = path.stat().st_size
    for key, tensor in weights.items():
        if tensor.is_nested or tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
            raise ValueError(f"{path} must hold dense tensors, got another kind for {printable(key, 80)}")
        if max(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()) > size:
            raise ValueError(
                f"{path} claims {list(tensor.shape)} for {printable(key, 80)}, more than its {size:,} bytes can hold"
            )


def _refusal(path: Path, error: Exception) -> ValueError:
    """Why a file cannot be read as weights alone: it holds code, or it is damaged, or nobody can tell which."""
    text = str(error)
    if name := re.search(r"GLOBAL (\S+)", text):
        return no_consent(path, f"the Python object {printable(name[1], 100)}", _STATE_DICT)
    if first_line(path) or not (isinstance(error, pickle.UnpicklingError) or "weights_only=True" in text):
        return damaged(path, error)
    detail = text.rpartition("WeightsUnpickler error:")[2].strip().partition("\n")[0].partition(". ")[0]
    return no_consent(path, f"more than weights, or is damaged ({printable(detail, 200)})", _STATE_DICT)
