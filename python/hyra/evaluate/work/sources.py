"""Where the images of an evaluation come from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol as Interface

from torch import Tensor

from hyra import images
from hyra.evaluate.work.keys import digest


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

    @property
    def is_kept(self) -> bool:
        """Whether it need not be read where its scores are known: reading may make a file that is wanted."""

    def read(self) -> Tensor:
        """The image as it is stored, ``[C, H, W]`` as `hyra.images.read` leaves integers.

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

    @property
    def is_kept(self) -> bool:
        """It is a file already."""
        return True

    def read(self) -> Tensor:
        """Decoded."""
        return images.read(self.path, integers=True)
