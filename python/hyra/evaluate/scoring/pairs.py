"""One pair of images, and what several scores of it share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from torch import Tensor

from hyra._util import validate
from hyra.images.resampling import modcrop as cut_to_multiple
from hyra.scores.fsds import FSDSReference
from hyra.scores.pixelwise import POWERS
from hyra.scores.protocol import Protocol
from hyra.scores.table import scores

_MODCROP = ": cut the reference to a multiple of the scale (modcrop=True, on the command line --modcrop)"


class Target:
    """A reference image, prepared once for the predictions of all methods.

    Args:
        image: ``[C, H, W]``, uint8, uint16 or floats of white 1.
    """

    def __init__(self, image: Tensor) -> None:
        self.image = image
        self._prepared = lru_cache(maxsize=8)(self._prepare)
        self._fsds = lru_cache(maxsize=8)(self._reference)

    def pair(
        self,
        preds: Tensor,
        protocol: Protocol,
        *,
        scale: float,
        modcrop: bool = False,
        differences: Sequence[str] = tuple(POWERS),
    ) -> Pair:
        """With one prediction, ``[C, H, W]``.

        Args:
            preds: the prediction.
            protocol: what is done to both.
            scale: HR pixels per LR pixel.
            modcrop: cut the reference to a multiple of it.
            differences: which of ``psnr``, ``mae`` and ``mse`` will be asked for.

        Raises:
            ValueError: the sizes differ.
        """
        target = cut_to_multiple(self.image, scale) if modcrop else self.image
        if preds.shape[-2:] != target.shape[-2:]:
            sizes = " and ".join(f"{x.shape[-1]}x{x.shape[-2]}" for x in (preds, target))
            would_fit = not modcrop and scale <= min(self.image.shape[-2:])
            would_fit = would_fit and cut_to_multiple(self.image, scale).shape[-2:] == preds.shape[-2:]
            cut = _MODCROP if would_fit else ""
            raise ValueError(f"both images must have the same size, got {sizes}{cut}")
        if target is not self.image or preds.dtype != target.dtype or preds.shape != target.shape:
            return Pair(*protocol.prepare(preds, target), protocol, differences)
        return Pair(protocol.prepare_one(preds), self._prepared(protocol), protocol, differences, self)

    def fsds(self, protocol: Protocol, variant: str) -> FSDSReference:
        """What FSDS measures of the target alone."""
        return self._fsds(protocol, variant)

    def _prepare(self, protocol: Protocol) -> Tensor:
        return protocol.prepare_one(self.image, "target")

    def _reference(self, protocol: Protocol, variant: str) -> FSDSReference:
        return FSDSReference(self._prepared(protocol), variant=variant)


@dataclass(frozen=True)
class Pair:
    """Two images as a protocol leaves them.

    Attributes:
        preds: the prediction.
        target: the reference.
        protocol: what was done to both.
        wanted: the scores that `differences` holds.
        origin: what has the reference's part of a score, where the protocol left the reference as it does alone.
    """

    preds: Tensor
    target: Tensor
    protocol: Protocol
    wanted: Sequence[str] = tuple(POWERS)
    origin: Target | None = None

    @cached_property
    def differences(self) -> dict[str, Tensor]:
        """Those of ``psnr``, ``mae`` and ``mse`` that are wanted, of one read of the pixels."""
        return scores(self.preds, self.target, self.wanted)

    @cached_property
    def floats(self) -> tuple[Tensor, Tensor]:
        """Both as ``[1, C, H, W]`` float32 of white 1, as metrics of other packages take them."""
        return as_batch(self.preds), as_batch(self.target)


def as_batch(x: Tensor) -> Tensor:
    """``[C, H, W]`` of any dtype as ``[1, C, H, W]`` float32 of white 1."""
    return (x.float() / validate.WHITE.get(x.dtype, 1))[None]
