"""JPEG XL and its pixels: by imagecodecs, and under headers written by hand, for what it does not write."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from image_cases import FRAMES, LARGE, PROFILE, SIZE, TRANSPARENT, TURNED, Case, half, imagecodecs_file, pixels, smooth

SRGB = ((1, 1),)
P3 = ((0, 2), (0, 2), (1, 2), (2, 2), (9, 4), (0, 1), (2, 2), (11, 4), (1, 2))
GAMMA = ((0, 2), (0, 2), (1, 2), (1, 2), (1, 1), (4545455, 24), (1, 2))
DCI_WHITE = ((0, 2), (0, 2), (2, 2), (9, 4), (1, 2), (0, 1), (2, 2), (11, 4), (1, 2))
NAMED_SRGB = ((0, 2), (0, 2), (1, 2), (1, 2), (0, 1), (2, 2), (11, 4), (1, 2))
"""Fields and their bits: no profile, RGB, the white, the primaries, the curve and the intent."""

ALPHA = ((1, 2), (1, 1))
NAME = ((2, 2), (0, 5), *((letter, 8) for letter in b"an alpha channel"))
MULTIPLIED = ((1, 2), (0, 1), (0, 2), (0, 3), (0, 2), *NAME, (1, 1))
DEPTH = ((1, 2), (0, 1), (1, 2), (0, 3), (0, 2), (0, 2))
"""One channel beside the colours: all as by default, or its kind, depth, size, name and whether it multiplies them."""


def header(
    *,
    extra: tuple[tuple[int, int], ...] = (),
    depth: tuple[tuple[int, int], ...] = ((0, 3),),
    channels: tuple[tuple[int, int], ...] = ((0, 2),),
    colours: tuple[tuple[int, int], ...] = SRGB,
) -> bytes:
    """What comes before the frames of `SIZE`: fields and how many bits each has."""
    size = ((0, 1), (0, 2), (SIZE[0] - 1, 9), (2, 3))  # 13 is the integer part of 11 * 12 / 10
    tone = ((1, 1),) if extra else ()
    fields = (*size, (0, 1), *((1, 1), *extra) * bool(extra), *((0, 1),) * (not extra), *depth, (1, 1), *channels)
    fields = (*fields, (0, 1), *colours, *tone, (0, 2), (1, 1))
    text = "".join(f"{value:0{count}b}"[::-1] for value, count in fields if count)
    text += "0" * (-len(text) % 8)
    return b"\xff\x0a" + int(text[::-1], 2).to_bytes(len(text) // 8, "little")


def under(image: np.ndarray, shown: np.ndarray, **fields: Any) -> Any:
    """A file whose header says something else than the encoder's, and its pixels."""
    file, _ = imagecodecs_file("jpegxl", image, lossless=True)
    own = header(channels=ALPHA if image.shape[-1] == 4 else ((0, 2),))
    if not file.startswith(own):
        raise AssertionError(f"the encoder's header is another: {file[: len(own)].hex()}")
    return header(**fields) + file[len(own) :], shown


def extra(orientation: int = 1, shown_at: tuple[tuple[int, int], ...] = ()) -> tuple[tuple[int, int], ...]:
    """The orientation, the size to show the image in, no preview and no animation."""
    return ((orientation - 1, 3), (bool(shown_at), 1), *shown_at, (0, 1), (0, 1))


def jpegxl() -> Iterator[Case]:
    """Of every depth, alone and in boxes."""
    for bits, channels, boxes in product((8, 10, 12, 16), (1, 3), (False, True)):
        white = 2**bits - 1
        image, options = pixels(white, channels), {"lossless": True, "bitspersample": bits, "usecontainer": boxes}
        make = lambda i=image, o=options: imagecodecs_file("jpegxl", i, **o)  # noqa: E731
        name = f"jpegxl-{'boxes-' * boxes}{'rgb' if channels == 3 else 'grey'}-{bits}"
        yield Case(name, make, white, True, (PROFILE,) * (bits > 8))  # which the encoder says to be linear
    rgb = pixels(255, 3)
    clear = half(rgb, 255)
    for kind in (np.float16, np.float32):
        real = (pixels(255, 3) / 255).astype(kind)
        make = lambda i=real: imagecodecs_file("jpegxl", i, lossless=True)  # noqa: E731
        yield Case(f"jpegxl-{np.dtype(kind).name}", make, 1, True, (PROFILE,))
    beyond = (3.0 * pixels(255, 3) / 255).astype(np.float32)
    make = lambda: imagecodecs_file("jpegxl", beyond, lossless=True)  # noqa: E731
    yield Case("jpegxl-255", make, 1, True, refused="floats about 0..1")
    large = pixels(255, 3, LARGE)
    yield Case("jpegxl-large", lambda: imagecodecs_file("jpegxl", large, lossless=True), 255, True)
    yield Case("jpegxl-lossy", lambda: imagecodecs_file("jpegxl", smooth(3), distance=0.1), 255, True, off_by=3)
    make = lambda: imagecodecs_file("jpegxl", clear, rgb, lossless=True)  # noqa: E731
    yield Case("jpegxl-half", make, 255, True, (TRANSPARENT,))
    many = np.stack([rgb, rgb[::-1]])
    make = lambda: imagecodecs_file("jpegxl", many, rgb, lossless=True)  # noqa: E731
    yield Case("jpegxl-animation", make, 255, True, (FRAMES,))
    for orientation in range(2, 9):
        make = lambda o=orientation: under(rgb, rgb, extra=extra(o))  # noqa: E731
        yield Case(f"jpegxl-turned-{orientation}", make, 255, True, (TURNED,))
    shown_at = ((1, 1), (0, 5), (1, 3))  # 8x8
    yield Case("jpegxl-shown-at", lambda: under(rgb, rgb, extra=extra(1, shown_at)), 255, True)
    for name, colours in (("p3", P3), ("gamma", GAMMA), ("dci-white", DCI_WHITE)):
        make = lambda c=colours: under(rgb, rgb, colours=c)  # noqa: E731
        yield Case(f"jpegxl-{name}", make, 255, True, (PROFILE,))
    yield Case("jpegxl-srgb", lambda: under(rgb, rgb, colours=NAMED_SRGB), 255, True)
    both = lambda: under(clear, rgb, channels=ALPHA, extra=extra(6), colours=P3)  # noqa: E731
    yield Case("jpegxl-everything", both, 255, True, (TRANSPARENT, TURNED, PROFILE))
    refusals = {"multiplied": (MULTIPLIED, "multiplied by"), "depth": (DEPTH, "is no alpha")}
    refusals["channels"] = (((2, 2), (0, 4)), "got 2 channels beside the colours")
    for name, (channels, reason) in refusals.items():
        make = lambda c=channels: under(clear, rgb, channels=c)  # noqa: E731
        yield Case(f"jpegxl-{name}", make, 255, True, refused=reason)
    make = lambda: under(rgb, rgb, depth=((0, 1), (3, 2), (23, 6)))  # noqa: E731
    yield Case("jpegxl-24", make, 255, True, refused="integers of 24 bits")
