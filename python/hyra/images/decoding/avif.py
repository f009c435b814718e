"""AVIF of 8, 10 and 12 bits, by imagecodecs: Pillow cuts them to 8."""

from __future__ import annotations

import struct
from pathlib import Path

from hyra._util.extra import extra
from hyra.images.decoding.decoded import Decoded, check_size, coloured, decoded

_PLAIN_TRANSFERS = (1, 2, 6, 13)
"""BT.709, unspecified, BT.601, sRGB."""


def decode(path: Path) -> Decoded:
    """The picture; of a sequence the first."""
    with extra("images", "reading AVIF"):
        import imagecodecs

    data = path.read_bytes()
    sizes = [struct.unpack_from(">2I", box, 4) for box in data.split(b"ispe")[1:]]
    check_size(*max(sizes))
    coding = data.partition(b"av1C")[2]
    bits = 8 if not coding[2] & 0x40 else 12 if coding[2] & 0x20 else 10
    pixels = imagecodecs.avif_decode(data, 0)
    return decoded(pixels, 2**bits - 1, _ignored(data), multiplied=b"prem" in data[: data.find(b"mdat")])


def _ignored(data: bytes) -> list[str]:
    boxes = data[: data.find(b"mdat")]
    ignored = []
    if any(box in boxes for box in (b"irot", b"imir")):
        ignored.append("its orientation is ignored, the pixels are read as stored")
    for colour in boxes.split(b"colr")[1:]:
        if colour[:4] == b"prof":
            ignored += coloured(colour[4:])
        elif int.from_bytes(colour[6:8], "big") not in _PLAIN_TRANSFERS:
            ignored.append("its transfer function is ignored, the values are read as sRGB")
    if b"avis" in data[:64]:
        ignored.append("only the first of its frames is read")
    return ignored
