"""JPEG 2000 of up to 16 bits, by imagecodecs: Pillow cuts colours to 8."""

from __future__ import annotations

import struct
from pathlib import Path

from hyra._util.extra import extra
from hyra.images.decoding.decoded import Decoded, check_size, coloured, decoded

_START = b"\xff\x4f\xff\x51"
_RGB, _GREY = 16, 17


def decode(path: Path) -> Decoded:
    """A codestream, alone (.j2k) or in boxes (.jp2)."""
    with extra("images", "reading JPEG 2000"):
        import imagecodecs

    data = path.read_bytes()
    boxes, _, stream = data.partition(_START)
    right, bottom, left, top = struct.unpack_from(">4I", stream, 4)
    check_size(right - left, bottom - top)
    (count,) = struct.unpack_from(">H", stream, 36)
    channels = {stream[38 + 3 * index : 41 + 3 * index] for index in range(count)}
    if len(channels) != 1:
        raise ValueError("its channels differ in bits or size")
    depth, *steps = channels.pop()
    if depth > 15 or steps != [1, 1]:
        raise ValueError("unsigned channels of up to 16 bits and full size were expected")
    if b"pclr" in boxes:
        raise ValueError("it has a palette, save it as RGB")
    pixels = imagecodecs.jpeg2k_decode(data, planar=False)
    return decoded(pixels, 2 ** (depth + 1) - 1, _ignored(boxes), multiplied=b"cdef" in boxes and _multiplied(boxes))


def _ignored(boxes: bytes) -> list[str]:
    """What the colour box says, which none but files with boxes have."""
    _, box, colour = boxes.partition(b"colr")
    if not box:
        return []
    if colour[0] == 1:
        if int.from_bytes(colour[3:7], "big") not in (_RGB, _GREY):
            raise ValueError("its colours are neither sRGB nor grey")
        return []
    return coloured(colour[3:])


def _multiplied(boxes: bytes) -> bool:
    """Whether the channel definitions know an opacity of colours that are multiplied by it (type 2)."""
    body = boxes.partition(b"cdef")[2]
    (count,) = struct.unpack_from(">H", body)
    return any(struct.unpack_from(">H", body, 4 + 6 * index)[0] == 2 for index in range(count))
