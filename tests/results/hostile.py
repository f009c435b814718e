"""Makes hostile files of results: every sound one with one thing wrong, by a writer that checks nothing."""

from __future__ import annotations

import copy
import io
import json
import pickle
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from hyra.results import storage

Path_ = tuple[str | int, ...]
CHOICES = ("form", "mode", "window", "variant", "boundary")
OPTIONAL = (
    *("reach", "period", "locality", "packing_error", "local", "explosion", "background_output"),
    *("similarity", "ring_cosine", "psnr", "fsds", "beta"),
)
OPTIONAL_OF = {"CopyCompensation": "scale"}
"""What some kind of result may lack, and others not."""
COUNTS = ("scale", "images", "canvas", "reach", "period")
FREE = ("provenance", "residuals", "options")
"""Mappings whose names and number are open."""


def content_of(data: bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The header's JSON and the tensors of a sound file."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["hyra"]), load(data)


def written(header: Any, tensors: dict[str, Tensor], checksum: str | None = "right") -> bytes:
    """A file with any header, and the right checksum unless another one is given."""
    text = header if isinstance(header, str) else json.dumps(header)
    right = storage.checksum(text, tensors) if checksum == "right" else checksum
    return save(tensors, {"hyra": text} | ({} if right is None else {"crc32": right}))


def raw(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """The outer format, with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def places(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Every place in the JSON, from the outside in."""
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from places(part, (*path, name))


def at(value: Any, path: Path_) -> Any:
    """What stands at a place."""
    for name in path:
        value = value[name]
    return value


def replaced(value: Any, path: Path_, new: Any) -> Any:
    """The same with something else at a place."""
    if not path:
        return new
    value = copy.deepcopy(value)
    at(value, path[:-1])[path[-1]] = new
    return value


def wrong_values(path: Path_, value: Any) -> Iterator[Any]:
    """What may not stand in place of a value: another type, an extreme number, a word that is no choice."""
    yield from ([[[]]], {"x": {"y": []}}, 10**30, -(10**30), [7, "a", None])
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    inside_free = any(part in FREE for part in path[:-1])
    if name not in OPTIONAL and "options" not in path and value is not None:
        yield None
    if "options" in path[:-1]:  # any number, text or None may stand there
        yield from ([], {})
    elif isinstance(value, bool):
        yield from (1, "true", 0.5)
    elif isinstance(value, int):
        yield from (1.5, "7", True, [])
        yield from (-5,) if name in COUNTS else ()
        yield from (0, 2000, 2**62) if name == "scale" else ()
    elif isinstance(value, float) or value in ("nan", "inf", "-inf"):
        yield from ("7", "NaN", "real", True, [], {})
    elif isinstance(value, str) and name in {"scale", "scales"}:  # an integer may stand there, too
        yield from ("7", "1/2", "3/0", "-3/2", "3/2/1", "22.5/7", "500/3", True, [], {})
    elif isinstance(value, str):
        yield from (7, True, [], ["real"], {})
        yield from ("nonsense", "") if name in CHOICES and not inside_free else ()
        yield from ("imaginary", "", "7") if value in ("real", "complex") else ()
        yield from ({"real": "complex"}[value],) if value == "real" else ()
    elif isinstance(value, dict):
        yield from ([], "x", 5)
        yield from ({},) if name not in FREE else ()
        yield from ({name: {}}, {name: []})
    elif isinstance(value, list):
        yield from ({}, "x", 5, [[]], [*value, {}], [None, *value])


def hostile_headers(header: dict[str, Any], tensors: dict[str, Tensor]) -> Iterator[tuple[str, bytes]]:
    """One thing wrong in the JSON."""
    for path in places(header["fields"], ("fields",)):
        value = at(header, path)
        for wrong in wrong_values(path, value):
            if wrong is None and path[-1] == OPTIONAL_OF.get(header["kind"]):
                continue
            yield f"{path} = {wrong!r}"[:90], written(replaced(header, path, wrong), tensors)
        if isinstance(value, dict) and path[-1] not in FREE:
            for name in value:
                less = {other: part for other, part in value.items() if other != name}
                yield f"{path} without {name}", written(replaced(header, path, less), tensors)
                renamed = {f"{other}_" if other == name else other: part for other, part in value.items()}
                yield f"{path} with {name} renamed", written(replaced(header, path, renamed), tensors)
            yield f"{path} with more", written(replaced(header, path, {**value, "__class__": "os.system"}), tensors)
    for form in (storage.FORMAT + 1, 10**30, -1, "1", True, 1.5, None, [], 0.0):
        yield f"format {form!r}", written(header | {"format": form}, tensors)
    for kind in (None, 7, [], {}, "", "Result", "os.system", "x" * 10**6, "a\nb\x1b[2J"):
        yield f"kind {kind!r}"[:60], written(header | {"kind": kind}, tensors)
    yield "no fields", written({name: header[name] for name in ("format", "kind")}, tensors)
    yield "more in the header", written(header | {"code": "import os"}, tensors)


def hostile_tensors(header: dict[str, Any], tensors: dict[str, Tensor]) -> Iterator[tuple[str, bytes]]:
    """One tensor wrong: its type, its shape, or numbers that no axis can have."""
    for name, tensor in tensors.items():
        others = (torch.bool, torch.uint8, torch.int32, torch.float8_e4m3fn, torch.complex64)
        changed = {str(dtype): tensor.nan_to_num(0, 0, 0).to(dtype) for dtype in others}
        changed["int64"] = tensor.double() if tensor.dtype == torch.int64 else tensor.nan_to_num(0, 0, 0).long()
        changed |= {"no dimension": tensor.flatten()[0], "more dimensions": tensor[(None,) * 4]}
        changed["60 dimensions"] = tensor[(None,) * (60 - tensor.ndim)]
        changed |= {f"nothing along {dim}": tensor.narrow(dim, 0, 0) for dim in range(-min(tensor.ndim, 2), 0)}
        if name.rpartition("/")[2].startswith(("frequency", "cutoff")):
            changed |= {"NaN": tensor * torch.nan, "infinite": tensor + torch.inf, "falling": tensor.flip(0)}
        for what, wrong in changed.items():
            yield f"{name} with {what}", written(header, tensors | {name: wrong.contiguous()})
        yield f"no {name}", written(header, {other: part for other, part in tensors.items() if other != name})
    yield "one more tensor", written(header, tensors | {"/more": torch.zeros(2)})


def hostile_containers(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What is wrong around the content: cut, swollen, deep, double, or no such file at all."""
    header, tensors = content_of(data)
    text = json.dumps(header)
    for end in {*range(0, len(data), max(1, len(data) // 40)), *range(12), len(data) - 1}:
        yield f"cut at {end}", data[:end]
    length = int.from_bytes(data[:8], "little")
    for claimed in (0, 1, length - 1, length + 1, 10**8 + 1, 2**40, 2**60, 2**63, 2**64 - 1):
        yield f"a header of {claimed}", struct.pack("<Q", claimed) + data[8:]
    yield "something behind", data + b"\0"
    for checksum in (None, "", "0" * 8, storage.checksum(text, tensors).upper() + " ", "nan"):
        yield f"checksum {checksum!r}", written(header, tensors, checksum)
    for deep in ("[" * 10_000, '{"a":' * 10_000, "[" * 10_000 + "]" * 10_000):
        yield "deep", written(deep, tensors)
        yield "deep fields", written(f'{{"format": 1, "kind": "{header["kind"]}", "fields": {deep}}}', tensors)
    huge = "7" * 100_000
    for wrong in (
        "",
        "null",
        "7",
        huge,
        "[]",
        '"text"',
        text + text,
        text[:-1],
        "\ud800",
        "NaN",
        text[:-1] + ', "kind": 7}',
    ):
        yield f"JSON {wrong[:20]!r}", written(wrong.encode(errors="replace").decode(), tensors)
    yield "huge format", written(re.sub(r'"format": \d+', f'"format": {huge}', text), tensors)
    for name in header["fields"] if isinstance(header["fields"], dict) else ():
        yield f"{name} twice", written(text.replace('"fields": {', f'"fields": {{"{name}": null, '), tensors)
    outer = data[8 : 8 + length]
    one = b'{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
    metadata = outer[outer.index(b'"__metadata__"') :].partition(b"}}")[0]
    yield "tensor twice", raw(b'{"a":%b,"a":%b}' % (one, one), b"x")
    yield "metadata twice", raw(b'{"__metadata__":{"hyra":"{}"},"__metadata__":{"hyra":"{}"}}')
    yield "entry twice", raw(outer.replace(b'"hyra"', b'"hyra":"{}","hyra"', 1), data[8 + length :])
    yield "no metadata", raw(json.loads(outer) | {"__metadata__": {}}, data[8 + length :])
    yield "metadata alone", raw(b"{%b}}" % metadata)
    for entry in (
        {"dtype": "F4", "shape": [4], "data_offsets": [0, 2]},
        {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]},
        {"dtype": "F32", "shape": [0, 2**63], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [0, 2**40, 2**40], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [2**32, 2**32], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [1] * 10_000, "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "O", "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**60]},
    ):
        changed = {"__metadata__": {"hyra": text}, "/response": entry}
        yield f"entry {entry}"[:90], raw(changed, b"abcd"[: max(0, entry["data_offsets"][1])])
    yield "no UTF-8", raw(b'{"\xff":1}')
    yield "nothing", b""
    yield "zeros", bytes(1000)
    yield "text", b"no tensors here, and long enough for a header"


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.file, "executed")


def hostile_programs(trap: Path) -> Iterator[tuple[str, bytes]]:
    """Files that are code for those who load them with other means."""
    yield "pickle", pickle.dumps(Trap(trap))
    archive = io.BytesIO()
    torch.save({"hyra": Trap(trap)}, archive)
    yield "torch.save", archive.getvalue()
    program = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Identity()), program)
    yield "TorchScript", program.getvalue()
