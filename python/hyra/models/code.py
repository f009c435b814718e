"""What a network that a name stands for is made of, beside its weights."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def code_of(spec: str) -> bytes:
    """The name itself of what hyra or a module brings, and the content of the file where it is one.

    Example:
        >>> code_of("bicubic")
        b'bicubic'
    """
    place, colon, name = spec.rpartition(":")
    if colon and name.isidentifier():
        return f"{name}\n".encode() + _content(Path(place) if place.endswith(".py") else _module_file(place))
    path = Path(spec)
    if not path.is_file():
        return spec.encode()
    content = _content(path)
    if path.suffix.lower() == ".onnx":  # its weights may lie in files beside it, which it names
        beside = sorted(file for file in path.parent.iterdir() if file.name.encode() in content and file != path)
        content += b"".join(map(_content, beside))
    return content


def _module_file(name: str) -> Path | None:
    found = importlib.util.find_spec(name)
    return Path(found.origin) if found and found.origin else None


def _content(file: Path | None) -> bytes:
    return file.read_bytes() if file and file.is_file() else b""
