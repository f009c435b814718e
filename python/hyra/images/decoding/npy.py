"""Arrays as NumPy stores them, ``.npy``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hyra.images.decoding.decoded import Decoded, check_size, decoded, floats


def decode(path: Path) -> Decoded:
    """``[H, W]``, ``[H, W, C]`` or ``[C, H, W]`` of uint8, uint16 or floats; never code."""
    stored = np.load(path, mmap_mode="r", allow_pickle=False)
    if stored.ndim not in (2, 3):
        raise ValueError(f"an array [H, W], [H, W, C] or [C, H, W] was expected, got the shape {stored.shape}")
    if stored.size == 0:
        raise ValueError(f"it has no pixels, got the shape {stored.shape}")
    if stored.ndim == 3 and stored.shape[0] <= 4:
        if stored.shape[-1] <= 4:
            raise ValueError(f"the shape {stored.shape} may be [H, W, C] or [C, H, W], save it as PNG or TIFF")
        stored = np.moveaxis(stored, 0, -1)
    check_size(stored.shape[1], stored.shape[0])
    if stored.dtype.kind == "f" and stored.dtype.itemsize <= 8:
        return decoded(floats(stored), 1, [])
    if stored.dtype.kind != "u" or stored.dtype.itemsize > 2:
        raise ValueError(f"uint8, uint16 or floats were expected, got {stored.dtype}")
    return decoded(np.array(stored, stored.dtype.newbyteorder("="), order="C"), np.iinfo(stored.dtype).max, [])
