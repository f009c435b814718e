"""One pair of images, and what several scores of it share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from torch import Tensor

from hyra._util import validate
from hyra.scores.fsds import FSDSReference
from hyra.scores.protocol import Protocol
from hyra.scores.table import scores


class Target:
    """A reference image, prepared once for the predictions of all methods.

    Args:
        image: ``[C, H, W]``, uint8, uint16 or floats of white 1.
    """

    def __init__(self, image: Tensor) -> None:
        self.image = image
        self._prepared = lru_cache(maxsize=8)(self._prepare)
        self._fsds = lru_cache(maxsize=8)(self._reference)

    def pair(self, preds: Tensor, protocol: Protocol, *, scale: float, modcrop: bool = False) -> Pair:
        """With one prediction, ``[C, H, W]``.

        Raises:
            ValueError: the sizes differ.
        """
        target = _modcropped(self.image, scale) if modcrop else self.image
        if preds.shape[-2:] != target.shape[-2:]:
            sizes = " and ".join(f"{x.shape[-1]}x{x.shape[-2]}" for x in (preds, target))
            raise ValueError(f"both images must have the same size, got {sizes}")
        if target is not self.image or preds.dtype != target.dtype or preds.shape != target.shape:
            return Pair(*protocol.prepare(preds, target), protocol)
        return Pair(protocol.prepare_one(preds), self._prepared(protocol), protocol, self)

    def fsds(self, protocol: Protocol, variant: str) -> FSDSReference:
        """What FSDS measures of the target alone."""
        return self._fsds(protocol, variant)

    def _prepare(self, protocol: Protocol) -> Tensor:
        return protocol.prepare_one(self.image, "target")

    def _reference(self, protocol: Protocol, variant: str) -> FSDSReference:
        return FSDSReference(self._prepared(protocol), variant=variant)


@dataclass(frozen=True)
class Pair:
    """Two images as a protocol leaves them; `origin` is the target that they may share a reference with."""

    preds: Tensor
    target: Tensor
    protocol: Protocol
    origin: Target | None = None

    @cached_property
    def differences(self) -> dict[str, Tensor]:
        """``psnr``, ``mae`` and ``mse`` of one read of the pixels."""
        return scores(self.preds, self.target, ["psnr", "mae", "mse"])

    @cached_property
    def floats(self) -> tuple[Tensor, Tensor]:
        """Both as ``[1, C, H, W]`` float32 of white 1, as metrics of other packages take them."""
        return as_batch(self.preds), as_batch(self.target)


def as_batch(x: Tensor) -> Tensor:
    """``[C, H, W]`` of any dtype as ``[1, C, H, W]`` float32 of white 1."""
    return (x.float() / validate.WHITE.get(x.dtype, 1))[None]


def _modcropped(x: Tensor, scale: float) -> Tensor:
    """`x`, or a part without the rows and columns at the end that are no multiple of an integer scale."""
    step = int(scale) if scale == int(scale) else 1
    height, width = (n - n % step for n in x.shape[-2:])
    return x if (height, width) == x.shape[-2:] else x[..., :height, :width]
