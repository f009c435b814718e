"""Images in as many channels as a network has."""

from __future__ import annotations

from torch import Tensor


def in_colours(image: Tensor, channels: int) -> Tensor:
    """The image `[C, H, W]`, or for networks of one channel the mean over its colours."""
    return image.mean(0, keepdim=True) if channels == 1 else image
