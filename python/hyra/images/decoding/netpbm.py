"""The netpbm formats P1 to P6 of any maxval: Pillow widens or narrows them to 8 bits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyra.images.decoding.decoded import Decoded, Pixels, check_size, decoded, first_of

_GAP = rb"(?:\s|#[^\n\r]*[\n\r])+"
_END = rb"(?:#[^\n\r]*)?\s"
_BITMAP = re.compile(rb"P([14])" + _GAP + rb"(\d+)" + _GAP + rb"(\d+)" + _END)
_OTHERS = re.compile(rb"P([2356])" + _GAP + rb"(\d+)" + _GAP + rb"(\d+)" + _GAP + rb"(\d+)" + _END)


def decode(path: Path) -> Decoded:
    """A bitmap, greymap or pixmap, as text or as bytes."""
    data = path.read_bytes()
    header = _BITMAP.match(data) or _OTHERS.match(data)
    if header is None:
        raise ValueError("its netpbm header is incomplete")
    kind, width, height, white = (int(number) for number in (*header.groups(), b"1")[:4])
    check_size(width, height)
    if not 0 < white < 65536:
        raise ValueError(f"its maxval must be in 1..65535, got {white}")
    shape = (height, width, 3 if kind in (3, 6) else 1)
    start = header.end()
    samples: NDArray[Any]
    if kind < 4:
        samples, end = _text(data[start:], shape, digits=kind == 1), len(data)
    elif kind == 4:
        end = start + height * ((width + 7) // 8)
        samples = _bits(data[start:end], shape)
    else:
        stored = np.dtype(np.uint8 if white < 256 else ">u2")
        end = start + int(np.prod(shape)) * stored.itemsize
        samples = _whole(np.frombuffer(data[start:end], np.uint8), end - start).view(stored).reshape(shape)
    if samples.max() > white or samples.min() < 0:
        raise ValueError(f"its values must be in 0..{white}, got {samples.min()}..{samples.max()}")
    pixels: Pixels = samples.astype(np.uint8 if white < 256 else np.uint16, copy=False)
    more = first_of(2) if re.match(rb"\s*P[1-6][\s#]", data[end : end + 64]) else []
    return decoded(1 - pixels if kind in (1, 4) else pixels, white, more)


def _text(body: bytes, shape: tuple[int, int, int], *, digits: bool) -> NDArray[np.int64]:
    """Decimal numbers, or digits 0 and 1 that need no gap between them."""
    body = re.sub(rb"#[^\n\r]*", b"", body)
    if digits:
        body = b" ".join(re.findall(rb"\S", body))
    elif not body[-1:].isspace():
        # A number that is cut off looks like a smaller one.
        raise ValueError("no line end follows its last number")
    count = int(np.prod(shape))
    return _whole(np.fromstring(body, np.int64, sep=" ")[:count], count).reshape(shape)


def _bits(body: bytes, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Rows of bits, each filled up to a byte."""
    height, width, _ = shape
    rows = _whole(np.frombuffer(body, np.uint8), height * ((width + 7) // 8)).reshape(height, -1)
    return np.unpackbits(rows, axis=1, count=width)[..., None]


def _whole(values: NDArray[Any], count: int) -> NDArray[Any]:
    if values.size != count:
        raise ValueError(f"it ends after {values.size} of {count} values")
    return values
