"""The door to the decoders: which one a file needs, and one sentence for whatever goes wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from hyra._util.extra import extra
from hyra._util.texts import message
from hyra._util.warnings import warn
from hyra.images.decoding import avif, jpeg2000, jpegxl, netpbm, npy, pillow, png, tiff
from hyra.images.decoding.decoded import Decoded

_DECODERS: tuple[tuple[bytes, Callable[[Path], Decoded]], ...] = (
    (rb"\x89PNG\r\n\x1a\n", png.decode),
    (rb"\xff\xd8\xff|BM|GIF8[79]a|RIFF....WEBP", pillow.decode),
    (rb"(II[*+]\0|MM\0[*+])", tiff.decode),
    (rb"P[1-6][\s#]", netpbm.decode),
    (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", jpeg2000.decode),
    (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", jpegxl.decode),
    (rb"\x93NUMPY", npy.decode),
    (rb"....ftyp.{0,52}avi[fs]", avif.decode),
)
"""How files begin, and what decodes them."""


def decode(path: str | Path) -> Decoded:
    """The integers of an image file, as they are stored.

    The rules of `hyra.images` hold: only the alpha is taken off, and what is not grey or RGB is converted.

    Args:
        path: the file.

    Returns:
        The pixels ``[H, W, 1]`` or ``[H, W, 3]``, uint8, uint16 or floats, and the value of white.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no image, a broken one, or one that the rules refuse.
        ModuleNotFoundError: a decoder is missing; the message names the extra to install.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "grey.pgm")
        ...     _ = path.write_bytes(b"P5 2 1 255 " + bytes([0, 200]))
        ...     image = decode(path)
        >>> image.pixels[..., 0].tolist(), image.white
        ([[0, 200]], 255)
    """
    with extra("cli", "reading images"):
        import PIL  # noqa: F401

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is a folder, not an image file" if path.is_dir() else f"no such file: {path}")
    with path.open("rb") as file:
        start = file.read(64)
    try:
        image = _decoder(start)(path)
    except (ModuleNotFoundError, MemoryError):
        raise
    # Decoders report a broken file with every exception there is.
    except Exception as error:
        reason = message(error)
        if " " not in reason:  # a number or a key
            reason = f"{type(error).__name__} {reason}".rstrip()
        raise ValueError(f"{path} cannot be read as an image: {reason}") from error
    for sentence in image.ignored:
        warn(f"{path}: {sentence}")
    return image


def _decoder(start: bytes) -> Callable[[Path], Decoded]:
    for pattern, decoder in _DECODERS:
        if re.match(pattern, start, re.DOTALL):
            return decoder
    raise ValueError("it is no PNG, JPEG, WebP, GIF, BMP, TIFF, netpbm, JPEG 2000, JPEG XL, AVIF or .npy")
