"""Images of any number of bands as pictures: which three are shown, and how a figure says so."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
from torch import Tensor


def shown_bands(count: int) -> tuple[int, ...]:
    """Indices of the bands that stand for red, green and blue in a picture.

    Of four, the third, second and first: satellites' bands are mostly blue, green, red and infrared. Of more, the last,
    middle and first, since spectral images mostly begin with the shortest wave. Of two, the first alone.

    Example:
        >>> [shown_bands(count) for count in (1, 3, 4, 31)]
        [(0,), (0, 1, 2), (2, 1, 0), (30, 15, 0)]
    """
    if count < 3:
        return (0,)
    if count == 3:
        return 0, 1, 2
    return (2, 1, 0) if count == 4 else (count - 1, (count - 1) // 2, 0)


def band_note(count: int) -> str:
    """What a figure says of them, counted from 1; nothing where all of grey or RGB is shown.

    Example:
        >>> band_note(3), band_note(31)
        ('', 'bands 31, 16, 1 of 31 as RGB')
    """
    shown = shown_bands(count)
    if len(shown) == count:
        return ""
    names = ", ".join(str(band + 1) for band in shown)
    return f"bands {names} of {count} as RGB" if len(shown) == 3 else f"band {names} of {count}"


def picture(image: Tensor) -> npt.NDArray[Any]:
    """An image `[C, H, W]` as matplotlib takes one, `[H, W, 3]`, clamped to 0..1."""
    bands = image.detach()[list(shown_bands(len(image)))].clamp(0, 1).cpu()
    pixels: npt.NDArray[Any] = bands.expand(3, -1, -1).movedim(0, -1).numpy()
    return pixels
