"""JPEG XL of up to 16 bits and of floats, by imagecodecs, which does not say what else the header holds: read here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hyra._util.extra import extra
from hyra.images.decoding.decoded import Decoded, check_size, decoded, floats, rotated

_START = b"\xff\x0a"
_HEADER = 4096  # bytes that the fields up to the colours fit in, with the name of an alpha channel
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_ALPHA = 0
_RGB, _GREY = 0, 1
_D65, _SRGB_PRIMARIES, _SRGB_TRANSFERS = 1, 1, (1, 13)

Choices = tuple[int | tuple[int, int], ...]
"""Of a number: the value itself, or as many bits as the first says, on top of the second."""

_SIDE: Choices = ((9, 1), (13, 1), (18, 1), (30, 1))
_ENUM: Choices = (0, 1, (4, 2), (6, 18))


@dataclass
class _Bits:
    """The bits of a header, from the lowest of its first byte on."""

    rest: int
    left: int

    @classmethod
    def of(cls, data: bytes) -> _Bits:
        return cls(int.from_bytes(data[:_HEADER], "little"), 8 * len(data[:_HEADER]))

    def bits(self, count: int) -> int:
        if count > self.left:
            raise ValueError("its header is cut off")
        value = self.rest & ((1 << count) - 1)
        self.rest >>= count
        self.left -= count
        return value

    def number(self, choices: Choices) -> int:
        chosen = choices[self.bits(2)]
        return chosen if isinstance(chosen, int) else self.bits(chosen[0]) + chosen[1]


@dataclass
class _Header:
    """What the header says, with the defaults of the format."""

    width: int = 0
    height: int = 0
    orientation: int = 1
    bits: int = 8
    is_real: bool = False
    is_animated: bool = False
    is_multiplied: bool = False
    is_srgb: bool = True


def decode(path: Path) -> Decoded:
    """A codestream, alone or in boxes; of an animation the first frame."""
    with extra("images", "reading JPEG XL"):
        import imagecodecs

    data = path.read_bytes()
    header = _read(_codestream(data))
    ignored = rotated(header.orientation)
    if not header.is_srgb:
        ignored.append("its colour profile is ignored, the values are read as sRGB")
    if header.is_animated:
        ignored.append("only the first of its frames is read")
    pixels = imagecodecs.jpegxl_decode(data, 0, keeporientation=True)
    if header.is_real:
        pixels = floats(pixels)
    white = 1 if header.is_real else 2**header.bits - 1
    return decoded(pixels, white, ignored, multiplied=header.is_multiplied)


def _codestream(data: bytes) -> bytes:
    """The beginning of the codestream, which boxes may hold in parts."""
    if data.startswith(_START):
        return data
    parts = b"".join(part for kind, part in _boxes(data) if kind == b"jxlc")
    return parts or b"".join(part[4:] for kind, part in _boxes(data) if kind == b"jxlp")


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        length, kind, start = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if length == 1:
            length, start = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = len(data) if length == 0 else at + max(length, start)
        yield kind, data[at + start : min(end, at + start + _HEADER)]
        at = end


def _read(stream: bytes) -> _Header:
    """The fields of ISO/IEC 18181-1 up to the colours, in their order."""
    if not stream.startswith(_START):
        raise ValueError("it has no codestream")
    read, header = _Bits.of(stream[len(_START) :]), _Header()
    _read_size(read, header)
    check_size(header.width, header.height)
    if read.bits(1):  # all as by default
        return header
    if read.bits(1):
        _read_extra_fields(read, header)
    header.is_real, header.bits = _read_depth(read)
    if not header.is_real and header.bits > 16:
        raise ValueError(f"8 to 16 bits unsigned or floats were expected, got integers of {header.bits} bits")
    read.bits(1)
    channels = read.number((0, 1, (4, 2), (12, 1)))
    if channels > 1:
        raise ValueError(f"grey or RGB was expected, got {channels} channels beside the colours")
    if channels and not read.bits(1):
        header.is_multiplied = _read_alpha(read)
    read.bits(1)
    header.is_srgb = _read_colours(read)
    return header


def _read_size(read: _Bits, header: _Header) -> None:
    is_small = read.bits(1)
    header.height = 8 * (read.bits(5) + 1) if is_small else read.number(_SIDE)
    ratio = read.bits(3)
    if ratio:
        wide, high = _RATIOS[ratio]
        header.width = header.height * wide // high
    else:
        header.width = 8 * (read.bits(5) + 1) if is_small else read.number(_SIDE)


def _read_extra_fields(read: _Bits, header: _Header) -> None:
    header.orientation = read.bits(3) + 1
    if read.bits(1):  # the size to show it in
        _read_size(read, _Header())
    if read.bits(1):  # the size of a preview
        side: Choices = (16, 32, (5, 1), (9, 33)) if read.bits(1) else ((6, 1), (8, 65), (10, 321), (12, 1345))
        read.number(side)
        if not read.bits(3):
            read.number(side)
    header.is_animated = bool(read.bits(1))
    if header.is_animated:  # its ticks, loops and time codes
        read.number((100, 1000, (10, 1), (30, 1)))
        read.number((1, 1001, (8, 1), (10, 1)))
        read.number((0, (3, 0), (16, 0), (32, 0)))
        read.bits(1)


def _read_depth(read: _Bits) -> tuple[bool, int]:
    is_real = bool(read.bits(1))
    count = read.number((32, 16, 24, (6, 1)) if is_real else (8, 10, 12, (6, 1)))
    if is_real:
        read.bits(4)  # of the exponent
    return is_real, count


def _read_alpha(read: _Bits) -> bool:
    """Whether the colours are multiplied by it."""
    if read.number(_ENUM) != _ALPHA:
        raise ValueError("its channel beside the colours is no alpha, save it without")
    _read_depth(read)
    read.number((0, 3, 4, (3, 1)))
    read.bits(8 * read.number((0, (4, 0), (5, 16), (10, 48))))  # its name
    return bool(read.bits(1))


def _read_colours(read: _Bits) -> bool:
    """Whether they are sRGB's, or grey of its white and its curve."""
    if read.bits(1):
        return True
    has_profile, space = read.bits(1), read.number(_ENUM)
    if has_profile or space not in (_RGB, _GREY) or read.number(_ENUM) != _D65:
        return False
    if space == _RGB and read.number(_ENUM) != _SRGB_PRIMARIES:
        return False
    has_gamma = read.bits(1)
    return not has_gamma and read.number(_ENUM) in _SRGB_TRANSFERS
