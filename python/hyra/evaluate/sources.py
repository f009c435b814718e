"""Where the images of an evaluation come from, and the form in which scores take them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol as Interface

import torch
from torch import Tensor

from hyra._util import validate
from hyra.evaluate.store import digest
from hyra.images.decoding.decoders import decode


@dataclass(frozen=True)
class Image:
    """An image as it is stored: ``[3, H, W]`` of integers or floats, a view of what the decoder left, and its white."""

    pixels: Tensor
    white: float

    @classmethod
    def read(cls, file: Path) -> Image:
        """From a file; grey is repeated, without a copy."""
        stored = decode(file)
        pixels = stored.pixels if stored.pixels.flags.writeable else stored.pixels.copy()
        return cls(torch.from_numpy(pixels).permute(2, 0, 1).expand(3, -1, -1), stored.white)

    def to(self, device: str) -> Image:
        """On a device."""
        return Image(self.pixels.to(device), self.white)

    @property
    def is_plain(self) -> bool:
        """Whether white is what scores take it for, by the type of the pixels."""
        return self.white == validate.WHITE.get(self.pixels.dtype, 1)

    def to_float(self) -> Image:
        """Of white 1."""
        dtype = self.pixels.dtype if self.pixels.is_floating_point() else torch.float32
        return Image(self.pixels.to(dtype) / self.white if self.white != 1 else self.pixels, 1)


def alike(preds: Image, target: Image) -> tuple[Tensor, Tensor]:
    """The pixels of both as a score takes them: as stored where they are of one kind, else as floats of white 1."""
    if preds.is_plain and target.is_plain and preds.pixels.dtype == target.pixels.dtype:
        return preds.pixels, target.pixels
    return preds.to_float().pixels, target.to_float().pixels


class Source(Interface):
    """An image that can be named, told from others by what it holds, and read."""

    @property
    def name(self) -> str:
        """For tables and messages."""

    @property
    def image(self) -> str:
        """What tables call it."""

    @property
    def size(self) -> int:
        """About how much work it is, to begin with the largest."""

    @property
    def digest(self) -> str:
        """Of all that the pixels depend on."""

    def read(self) -> Image:
        """The image.

        Raises:
            ValueError, OSError, ImportError: it cannot be read.
        """


@dataclass(frozen=True)
class File:
    """An image file."""

    path: Path

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    @property
    def image(self) -> str:
        """Its name without the suffix."""
        return self.path.stem

    @cached_property
    def size(self) -> int:
        """In bytes."""
        return self.path.stat().st_size

    @cached_property
    def digest(self) -> str:
        """Of its content."""
        return digest(self.path)

    def read(self) -> Image:
        """Decoded."""
        return Image.read(self.path)
