"""Results on disk: tensors as safetensors, everything else as JSON in the same file's header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from torch import Tensor

from hyra._extra import extra


def write(file: str | Path, kind: str, tensors: Mapping[str, Tensor], fields: Mapping[str, Any]) -> None:
    """Write one result; `fields` must be JSON."""
    with _safetensors():
        from safetensors.torch import save_file

    header = {"hyra": json.dumps({"kind": kind, **fields})}
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, str(file), header)


def read(file: str | Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no result of this kind.
    """
    with _safetensors():
        from safetensors import SafetensorError, safe_open

    if not Path(file).is_file():
        raise FileNotFoundError(f"no file {str(file)!r} to load the {kind} from")
    try:
        with safe_open(str(file), framework="pt") as opened:
            header = json.loads((opened.metadata() or {}).get("hyra", "{}"))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{str(file)!r} is no safetensors file: {error}") from error
    found = header.pop("kind", "something else")
    if found != kind:
        raise ValueError(f"{str(file)!r} must hold a result of kind {kind}, got {found}")
    return tensors, header


def _safetensors() -> AbstractContextManager[None]:
    return extra("cli", "saving and loading results")
