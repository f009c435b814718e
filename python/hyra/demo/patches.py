"""Training patches and validation strips from the few training photographs."""

from __future__ import annotations

import torch
from torch import Tensor

from hyra.demo import photographs
from hyra.images.resampling import degrade
from hyra.images.resizing import imresize

VALIDATION_ROWS = 96
"""The bottom rows of every training photograph are kept out of training, for the choices that have to be made."""

# A smaller copy of a photograph is sharper per pixel, and shows its content at another size.
_LEVELS = (1.0, 0.8, 0.6, 0.4, 0.25)


def validation_pairs(scale: int) -> list[tuple[Tensor, Tensor]]:
    """(LR, HR) of the validation strip of every training photograph."""
    return [degrade(photographs.load(name)[:, -VALIDATION_ROWS:], scale) for name in photographs.TRAINING]


class Patches:
    """Random batches (LR [batch, 3, size, size], HR [batch, 3, scale*size, scale*size]), decided by `generator` alone.

    Augmentation, since photographs are few: up to five sizes of each, the eight flips and quarter turns, permuted
    colour channels, contrast from 0.5 to 1 at any brightness that keeps the range (so that black is nothing special).
    """

    def __init__(self, scale: int, size: int, batch: int, generator: torch.Generator) -> None:
        self.scale, self.size, self.batch, self.generator = scale, size, batch, generator
        self._pyramids = [self._pyramid(photographs.load(name)) for name in photographs.TRAINING]

    def _pyramid(self, photograph: Tensor) -> list[tuple[Tensor, Tensor]]:
        trained = photograph[:, :-VALIDATION_ROWS]
        sizes = [(round(trained.shape[1] * level), round(trained.shape[2] * level)) for level in _LEVELS]
        large_enough = [size for size in sizes if min(size) >= self.scale * self.size]
        if not large_enough:
            raise ValueError(f"size must be at most {min(sizes[0]) // self.scale} LR pixels; got {self.size}")
        return [degrade(imresize(trained, size=size).clamp(0, 1), self.scale) for size in large_enough]

    def _integer(self, end: int) -> int:
        return int(torch.randint(end, (), generator=self.generator, device=self.generator.device))

    def _fraction(self) -> Tensor:
        return torch.rand((), generator=self.generator, dtype=torch.float32, device=self.generator.device)

    def _draw(self) -> tuple[Tensor, Tensor]:
        pyramid = self._pyramids[self._integer(len(self._pyramids))]
        lr, hr = pyramid[self._integer(len(pyramid))]
        y, x = (self._integer(side - self.size + 1) for side in lr.shape[1:])
        turns, flip = self._integer(4), self._integer(2)
        channels = torch.randperm(3, generator=self.generator, device=self.generator.device)
        contrast = 1 - 0.5 * self._fraction()
        brightness = (1 - contrast) * self._fraction()

        def augment(image: Tensor, scale: int) -> Tensor:
            rows, columns = (slice(scale * start, scale * (start + self.size)) for start in (y, x))
            turned = image[:, rows, columns].rot90(turns, (1, 2))
            return brightness + contrast * (turned.flip(2) if flip else turned)[channels]

        return augment(lr, 1), augment(hr, self.scale)

    def draw(self) -> tuple[Tensor, Tensor]:
        """The next batch: (LR, HR)."""
        lr, hr = zip(*(self._draw() for _ in range(self.batch)), strict=True)
        return torch.stack(lr), torch.stack(hr)
