"""Pairs of images by formulas in integers, for scores that other programs have given them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIZES = [(3, 64, 80), (1, 37, 53), (3, 181, 167)]
KINDS = ("picture", "shifted", "white")


def pair(kind: str, size: tuple[int, int, int], bits: int) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """The distorted image and its reference, ``[C, H, W]`` of uint8 or uint16."""
    channel, y, x = np.indices(size, dtype=np.int64)
    white = 2**bits - 1
    noise = (x * x + 3 * y * y + 7 * x * y + 11 * channel) % 31 - 15
    if kind == "white":  # flat but for a step or two
        target = white - (x * y) % 2
        preds = target - (noise > 10)
    else:
        wave = np.abs((3 * y + 5 * x + x * y // 16 + 40 * channel) % 240 - 120) * 2  # slopes and corners
        target = np.clip(wave + (x // 16 + y // 16) % 2 * 16, 0, 255)
        preds = np.clip((np.roll(target, 1, 2) if kind == "shifted" else target) + noise, 0, 255)
        target, preds = (v * white // 255 for v in (target, preds))
    dtype = np.uint8 if bits == 8 else np.uint16
    return preds.astype(dtype), target.astype(dtype)
