"""Image files written by hand, for what no library writes."""

from __future__ import annotations

import struct
import zlib

import numpy as np

ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""First row, first column, step of rows and of columns of each pass."""


def packed(values: np.ndarray, bits: int) -> bytes:
    """Rows of samples [H, N] of `bits` each, highest bit first, each row filled up to a byte."""
    planes = values.astype(np.uint32)[..., None] >> np.arange(bits - 1, -1, -1, dtype=np.uint32) & 1
    return np.packbits(planes.reshape(len(values), -1).astype(np.uint8), axis=1).tobytes()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    pixels: np.ndarray,
    depth: int,
    colours: int,
    before: bytes = b"",
    after: bytes = b"",
    *,
    interlaced: bool = False,
) -> bytes:
    """A PNG of [H, W, C] samples of `depth` bits, and chunks before and after the pixels."""
    height, width, _ = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, int(interlaced))
    parts = [pixels[top::down, left::right] for top, left, down, right in ADAM7] if interlaced else [pixels]
    rows = b"".join(b"\0" + packed(row.reshape(1, -1), depth) for part in parts if part.size for row in part)
    body = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + body + after + chunk(b"IEND", b"")


def exif(orientation: int) -> bytes:
    """An EXIF block that holds an orientation alone."""
    return b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def profile(name: bytes) -> bytes:
    """An ICC profile in name alone: what a reader that does not apply it looks at."""
    body = b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + bytes(1 + 67)
    table = struct.pack(">I", 1) + b"desc" + struct.pack(">II", 144, len(body))
    size = struct.pack(">I", 144 + len(body))
    header = size + b"lcms\x02\x40\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(88)
    return header + table + body


def tiff(
    values: np.ndarray, bits: int, photometric: int, order: str = "<", more: dict[int, int] | None = None
) -> bytes:
    """A TIFF of one strip without compression, of [H, W, C] samples; `more` are further tags of one short each."""
    height, width, channels = values.shape
    if bits in (8, 16):
        data = values.astype(f"{order}u{bits // 8}").tobytes()
    else:
        data = packed(values.reshape(height, -1), bits)
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 277: channels, 278: height}
    tags |= {273: 0, 279: len(data)} | (more or {})
    directory = 8
    tags[273] = directory + 2 + 12 * len(tags) + 4 + 2 * channels
    body = struct.pack(order + "H", len(tags))
    for tag, value in sorted(tags.items()):
        if tag == 258 and channels > 2:
            body += struct.pack(order + "HHII", tag, 3, channels, directory + 2 + 12 * len(tags) + 4)
        elif tag in (273, 279):
            body += struct.pack(order + "HHII", tag, 4, 1, value)
        elif tag == 258 and channels == 2:
            body += struct.pack(order + "HHIHH", tag, 3, 2, bits, bits)
        else:
            body += struct.pack(order + "HHIHH", tag, 3, 1, value, 0)
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", directory)
    return start + body + bytes(4) + struct.pack(order + f"{channels}H", *[bits] * channels) + data


def bmp(rows: np.ndarray, bits: int, *, masks: tuple[int, ...] = (), palette: bytes = b"", down: bool = False) -> bytes:
    """A BMP of [H, bytes] rows, from the lowest up unless `down`; `masks` of red, green, blue (and alpha)."""
    height, length = rows.shape
    width = length * 8 // bits
    stored = np.pad(rows if down else rows[::-1], ((0, 0), (0, -length % 4))).tobytes()
    fields = b"".join(struct.pack("<I", mask) for mask in masks)
    size = 40 + (len(fields) if len(masks) == 4 else 0)
    offset = 14 + 40 + len(fields) + len(palette)
    compression = 3 if masks else 0
    header = struct.pack("<IiiHHIIiiII", size, width, -height if down else height, 1, bits, compression, 0, 0, 0, 0, 0)
    return struct.pack("<2sIHHI", b"BM", offset + len(stored), 0, 0, offset) + header + fields + palette + stored
