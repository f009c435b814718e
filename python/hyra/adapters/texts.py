"""What a network needs beside its image, written as text: on a command line, in a manifest."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from hyra import images
from hyra.adapters.inputs import level


def input_of(name: str, text: str) -> object:
    """The value of an input.

    Args:
        name: of the input, for what is said of it.
        text: a number; numbers as a tensor (``0.1,0.2`` or ``0.1,``); ``map:0.1`` for one channel of that level in the
            image's size; or a file, ``.npy`` or an image, which is read.

    Raises:
        ValueError: it is none of these.

    Example:
        >>> input_of("sigma", "0.1"), input_of("levels", "1,2")
        (0.1, tensor([1., 2.]))
    """
    with suppress(ValueError):
        return int(text) if text.lstrip("+-").isdecimal() else float(text)
    with suppress(ValueError):
        if text.startswith("map:"):
            return level(float(text[4:]))
        return torch.tensor([float(number) for number in text.split(",") if number], dtype=torch.float32, device="cpu")
    file = Path(text)
    if not file.is_file():
        raise ValueError(f"input {name} must be a number, numbers, map:NUMBER or a file, got {text!r}")
    if file.suffix.lower() == ".npy":
        try:
            return np.load(file, allow_pickle=False)
        except Exception as error:
            raise ValueError(f"input {name}: {file} is no .npy file of numbers") from error
    return images.read(file)[None]


def content_of(text: str) -> bytes:
    """All that the value depends on: the text, and the bytes of the file that it names."""
    file = Path(text)
    return text.encode("utf-8", "surrogateescape") if not file.is_file() else file.read_bytes()
