"""All the small image files, and the pixels that each holds, from the arrays that were encoded.

As a program: `python tests/images/make_images.py FOLDER` writes them, to look at or to try with other readers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jpegxl_cases
import other_cases
import png_cases
import tiff_cases
from image_cases import Case


def cases() -> list[Case]:
    """Every file with its pixels."""
    return [
        *png_cases.png(),
        *tiff_cases.tiff(),
        *tiff_cases.tiff_by_hand(),
        *other_cases.netpbm(),
        *other_cases.bmp(),
        *other_cases.jpeg_webp_gif(),
        *other_cases.jpeg2000_avif(),
        *jpegxl_cases.jpegxl(),
        *other_cases.numpy_files(),
        *other_cases.others(),
    ]


if __name__ == "__main__":
    for case in cases():
        Path(sys.argv[1], case.name).write_bytes(case.make()[0])
