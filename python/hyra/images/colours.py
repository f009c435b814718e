"""Images in as many channels as a network has."""

from __future__ import annotations

from torch import Tensor

from hyra._util import validate


def in_colours(image: Tensor, channels: int) -> Tensor:
    """The image `[C, H, W]`, or for networks of one channel the mean over its colours.

    Raises:
        ValueError: it has no colour or no pixel.
    """
    validate.images("image", image)
    return image.mean(0, keepdim=True) if channels == 1 else image
