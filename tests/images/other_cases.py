"""Files of the other formats and their pixels."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from itertools import product

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
    imagecodecs_file,
    pillow,
    pixels,
    reals,
    saved,
    smooth,
)
from PIL import Image


def netpbm() -> Iterator[Case]:
    """P1 to P6 of many maxvals."""
    for white, colour in product((1, 15, 200, 255, 256, 1000, 4095, 65535), (False, True)):
        image = pixels(white, 3 if colour else 1)
        height, width, _ = image.shape
        stored = image.astype(np.uint8 if white < 256 else ">u2").tobytes()
        header = f"P{6 if colour else 5}\n# a comment\n{width} {height}\n{white}\n".encode()
        yield Case(f"netpbm-{'rgb' if colour else 'grey'}-{white}", lambda f=header + stored, i=image: (f, i), white)
        text = f"P{3 if colour else 2} {width} {height} {white}\n" + "\n".join(map(str, image.ravel())) + "\n"
        yield Case(f"netpbm-text-{'rgb' if colour else 'grey'}-{white}", lambda t=text, i=image: (t.encode(), i), white)
    image = pixels(1, 1)
    height, width, _ = image.shape
    bits = f"P4 {width} {height}\n".encode() + by_hand.packed(1 - image[..., 0], 1)
    yield Case("netpbm-bits", lambda: (bits, image), 1)
    digits = f"P1 {width} {height}\n" + "\n".join("".join(map(str, row)) for row in 1 - image[..., 0])
    yield Case("netpbm-digits", lambda: (digits.encode(), image), 1)
    two = b"P5 2 1 255\nabP5 2 1 255\ncd"
    yield Case("netpbm-two", lambda: (two, np.array([[[97], [98]]], np.uint8)), warns=(FRAMES,))
    yield Case("netpbm-above", lambda: (b"P5 2 1 15 \x0f\x10", image), refused="0..15")
    yield Case("netpbm-huge", lambda: (b"P5 999999 999999 255 ", image), refused="pixels")


def bmp() -> Iterator[Case]:
    """BMP by Pillow and by hand."""
    image = pixels(255, 3)
    height, width, _ = image.shape
    yield Case("bmp-rgb", lambda: (pillow(image, "BMP"), image))
    yield Case("bmp-grey", lambda: (pillow(pixels(255, 1), "BMP"), pixels(255, 1)))
    bits = 255 * pixels(1, 1)
    yield Case("bmp-bilevel", lambda: (pillow(bits, "BMP", "1"), bits))
    rows = image[..., ::-1].reshape(height, -1)
    yield Case("bmp-down", lambda: (by_hand.bmp(rows, 24, down=True), image))
    blank = np.zeros((height, width, 1), np.uint8)
    wide = np.concatenate([image[..., ::-1], blank], -1).reshape(height, -1)
    yield Case("bmp-32", lambda: (by_hand.bmp(wide, 32), image))
    alpha = half(image[..., ::-1], 255).reshape(height, -1)
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    yield Case("bmp-alpha", lambda masks=masks: (by_hand.bmp(alpha, 32, masks=masks), image), warns=(TRANSPARENT,))
    for name, masks, depths in (
        ("555", (), (5, 5, 5)),
        ("555-masks", (0x7C00, 0x3E0, 0x1F), (5, 5, 5)),
        ("565", (0xF800, 0x7E0, 0x1F), (5, 6, 5)),
    ):
        red, green, blue = (image[..., index].astype(int) >> (8 - depth) for index, depth in enumerate(depths))
        words = (red << (depths[1] + depths[2]) | green << depths[2] | blue).astype("<u2")
        levels = [level * 255 // (2**depth - 1) for level, depth in zip((red, green, blue), depths, strict=True)]
        shown = np.stack(levels, -1).astype(np.uint8)
        file = by_hand.bmp(words.view(np.uint8).reshape(height, -1), 16, masks=masks)
        yield Case(f"bmp-{name}", lambda f=file, s=shown: (f, s))
    index, palette = pixels(15, 1, (6, 8)), pixels(255, 3, (16, 1))[:, 0]
    packed = np.frombuffer(by_hand.packed(index[..., 0], 4), np.uint8).reshape(6, -1)
    table = b"".join(bytes([*colour[::-1], 0]) for colour in palette)
    yield Case("bmp-palette-4", lambda: (by_hand.bmp(packed, 4, palette=table), palette[index[..., 0]]))


def jpeg_webp_gif() -> Iterator[Case]:
    """The formats of the web."""
    image, grey, noise = smooth(3), smooth(1), pixels(255, 3)
    best = {"quality": 100, "subsampling": 0}
    yield Case("jpeg-rgb", lambda: (pillow(image, "JPEG", **best), image), off_by=3)
    yield Case("jpeg-halved", lambda: (pillow(image, "JPEG", quality=100, subsampling=2), image), off_by=6)
    yield Case("jpeg-progressive", lambda: (pillow(image, "JPEG", progressive=True, **best), image), off_by=3)
    yield Case("jpeg-grey", lambda: (pillow(grey, "JPEG", **best), grey), off_by=3)
    yield Case("jpeg-cmyk", lambda: (pillow(image, "JPEG", "CMYK", **best), image), off_by=4)
    yield Case(
        "jpeg-turned", lambda: (pillow(image, "JPEG", exif=turned(8), **best), image), 255, False, (TURNED,), "", 3
    )
    profile = by_hand.profile(b"Adobe RGB (1998)")
    yield Case(
        "jpeg-profile",
        lambda: (pillow(image, "JPEG", icc_profile=profile, **best), image),
        255,
        False,
        (PROFILE,),
        "",
        3,
    )
    icc = {"icc_profile": by_hand.profile(b"sRGB built-in")}
    yield Case("jpeg-srgb", lambda: (pillow(image, "JPEG", **best, **icc), image), off_by=3)
    yield Case("webp-lossless", lambda: (pillow(noise, "WEBP", lossless=True), noise))
    yield Case("webp", lambda: (pillow(image, "WEBP", quality=100), image), off_by=6)
    alpha = {"lossless": True, "exact": True}
    yield Case("webp-half", lambda: (pillow(half(noise, 255), "WEBP", **alpha), noise), warns=(TRANSPARENT,))
    yield Case("webp-turned", lambda: (pillow(noise, "WEBP", exif=turned(3), **alpha), noise), warns=(TURNED,))
    frames = [Image.fromarray(noise), Image.fromarray(noise[::-1])]
    yield Case("webp-animation", lambda: (saved(frames, "WEBP", lossless=True), noise), warns=(FRAMES,))
    levels = pixels(255, 1)
    yield Case("gif-grey", lambda: (pillow(levels, "GIF"), levels))
    index, palette = pixels(15, 1), pixels(255, 3, (16, 1))[:, 0]
    colours = palette[index[..., 0]]
    yield Case("gif-palette", lambda: (saved([indexed(index, palette)], "GIF"), colours))
    key = int(index[3, 3, 0])
    file = {"transparency": key}
    yield Case("gif-key", lambda: (saved([indexed(index, palette)], "GIF", **file), colours), warns=(TRANSPARENT,))
    both = [indexed(index, palette), indexed(index[::-1], palette)]
    yield Case("gif-animation", lambda: (saved(both, "GIF"), colours), warns=(FRAMES,))


def indexed(index: np.ndarray, palette: np.ndarray) -> Image.Image:
    """A picture of a palette."""
    picture = Image.fromarray(index[..., 0])
    picture.putpalette(palette.tobytes())
    return picture


def turned(orientation: int) -> Image.Exif:
    """EXIF of an orientation alone."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def jpeg2000_avif() -> Iterator[Case]:
    """The formats that imagecodecs alone decodes."""
    for codec, depth, channels in product(("j2k", "jp2"), (8, 12, 16), (1, 3)):
        white = 2**depth - 1
        image = pixels(white, channels)
        options = {"level": 0, "reversible": True, "bitspersample": depth, "codecformat": codec}
        make = lambda image=image, options=options: imagecodecs_file("jpeg2k", image, **options)  # noqa: E731
        yield Case(f"jpeg2000-{codec}-{depth}-{'rgb' if channels == 3 else 'grey'}", make, white, True)
    rgb = pixels(255, 3)
    clear = half(rgb, 255)
    yield Case("jpeg2000-half", lambda: (pillow(clear, "JPEG2000"), rgb), 255, True, (TRANSPARENT,))
    large = pixels(255, 3, LARGE)
    yield Case("jpeg2000-tiles", lambda: (pillow(large, "JPEG2000", tile_size=(32, 32)), large), 255, True)
    negative = (rgb.astype(np.int16) - 128).astype(np.int8)
    more = {"level": 0, "reversible": True}
    yield Case("jpeg2000-signed", lambda: imagecodecs_file("jpeg2k", negative, **more), 255, True, refused="unsigned")
    for depth in (8, 10, 12):
        white = 2**depth - 1
        image = pixels(white, 3)
        options = {"level": 100, "bitspersample": depth, "pixelformat": "444"}
        make = lambda image=image, options=options: imagecodecs_file("avif", image, **options)  # noqa: E731
        yield Case(f"avif-{depth}", make, white, True)
    options = {"level": 100, "pixelformat": "444"}
    yield Case("avif-half", lambda: imagecodecs_file("avif", clear, rgb, **options), 255, True, (TRANSPARENT,))


