"""Results on disk: tensors as safetensors, everything else as JSON in the same file's header.

The file's metadata have two entries. `hyra` is the JSON of `{"format": 2, "kind": the name of the class, "fields":
...}`; `crc32` is a checksum over that text and all tensors, which tells a damaged file from a sound one. Files without
a format number, by hyra before it had one, are of format 0 and have no checksum. Whoever changes what is stored gives
`FORMAT` the next number, keeps its files as fixtures (tests/results/fixtures) and goes on reading all earlier ones.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from hyra._util import files
from hyra._util.extra import extra
from hyra.results.fields import pack, short, unpack

R = TypeVar("R")

_LONGEST_HEADER = 1 << 24
"""In bytes: a file that claims more is none of ours."""

FORMAT = 2
"""Number of the format that is written; all numbers up to it are read."""


def write(file: str | Path, result: Any) -> None:
    """Write a dataclass as `hyra.results.fields` says, in place of what was there before or not at all.

    Raises:
        TypeError, ValueError: it holds what could not be read again.
    """
    content = to_bytes(result)
    with files.replacing(file) as opened:
        opened.write(content)


def to_bytes(result: Any) -> bytes:
    """What `write` writes."""
    with _safetensors():
        from safetensors.torch import save

    kind = type(result)
    tensors: dict[str, Tensor] = {}
    fields = pack(result, tensors)
    try:
        unpack(kind, fields, dict(tensors), FORMAT)
    except ValueError as error:
        raise ValueError(f"a {kind.__name__} to be saved must be sound, got one of which {error}") from error
    header = json.dumps({"format": FORMAT, "kind": kind.__name__, "fields": fields}, allow_nan=False)
    return bytes(save(tensors, {"hyra": header, "crc32": checksum(header, tensors)}))


def read(file: str | Path, kind: type[R]) -> R:
    """Read what `write` wrote, now or in an earlier version; the types of the fields say how.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no result of this kind, is damaged, or was written by a newer version.
    """
    shown = repr(str(file))
    if not Path(file).is_file():
        raise FileNotFoundError(f"no file {shown} to load the {kind.__name__} from")
    return from_bytes(Path(file).read_bytes(), kind, shown)


def from_bytes(data: bytes, kind: type[R], shown: str) -> R:
    """The result that `to_bytes` was given; `shown` names the bytes in what is raised.

    Raises:
        ValueError: as for `read`.
    """
    name = kind.__name__
    try:
        metadata, tensors = _opened(data)
        header = metadata.get("hyra", "{}")
        content = parsed(header)
    except ValueError as error:
        raise ValueError(f"{shown} is no safetensors file of a result: {error}") from error
    if content.get("kind") != name:
        came = short(content["kind"]) if "kind" in content else "something else"
        raise ValueError(f"{shown} must hold a result of kind {name}, got {came}")
    try:
        form = format_of(content)
        if metadata.get("crc32", "" if form else None) not in (None, checksum(header, tensors)):
            raise ValueError("its content does not have the checksum that it was written with")
        if content.keys() != {"format", "kind", "fields"} - ({"format"} if form == 0 else set()):
            raise ValueError(f"its header must have format, kind and fields, got {short(list(content))}")
        result: R = unpack(kind, content["fields"], tensors, form)
        if tensors:
            raise ValueError(f"it must have no other tensors than its fields, got {short(min(tensors))}")
    except ValueError as error:
        raise ValueError(f"{shown} holds no sound {name}: {error}") from error
    return result


def kind_of(file: str | Path) -> str | None:
    """The kind of the result that a file says it holds; None where it is no file of one."""
    try:
        with Path(file).open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            header = parsed(opened.read(min(length, _LONGEST_HEADER)).decode())
        kind = parsed(header["__metadata__"]["hyra"]).get("kind")
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return kind if isinstance(kind, str) else None


def parsed(text: str) -> dict[str, Any]:
    """The JSON object that is all of `text`.

    Raises:
        ValueError: it is none, has a name twice, or is nested too deeply.
    """
    value = loaded(text)
    if not isinstance(value, dict):
        raise ValueError(f"its JSON must be an object, got {short(value)}")
    return value


def loaded(text: str) -> Any:
    """The JSON that is all of `text`.

    Raises:
        ValueError: it is none, has a name twice, or is nested too deeply.
    """
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None


def format_of(content: Mapping[str, Any]) -> int:
    """The number of the format that stored content says it has: 0 where it says none.

    Raises:
        ValueError: it is no number, or that of a newer version.
    """
    form = content.get("format", 0)
    if type(form) is not int or form < 0:
        raise ValueError(f"its format must be a number, got {short(form)}")
    if form > FORMAT:
        raise ValueError(f"its format must be at most {FORMAT}, got {short(form)}: a newer version of hyra wrote it")
    return form


def checksum(text: str, tensors: Mapping[str, Tensor]) -> str:
    """CRC-32 of a text and of tensors with their names, types and shapes, as 8 hexadecimal digits."""
    crc = zlib.crc32(text.encode())
    for name, tensor in sorted(tensors.items()):
        crc = zlib.crc32(f"{name} {tensor.dtype} {list(tensor.shape)}".encode(), crc)
        if tensor.numel():
            content: Any = tensor.reshape(-1).view(torch.uint8).numpy()
            crc = zlib.crc32(content, crc)
    return f"{crc:08x}"


def _opened(data: bytes) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a safetensors file."""
    with _safetensors():
        from safetensors import SafetensorError
        from safetensors.torch import load

    try:
        tensors = load(data)
    except (SafetensorError, KeyError, OverflowError, RuntimeError, TypeError) as error:
        raise ValueError(str(error).partition("\n")[0]) from error
    # The library gives no metadata of bytes, and takes the last of several entries with one name.
    return parsed(data[8 : 8 + int.from_bytes(data[:8], "little")].decode()).get("__metadata__", {}), tensors


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("its JSON has a name twice")
    return value


def _safetensors() -> AbstractContextManager[None]:
    return extra("cli", "saving and loading results")
