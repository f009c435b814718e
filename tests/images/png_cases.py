"""PNG files and their pixels."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import product

import image_bytes as by_hand
import numpy as np
from image_cases import (
    FRAMES,
    PROFILE,
    TRANSPARENT,
    TURNED,
    Case,
    half,
    imagecodecs_file,
    opaque,
    pillow,
    pixels,
    saved,
)
from PIL import Image


def png() -> Iterator[Case]:
    """PNG of every depth, colour type, interlacing and transparency, and what stands beside the pixels."""
    for depth, interlaced in product((1, 2, 4, 8, 16), (False, True)):
        image, name = pixels(2**depth - 1, 1), f"png-grey-{depth}{'-interlaced' * interlaced}"
        file = by_hand.png(image, depth, 0, interlaced=interlaced)
        yield Case(name, lambda file=file, image=image: (file, image), 2**depth - 1, depth == 16)
    for depth, interlaced in product((8, 16), (False, True)):
        white = 2**depth - 1
        rgb, grey, more = pixels(white, 3), pixels(white, 1), {"white": white, "needs": depth == 16}
        name = f"{depth}{'-interlaced' * interlaced}"
        for label, colour, image, kind in (("rgb", rgb, rgb, 2), ("rgba", rgb, opaque(rgb, white), 6)):
            file = by_hand.png(image, depth, kind, interlaced=interlaced)
            yield Case(f"png-{label}-{name}", lambda file=file, colour=colour: (file, colour), **more)
        for label, colour, kind in (("rgba", rgb, 6), ("grey-alpha", grey, 4)):
            file = by_hand.png(half(colour, white), depth, kind, interlaced=interlaced)
            warns = (TRANSPARENT,)
            yield Case(f"png-{label}-{name}-half", lambda f=file, c=colour: (f, c), warns=warns, **more)
    for depth, kind in ((2, 0), (8, 0), (16, 0), (8, 2), (16, 2)):
        white = 2**depth - 1
        image = pixels(white, 3 if kind else 1)
        key = by_hand.chunk(b"tRNS", image[4, 4].astype(">u2").tobytes())
        file = by_hand.png(image, depth, kind, key)
        name = f"png-{'rgb' if kind else 'grey'}-{depth}-key"
        yield Case(name, lambda f=file, i=image: (f, i), white, depth == 16, (TRANSPARENT,))
        away = by_hand.chunk(b"tRNS", bytes(6 if kind else 2))
        image = np.maximum(image, 1)
        file = by_hand.png(image, depth, kind, away)
        yield Case(f"{name}-unused", lambda f=file, i=image: (f, i), white, depth == 16)
    for depth in (1, 2, 4, 8):
        index, palette = pixels(2**depth - 1, 1), pixels(255, 3, (2**depth, 1))[:, 0]
        colours = by_hand.chunk(b"PLTE", palette.tobytes())
        file = by_hand.png(index, depth, 3, colours)
        yield Case(f"png-palette-{depth}", lambda f=file, i=index, p=palette: (f, p[i[..., 0]]))
        file = by_hand.png(index, depth, 3, colours + by_hand.chunk(b"tRNS", b"\x80"))
        name = f"png-palette-{depth}-alpha"
        yield Case(name, lambda f=file, i=index, p=palette: (f, p[i[..., 0]]), warns=(TRANSPARENT,))
    image = pixels(255, 3)
    for name, kind, data, warning in (
        ("gamma-1", b"gAMA", (100000).to_bytes(4, "big"), "its gamma (1)"),
        ("gamma-srgb", b"gAMA", (45455).to_bytes(4, "big"), ""),
        ("profile-srgb", b"iCCP", b"x\0\0" + zlib.compress(by_hand.profile(b"sRGB IEC61966-2.1")), ""),
        ("profile", b"iCCP", b"x\0\0" + zlib.compress(by_hand.profile(b"Display P3")), PROFILE),
        ("cicp-pq", b"cICP", bytes([9, 16, 0, 1]), "its colour space"),
        ("cicp-srgb", b"cICP", bytes([1, 13, 0, 1]), ""),
        ("turned", b"eXIf", by_hand.exif(6), TURNED),
    ):
        file = by_hand.png(image, 8, 2, by_hand.chunk(kind, data))
        yield Case(f"png-{name}", lambda file=file: (file, image), warns=(warning,) if warning else ())
    file = by_hand.png(image, 8, 2, after=by_hand.chunk(b"eXIf", by_hand.exif(3)))
    yield Case("png-turned-after", lambda: (file, image), warns=(TURNED,))
    frames = [Image.fromarray(pixels(255, 3)), Image.fromarray(pixels(254, 3))]
    yield Case("png-animation", lambda: (saved(frames, "PNG"), image), warns=(FRAMES,))
    yield Case("png-pillow", lambda: (pillow(image, "PNG"), image))
    yield Case("png-imagecodecs-16", lambda: imagecodecs_file("png", pixels(65535, 3)), 65535, True)
