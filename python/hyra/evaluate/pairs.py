"""One pair of images, and what several scores of it share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from hyra.evaluate.sources import Image, alike
from hyra.scores.fsds import FSDSReference
from hyra.scores.pixelwise import mse
from hyra.scores.protocol import Protocol


class Target:
    """A reference image, prepared once for the predictions of all methods."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._fsds = lru_cache(maxsize=8)(self._reference)

    def pair(self, preds: Image, protocol: Protocol, *, scale: float, modcrop: bool = False) -> Pair:
        """With one prediction.

        Raises:
            ValueError: the sizes differ.
        """
        target = self.image
        if modcrop:
            target = Image(_modcropped(target.pixels, scale), target.white)
        if preds.pixels.shape[-2:] != target.pixels.shape[-2:]:
            sizes = " and ".join(f"{x.pixels.shape[-1]}x{x.pixels.shape[-2]}" for x in (preds, target))
            raise ValueError(f"both images must have the same size, got {sizes}")
        as_stored = preds.is_plain and target.is_plain and preds.pixels.dtype == target.pixels.dtype
        shared = self if as_stored and not modcrop else None
        return Pair(*protocol.prepare(*alike(preds, target)), protocol, shared)

    def fsds(self, protocol: Protocol, variant: str) -> FSDSReference:
        """What FSDS measures of the target alone."""
        return self._fsds(protocol, variant)

    def _reference(self, protocol: Protocol, variant: str) -> FSDSReference:
        _, prepared = protocol.prepare(self.image.pixels, self.image.pixels)
        return FSDSReference(prepared, variant=variant)


@dataclass(frozen=True)
class Pair:
    """Two images as a protocol leaves them; `origin` is the target that they may share a reference with."""

    preds: Tensor
    target: Tensor
    protocol: Protocol
    origin: Target | None = None

    @cached_property
    def mse(self) -> Tensor:
        """Which PSNR needs, too."""
        return mse(self.preds, self.target)

    @cached_property
    def floats(self) -> tuple[Tensor, Tensor]:
        """Both as ``[1, C, H, W]`` float32 of white 1, as metrics of other packages take them."""
        return as_batch(self.preds), as_batch(self.target)


def as_batch(x: Tensor) -> Tensor:
    """``[C, H, W]`` of any dtype as ``[1, C, H, W]`` float32 of white 1."""
    white = {torch.uint8: 255, torch.uint16: 65535}.get(x.dtype, 1)
    return (x.float() / white)[None]


def _modcropped(x: Tensor, scale: float) -> Tensor:
    """Without the rows and columns at the end that are no multiple of an integer scale."""
    step = int(scale) if scale == int(scale) else 1
    height, width = (n - n % step for n in x.shape[-2:])
    return x[..., :height, :width]
