"""TIFF: plain ones of 8 bits by Pillow, the others by tifffile and imagecodecs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hyra._util.extra import extra
from hyra.images.decoding import pillow
from hyra.images.decoding.decoded import Decoded, check_size, coloured, decoded, first_of, floats, rotated

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import TiffImageFile

_BITS, _COMPRESSION, _PHOTOMETRIC, _ORIENTATION, _EXTRA, _FORMAT, _SUBSAMPLING = 258, 259, 262, 274, 338, 339, 530
_UNSIGNED, _FLOATS = 1, 3
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_DEPTH = 32997
_PLAIN_COMPRESSIONS = (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946)
"""None, CCITT, LZW, JPEG, Deflate, PackBits: what every build of Pillow knows."""
_NO_ALPHA, _MULTIPLIED, _ALPHA = (), (1,), (2,)


def decode(path: Path) -> Decoded:
    """The first page of a file."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=("TIFF",)) as image:
            if _plain(image):
                return _by_pillow(image)
    except UnidentifiedImageError:
        pass
    return _by_tifffile(path)


def _plain(image: TiffImageFile) -> bool:
    """Whether Pillow reads it as it is; its modes alone hide signs, the low bytes of colours, and extra channels."""
    tags = image.tag_v2
    colours, compression = tags.get(_PHOTOMETRIC), tags.get(_COMPRESSION, 1)
    # Pillow takes YCbCr that is not compressed for full resolution.
    full = colours != _YCBCR or compression != 1 or tags.get(_SUBSAMPLING) == (1, 1)
    return (
        max(tags.get(_BITS, (1,))) <= 8
        and set(tags.get(_FORMAT, (1,))) == {1}
        and colours in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR)
        and compression in _PLAIN_COMPRESSIONS
        and tags.get(_EXTRA, ()) in (_NO_ALPHA, _MULTIPLIED, _ALPHA)
        and full
        and tags.get(_DEPTH, 1) == 1
    )


def _by_pillow(image: TiffImageFile) -> Decoded:
    from PIL.Image import Transpose

    check_size(*image.size)
    frames = first_of(image.n_frames)
    image.seek(0)
    turned, multiplied = image.tag_v2.get(_ORIENTATION, 1), image.tag_v2.get(_EXTRA) == _MULTIPLIED
    ignored = [*rotated(turned), *coloured(image.info.get("icc_profile")), *frames]
    image.load()
    # Pillow turns a TIFF upright, unlike any other file: turn it back.
    back = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_90,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_270,
    }
    stored = image.transpose(back[turned]) if turned in back else image
    return decoded(pillow.pixels(stored), 255, ignored, multiplied=multiplied)


def _by_tifffile(path: Path) -> Decoded:
    with extra("images", "reading TIFF of more than 8 bits or of a rare kind"):
        import imagecodecs  # noqa: F401
        import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        check_size(page.imagewidth, page.imagelength)
        if page.imagedepth != 1:
            raise ValueError(f"an image was expected, got a volume of {page.imagedepth} slices")
        bits, samples = page.bitspersample, page.samplesperpixel
        real = page.sampleformat == _FLOATS and bits in (16, 32, 64)
        if not real and (page.sampleformat != _UNSIGNED or not isinstance(bits, int) or bits > 16):
            kind = {1: "unsigned integers", 2: "signed integers", 3: "floats"}.get(page.sampleformat, "values")
            raise ValueError(f"8 to 16 bits unsigned were expected, got {kind} of {bits} bits, whose white is unknown")
        colours = 3 if page.photometric == _RGB else 1
        extras = tuple(page.extrasamples)
        if page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB) or samples not in (colours, colours + 1):
            name = getattr(page.photometric, "name", page.photometric)
            raise ValueError(f"grey or RGB was expected of {bits} bits, got {name} of {samples} channels")
        if samples > colours and extras not in (_NO_ALPHA, _MULTIPLIED, _ALPHA):
            raise ValueError(f"its channel {samples} is no alpha, save it without")
        # tifffile fills up what a file lacks with zeros.
        size, parts = path.stat().st_size, list(zip(page.dataoffsets, page.databytecounts, strict=True))
        if not parts or any(length == 0 or start + length > size for start, length in parts):
            raise ValueError("its pixels are cut off")
        # [planes, 1, H, W, samples in a plane]
        pixels = page.asarray(squeeze=False)[:, 0]
        pixels = np.moveaxis(pixels[..., 0], 0, -1) if len(pixels) > 1 else pixels[0]
        profile = page.tags.get("InterColorProfile")
        orientation = page.tags.get("Orientation")
        ignored = [
            *rotated(orientation and int(orientation.value)),
            *coloured(profile and bytes(profile.value)),
            *first_of(len(file.pages)),
        ]
    white = 1 if real else 2**bits - 1
    if real:
        pixels = floats(pixels)
    if page.photometric == _WHITE_IS_ZERO:
        pixels = pixels.copy()
        pixels[..., 0] = white - pixels[..., 0]
    return decoded(pixels, white, ignored, multiplied=extras == _MULTIPLIED)
