"""TIFF files and their pixels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import image_bytes as by_hand
import numpy as np
from image_cases import (
    FRAMES,
    LARGE,
    PROFILE,
    TRANSPARENT,
    TURNED,
    Case,
    half,
    opaque,
    pillow,
    pixels,
    reals,
    smooth,
    tifffile_file,
)


def tiff() -> Iterator[Case]:
    """TIFF by tifffile: depths, layouts, compressions, byte orders, and what is refused."""

    def case(name: str, image: np.ndarray, shown: np.ndarray | None = None, **options: Any) -> Case:
        bits = 8 * image.itemsize
        expects = {key: options.pop(key) for key in ("warns", "refused", "off_by", "needs", "white") if key in options}
        make = lambda: tifffile_file(image, shown, **options)  # noqa: E731
        return Case(f"tiff-{name}", make, **({"white": 2**bits - 1, "needs": bits > 8} | expects))

    for depth, grey, order in product((8, 16), (True, False), "<>"):
        image = pixels(2**depth - 1, 1 if grey else 3, LARGE)
        layout = {"photometric": "minisblack" if grey else "rgb", "byteorder": order}
        name = f"{'grey' if grey else 'rgb'}-{depth}-{'little' if order == '<' else 'big'}"
        yield case(name, image, rowsperstrip=16, **layout)
        yield case(f"{name}-tiles-deflate", image, tile=(32, 16), compression="zlib", predictor=True, **layout)
        if not grey:
            planes = np.ascontiguousarray(np.moveaxis(image, -1, 0))
            yield case(f"{name}-planes", planes, planarconfig="separate", **layout)
            yield case(f"{name}-planes-lzw", planes, planarconfig="separate", compression="lzw", **layout)
    for depth, compression in product(
        (8, 16), ("lzw", "deflate", "packbits", "zstd", "lzma", "lerc", "jpeg2000", "png")
    ):
        rare = compression in ("zstd", "lzma", "lerc", "jpeg2000", "png")
        image = pixels(2**depth - 1, 3, LARGE)
        options = {"compression": compression, "photometric": "rgb", "rowsperstrip": 64}
        yield case(f"rgb-{depth}-{compression}", image, needs=rare or depth == 16, **options)
    image = smooth(3)
    more = {"photometric": "rgb", "compression": "jpeg", "compressionargs": {"level": 100}}
    yield case("jpeg-rgb", image, off_by=3, **more)
    for depth in (8, 16):
        volume = np.zeros((2, 32, 32), np.uint8 if depth == 8 else np.uint16)
        more_of = {"volumetric": True, "tile": (2, 16, 16), "photometric": "minisblack"}
        yield case(f"volume-{depth}", volume, needs=True, refused="a volume of 2 slices", **more_of)
    ycbcr = pillow(image, "TIFF", compression="jpeg", quality=100)
    yield Case("tiff-jpeg-ycbcr", lambda: (ycbcr, smooth(3)), off_by=6)
    for depth in (8, 16):
        white = 2**depth - 1
        image, grey = pixels(white, 3), pixels(white, 1)
        yield case(f"inverse-{depth}", white - grey, grey, photometric="miniswhite")
        yield case(f"inverse-{depth}-lzw", white - grey, grey, photometric="miniswhite", compression="lzw")
        straight = {"photometric": "rgb", "extrasamples": ["unassalpha"]}
        yield case(f"rgba-{depth}", opaque(image, white), image, **straight)
        yield case(f"rgba-{depth}-half", half(image, white), image, warns=(TRANSPARENT,), **straight)
        more = {"photometric": "minisblack", "extrasamples": ["unassalpha"], "planarconfig": "contig"}
        yield case(f"grey-{depth}-half", half(grey, white), grey, warns=(TRANSPARENT,), **more)
        multiplied = {"photometric": "rgb", "extrasamples": ["assocalpha"]}
        yield case(f"multiplied-{depth}-opaque", opaque(image, white), image, **multiplied)
        yield case(f"multiplied-{depth}", half(image, white), refused="multiplied by its transparency", **multiplied)
        more = {"photometric": "rgb", "extrasamples": ["unspecified"]}
        yield case(f"fourth-channel-{depth}", half(image, white), refused="no alpha", needs=True, **more)
        for turn in range(2, 9):
            more = {"photometric": "rgb", "extratags": [(274, 3, 1, turn, True)]}
            yield case(f"turned-{turn}-{depth}", image, warns=(TURNED,), **more)
        yield case(f"pages-{depth}", image, photometric="rgb", pages=3, warns=(FRAMES,))
        icc = {"photometric": "rgb", "iccprofile": by_hand.profile(b"Adobe RGB (1998)")}
        yield case(f"profile-{depth}", image, warns=(PROFILE,), **icc)
        yield case(f"big-{depth}", image, photometric="rgb", big=True)
    for kind, said in (("i1", "signed"), ("i2", "signed"), ("f2", "floats"), ("f4", "floats"), ("u4", "32 bits")):
        more = {"photometric": "minisblack", "needs": True, "refused": said}
        yield case(f"type-{kind}", pixels(100, 1).astype(kind), **more)
    for kind, photometric in product(("f2", "f4", "f8"), ("minisblack", "rgb", "miniswhite")):
        image = reals(3 if photometric == "rgb" else 1).astype(kind)
        more = {"photometric": photometric, "needs": True, "white": 1}
        yield case(
            f"{kind}-{photometric}", image, 1 - image.astype("f8") if photometric == "miniswhite" else image, **more
        )
    yield case("five-bands", pixels(65535, 5), photometric="minisblack", planarconfig="contig", refused="5 channels")
    palette = pixels(255, 3, (256, 1))[:, 0]
    index = pixels(255, 1)
    table = np.ascontiguousarray(palette.T.astype(np.uint16) * 257)
    yield case("palette", index, palette[index[..., 0]], photometric="palette", colormap=table)
    ink = pixels(255, 4)
    rgb = np.round((255 - ink[..., :3].astype(float)) * (255 - ink[..., 3:].astype(float)) / 255)
    yield case("cmyk", ink, rgb.astype(np.uint8), photometric="separated", off_by=1)
    yield case("cmyk-16", ink.astype(np.uint16), photometric="separated", refused="SEPARATED")
    yield case("lab", pixels(255, 3), photometric="cielab", needs=True, refused="CIELAB")


def tiff_by_hand() -> Iterator[Case]:
    """TIFF of depths that no library writes."""
    for depth, order in product((2, 4, 10, 12, 14, 16), "<>"):
        white = 2**depth - 1
        image = pixels(white, 1)
        name = f"tiff-hand-{depth}-{'little' if order == '<' else 'big'}"
        for label, photometric, stored in (("", 1, image), ("-inverse", 0, white - image)):
            file = by_hand.tiff(stored, depth, photometric, order)
            yield Case(name + label, lambda f=file, i=image: (f, i), white, depth > 8)
    for depth in (10, 12):
        image = pixels(2**depth - 1, 3)
        file = by_hand.tiff(image, depth, 2)
        yield Case(f"tiff-hand-rgb-{depth}", lambda f=file, i=image: (f, i), 2**depth - 1, True)
    for photometric in (0, 1):
        bits = pixels(1, 1)
        file = by_hand.tiff(bits if photometric else 1 - bits, 1, photometric)
        yield Case(f"tiff-hand-1-{photometric}", lambda f=file, i=bits: (f, i), 1)
    image = pixels(65535, 3)
    file = by_hand.tiff(image, 16, 2, more={339: 2})
    yield Case("tiff-hand-signed", lambda: (file, image), needs=True, refused="signed")
    luma = np.full((4, 4, 3), 128, np.uint8)
    luma[..., 0] = np.arange(16).reshape(4, 4) * 17
    whole = by_hand.tiff(luma, 8, 6)
    yield Case("tiff-hand-ycbcr-halved", lambda: (whole, luma), needs=True, refused="YCBCR")