def numpy_files() -> Iterator[Case]:
    """``.npy`` of every type and layout."""
    image, grey = pixels(255, 3), pixels(65535, 1)
    yield Case("npy-rgb", lambda: (npy(image), image))
    yield Case("npy-planar", lambda: (npy(np.moveaxis(image, -1, 0)), image))
    yield Case("npy-fortran", lambda: (npy(np.asfortranarray(image)), image))
    yield Case("npy-grey", lambda: (npy(grey[..., 0]), grey), 65535)
    yield Case("npy-big-endian", lambda: (npy(grey.astype(">u2")), grey), 65535)
    yield Case("npy-half", lambda: (npy(half(image, 255)), image), warns=(TRANSPARENT,))
    for kind in ("f2", "f4", ">f4", "f8"):
        real = reals(3).astype(kind)
        yield Case(f"npy-{kind}", lambda real=real: (npy(real), real), 1)
    yield Case("npy-255", lambda: (npy(image.astype(np.float32)), image), refused="floats about 0..1")
    yield Case("npy-nan", lambda: (npy(reals(1) * np.nan), image), refused="floats about 0..1")
    yield Case("npy-signed", lambda: (npy(image.astype(np.int16)), image), refused="got int16")
    yield Case("npy-empty", lambda: (npy(image[:0]), image), refused="no pixels")
    yield Case("npy-no-channel", lambda: (npy(image[..., :0]), image), refused="no pixels")
    yield Case("npy-ambiguous", lambda: (npy(np.moveaxis(image[:, :4], -1, 0)), image), refused="may be [H, W, C] or")
    hostile = npy(image)[:10] + b"(" * 118 + npy(image)[128:]
    yield Case("npy-hostile", lambda: (hostile, image), refused="cannot be read")
    yield Case("npy-batch", lambda: (npy(image[None]), image), refused="the shape (1, ")
    yield Case("npy-code", lambda: (npy(np.array([[print]])), image), refused="Python objects")


def npy(array: np.ndarray) -> bytes:
    """A file by NumPy."""
    buffer = BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def others() -> Iterator[Case]:
    """What is no image, or not one that is read."""
    image = pixels(255, 3)
    for form in ("DDS", "TGA", "PCX", "SGI", "EPS", "ICO"):
        yield Case(f"other-{form.lower()}", lambda form=form: (pillow(image, form), image), refused="it is no PNG")
    yield Case("other-empty", lambda: (b"", image), refused="it is no PNG")
    yield Case("other-text", lambda: (b"Plain text", image), refused="it is no PNG")
    huge = by_hand.chunk(b"IHDR", bytes.fromhex("000186a0000186a00800000000"))
    yield Case("png-huge", lambda: (b"\x89PNG\r\n\x1a\n" + huge, image), refused="pixels")
