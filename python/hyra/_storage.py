"""Results on disk: tensors as safetensors, everything else as JSON in the same file's header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor


def write(file: str | Path, kind: str, tensors: Mapping[str, Tensor], fields: Mapping[str, Any]) -> None:
    """Write one result; `fields` must be JSON."""
    save_file = _safetensors("save_file")
    header = {"hyra": json.dumps({"kind": kind, **fields})}
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, str(file), header)


def read(file: str | Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no result of this kind.
    """
    if not Path(file).is_file():
        raise FileNotFoundError(f"no file {str(file)!r} to load the {kind} from")
    try:
        with _safetensors("safe_open")(str(file), framework="pt") as opened:
            header = json.loads((opened.metadata() or {}).get("hyra", "{}"))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
    except (ValueError, OSError) as error:
        raise ValueError(f"{str(file)!r} is no safetensors file: {error}") from error
    except Exception as error:
        if type(error).__name__ != "SafetensorError":
            raise
        raise ValueError(f"{str(file)!r} is no safetensors file: {error}") from error
    if header.get("kind") != kind:
        raise ValueError(f"{str(file)!r} must hold a {kind} saved by hyra, got {header.get('kind', 'something else')}")
    del header["kind"]
    return tensors, header


def _safetensors(name: str) -> Any:
    try:
        if name == "save_file":
            from safetensors.torch import save_file

            return save_file
        from safetensors import safe_open

        return safe_open
    except ModuleNotFoundError as error:
        message = f"saving and loading results needs the package {error.name!r}: pip install 'hyra[cli]'"
        raise ModuleNotFoundError(message, name=error.name) from error
