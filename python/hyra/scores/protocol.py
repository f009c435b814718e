"""Protocols: what is done to a pair of images before it is scored, by name and in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from torch import Tensor

from hyra._util import validate
from hyra._util.arrays import accepts_arrays, to_tensor
from hyra.images.colours import grey, luma
from hyra.scores.fsds import fsds
from hyra.scores.pairs import crop, validate_pair

CHANNELS = ("rgb", "y", "grey")
NAMES = ("paper", "y", "div2k")

_WORDS = {"rgb": "RGB", "y": "Y of BT.601 (MATLAB's)", "grey": "mean of the colours"}


@dataclass(frozen=True)
class Protocol:
    """How a pair of images is scored: in which channels, and without which border.

    Published numbers differ by what is left out and how colours are taken: on Y by some 1.3 dB of PSNR more than on
    RGB. Printed, a protocol says what it is, to stand wherever a number does.

    Attributes:
        channels: ``"rgb"`` (all channels as they are), ``"y"`` (`hyra.images.luma`) or ``"grey"`` (the mean of the
            colours).
        crop: pixels cut from each side.
        rounded: Y as 8-bit integers (16-bit ones of 16-bit images), as MATLAB leaves it of such images.
        published_order: FSDS divides by the energy of the SR image, as the script behind the paper's Table 1 does,
            and not by the reference's.

    Raises:
        TypeError: `crop` is no integer.
        ValueError: the channels are none of these, `crop` is negative, or something other than Y is to be rounded.

    Example:
        >>> protocol = Protocol.named("y", scale=4)
        >>> print(protocol)
        Y of BT.601 (MATLAB's), 4 pixels cut from each side
        >>> import torch
        >>> preds, target = torch.rand(2, 3, 24, 24)
        >>> [tuple(x.shape) for x in protocol.prepare(preds, target)]
        [(1, 16, 16), (1, 16, 16)]
    """

    channels: str = "rgb"
    crop: int = 0
    rounded: bool = False
    published_order: bool = False

    def __post_init__(self) -> None:
        validate.choice("channels", self.channels, CHANNELS)
        validate.integer("crop", self.crop, 0)
        if self.rounded and self.channels != "y":
            raise ValueError(f"rounded must be False where channels is not 'y', got channels={self.channels!r}")

    @classmethod
    def named(cls, name: str, scale: int | None = None, **changes: Any) -> Self:
        """One of the protocols of the literature, with `changes` of its attributes.

        Args:
            name: ``"paper"``: RGB, nothing cut, FSDS in the published order (Deng et al., ICML 2024). ``"y"``: Y,
                `scale` pixels cut: Set5, Set14, BSD100, Urban100. ``"div2k"``: RGB, ``scale + 6`` pixels cut: DIV2K.
            scale: HR pixels per LR pixel; ``"paper"`` needs none.
            changes: such as ``rounded=True``.

        Raises:
            ValueError: there is no such protocol, or it needs a scale.
        """
        validate.choice("name", name, NAMES)
        if name == "paper":
            return replace(cls(published_order=True), **changes)
        if scale is None:
            raise ValueError(f"scale must be given for the protocol {name!r}, got None")
        border = validate.scale("scale", scale)
        return replace(cls("y", border) if name == "y" else cls("rgb", border + 6), **changes)

    def prepare(self, preds: Any, target: Any) -> tuple[Tensor, Tensor]:
        """A pair ``[C, H, W]`` or ``[N, C, H, W]``, tensors or arrays, as it is scored: tensors without the border.

        RGB keeps its dtype; Y and grey are floats of white 1, rounded Y integers. Nothing is copied of RGB.

        Raises:
            TypeError: an image is not as `hyra.psnr` takes it.
            ValueError: a shape or a number of channels is wrong, or nothing would be left.
        """
        p, t = to_tensor(preds, "preds"), to_tensor(target, "target")
        validate_pair(p, t, integers=True)
        return self._prepared("preds", p), self._prepared("target", t)

    def _prepared(self, name: str, image: Tensor) -> Tensor:
        part = crop(name, image, self.crop)
        if self.channels == "rgb":
            return part
        return luma(part, rounded=self.rounded) if self.channels == "y" else grey(part)

    @accepts_arrays("preds", "target")
    def fsds(self, preds: Tensor, target: Tensor, **options: Any) -> Tensor:
        """`hyra.fsds` of the prepared pair, in the order of this protocol."""
        p, t = self.prepare(preds, target)
        return fsds(t, p, **options) if self.published_order else fsds(p, t, **options)

    def __str__(self) -> str:
        words = [_WORDS[self.channels] + (", rounded to integers" if self.rounded else "")]
        words.append(f"{self.crop} pixels cut from each side" if self.crop else "no border cut")
        if self.published_order:
            words.append("FSDS divided by the SR image's energy, as published")
        return ", ".join(words)
