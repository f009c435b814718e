"""PNG, by imagecodecs where it is installed, and by Pillow up to 8 bits."""

from __future__ import annotations

import struct
import zlib
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from hyra._util.extra import extra
from hyra.images.decoding import pillow
from hyra.images.decoding.decoded import Decoded, check_size, coloured, decoded, first_of, rotated

if TYPE_CHECKING:
    from PIL.Image import Exif


def decode(path: Path) -> Decoded:
    """Grey, RGB or palette, with or without alpha; of an animation the still picture."""
    from PIL import Image

    data = path.read_bytes()
    chunks = _chunks(data)
    width, height, depth = struct.unpack(">IIB", chunks[b"IHDR"][:9])
    check_size(width, height)
    ignored = _ignored(chunks)
    if depth == 16 or find_spec("imagecodecs"):
        with extra("images", "reading PNG of 16 bits"):
            import imagecodecs
        return decoded(imagecodecs.png_decode(data), 65535 if depth == 16 else 255, ignored)
    with Image.open(BytesIO(data), formats=("PNG",)) as image:
        if image.mode == "L" and depth < 8 and "transparency" in image.info:
            # Pillow compares the key with levels that it has widened to 8 bits.
            image.info["transparency"] *= 255 // (2**depth - 1)
        return decoded(pillow.pixels(image), 255, ignored)


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """The first chunk of each kind, pixels apart."""
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind not in (b"IDAT", b"fdAT"):
            chunks.setdefault(kind, data[at + 8 : at + 8 + length])
        at += length + 12
    if len(chunks.get(b"IHDR", b"")) < 13:
        raise ValueError("its header is missing")
    return chunks


def _exif(block: bytes) -> Exif:
    from PIL import Image

    exif = Image.Exif()
    exif.load(block)
    return exif


def _ignored(chunks: dict[bytes, bytes]) -> list[str]:
    ignored = []
    if b"eXIf" in chunks:
        ignored += rotated(pillow.orientation(lambda: _exif(chunks[b"eXIf"])))
    if b"iCCP" in chunks:
        profile = chunks[b"iCCP"].partition(b"\0")[2][1:]
        ignored += coloured(zlib.decompressobj().decompress(profile, 1 << 20))
    elif b"gAMA" in chunks and b"sRGB" not in chunks:
        gamma = int.from_bytes(chunks[b"gAMA"], "big") / 100000
        # 1 / 2.2 stands for sRGB.
        if abs(gamma - 0.45455) > 0.001:
            ignored.append(f"its gamma ({gamma:g}) is ignored, the values are read as sRGB")
    # Primaries 1 and the transfer functions 1, 6 and 13 are sRGB's and its near kin.
    if b"cICP" in chunks and not (chunks[b"cICP"][:1] == b"\1" and chunks[b"cICP"][1:2] in b"\1\6\r"):
        ignored.append("its colour space (cICP) is ignored, the values are read as sRGB")
    if b"acTL" in chunks:
        ignored += first_of(int.from_bytes(chunks[b"acTL"][:4], "big"))
    return ignored
