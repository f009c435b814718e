"""Protocols: what is done to a pair of images before it is scored, by name and in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from torch import Tensor

from hyra._util import validate
from hyra._util.arrays import accepts_arrays, to_tensor
from hyra.images.colours import grey, luma, unit
from hyra.scores import table
from hyra.scores.pairs import crop, validate_pair

CHANNELS = ("rgb", "y", "grey")
NAMES = ("paper", "y", "y-rounded", "div2k")

_WORDS = {"rgb": "RGB", "y": "Y of BT.601 (MATLAB's)", "grey": "mean of the colours"}
_CUSTOM = {"rgb": ("rgb", False), "y": ("y", False), "y-rounded": ("y", True), "grey": ("grey", False)}
"""Channels, and whether they are rounded, of a protocol that is written out."""


def _score(name: str) -> Callable[..., Any]:
    def method(self: Protocol, preds: Any, target: Any, **options: Any) -> Any:
        return self.scores(preds, target, {name: options})[name]

    method.__name__, method.__qualname__ = name, f"Protocol.{name}"
    method.__doc__ = f"`hyra.{name}` of the prepared pair, with its options; of NumPy and CuPy arrays an array."
    return method


@dataclass(frozen=True)
class Protocol:
    """How a pair of images is scored: in which channels, and without which border.

    Published numbers differ by what is left out and how colours are taken: on Y by some 1.3 dB of PSNR more than on
    RGB. Each score of hyra is a method, and takes the images as they are, uint8, uint16 or floats of white 1. Printed,
    a protocol says what it is, to stand wherever a number does.

    What a network of one channel makes is Y, and scored on Y: the target's Y is taken for it, whatever the channels.

    Attributes:
        channels: ``"rgb"`` (all channels as they are), ``"y"`` (`hyra.images.luma`) or ``"grey"`` (the mean of the
            colours).
        crop: pixels cut from each side.
        rounded: Y as 8-bit integers (16-bit ones of 16-bit images), as MATLAB leaves it of such images.
        published_order: FSDS divides by the energy of the SR image, as the script behind the paper's Table 1 does,
            and not by the reference's. No other score is concerned.

    Raises:
        TypeError: `crop` is no integer, or `rounded` or `published_order` no bool.
        ValueError: the channels are none of these, `crop` is negative, or something other than Y is to be rounded.

    Example:
        An error of 10 of 255 in red, green and blue: ``20 log10(255 / 10) = 28.131`` dB in RGB, and in Y, which has 219
        levels from black to white, ``20 log10(255 / (10 * 219 / 255))``:

        >>> import torch
        >>> target = torch.randint(200, (3, 24, 24), dtype=torch.uint8)
        >>> protocol = Protocol.named("y", scale=4)
        >>> print(protocol)
        Y of BT.601 (MATLAB's), 4 pixels cut from each side
        >>> round(Protocol().psnr(target + 10, target).item(), 3), round(protocol.psnr(target + 10, target).item(), 3)
        (28.131, 29.453)
        >>> {name: value.ndim for name, value in protocol.scores(target + 10, target, ["ssim", "fsds"]).items()}
        {'ssim': 0, 'fsds': 0}
    """

    channels: str = "rgb"
    crop: int = 0
    rounded: bool = False
    published_order: bool = False

    def __post_init__(self) -> None:
        validate.choice("channels", self.channels, CHANNELS)
        object.__setattr__(self, "crop", validate.integer("crop", self.crop, 0))  # NumPy's are none to JSON
        for name in ("rounded", "published_order"):
            validate.instance(name, getattr(self, name), bool)
        if self.rounded and self.channels != "y":
            raise ValueError(f"rounded must be False where channels is not 'y', got channels={self.channels!r}")

    @classmethod
    def named(cls, name: str, scale: int | None = None, **changes: Any) -> Self:
        """One of the protocols of the literature, with `changes` of its attributes.

        Args:
            name: ``"paper"``: RGB, nothing cut, FSDS in the published order (Deng et al., ICML 2024). ``"y"``: Y,
                `scale` pixels cut: Set5, Set14, BSD100, Urban100; ``"y-rounded"``: likewise, of integers. ``"div2k"``:
                RGB, ``scale + 6`` pixels cut: DIV2K.
            scale: HR pixels per LR pixel; ``"paper"`` needs none.
            changes: such as ``crop=0``.

        Raises:
            ValueError: there is no such protocol, or it needs a scale.
        """
        validate.choice("name", name, NAMES)
        if name == "paper":
            return replace(cls(published_order=True), **changes)
        if scale is None:
            raise ValueError(f"scale must be given for the protocol {name!r}, got None")
        border = validate.whole_scale("scale", scale)
        protocol = cls("rgb", border + 6) if name == "div2k" else cls("y", border, rounded=name == "y-rounded")
        return replace(protocol, **changes)

    @classmethod
    def parse(cls, text: str, scale: int | None = None) -> Self:
        """A protocol as it is written in a command or a file of settings: a name, or what it does.

        Args:
            text: a name that `named` knows, or one or both of ``channels=rgb|y|y-rounded|grey`` and ``crop=N``,
                separated by a comma; without channels they are RGB, without a crop nothing is cut.
            scale: as for `named`; what is written out needs none.

        Raises:
            TypeError: `text` is no string.
            ValueError: it is neither, or a name that needs a scale.

        Example:
            >>> print(Protocol.parse("channels=y-rounded,crop=4"))
            Y of BT.601 (MATLAB's), rounded to integers, 4 pixels cut from each side
            >>> Protocol.parse("div2k", scale=4) == Protocol.parse("crop=10")
            True
        """
        if not isinstance(text, str):
            raise TypeError(f"protocol must be a string, got {validate.kind(text)}")
        if text in NAMES:
            return cls.named(text, scale)
        words = [word.strip().partition("=")[::2] for word in text.split(",")]
        settings = {"channels": "rgb", "crop": "0", **dict(words)}
        channels, border = settings["channels"], settings["crop"]
        is_twice = len({key for key, _ in words}) < len(words)
        is_known = len(settings) == 2 and channels in _CUSTOM and border.isascii() and border.isdigit()
        if is_twice or not is_known:
            names = ", ".join(map(repr, NAMES))
            raise ValueError(f"protocol must be one of {names} or channels={'|'.join(_CUSTOM)},crop=N, got {text!r}")
        kind, rounded = _CUSTOM[channels]
        return cls(kind, int(border), rounded)

    def for_network(self, channels: int) -> Self:
        """The protocol as it is for a network of so many channels: one that makes a single one is scored on Y."""
        return replace(self, channels="y") if channels == 1 and self.channels != "y" else self

    def prepare(self, preds: Any, target: Any) -> tuple[Tensor, Tensor]:
        """A pair ``[C, H, W]`` or ``[N, C, H, W]``, tensors or arrays, as it is scored: tensors without the border.

        RGB keeps its dtype, and nothing of it is copied, but for a pair of two kinds (uint8, uint16, floats), which
        becomes floats. Y and grey are floats of white 1, rounded Y integers.

        Args:
            preds: as for `hyra.psnr`; floats have white 1.
            target: the shape of `preds`, or three channels to one.

        Raises:
            TypeError: an image is not as `hyra.psnr` takes it.
            ValueError: a shape or a number of channels is wrong, or nothing would be left.

        Example:
            >>> import torch
            >>> preds, target = torch.rand(1, 24, 24), torch.rand(3, 24, 24)
            >>> [tuple(x.shape) for x in Protocol.named("div2k", scale=2).prepare(preds, target)]
            [(1, 8, 8), (1, 8, 8)]
        """
        p, t = to_tensor(preds, "preds"), to_tensor(target, "target")
        for name, image in (("preds", p), ("target", t)):
            validate.images(name, image, integers=True)
        is_of_one_channel = p.shape[-3] == 1 and t.shape[-3] == 3
        validate_pair(p, t.narrow(-3, 0, 1) if is_of_one_channel else t, integers=True)
        protocol = self.for_network(1) if is_of_one_channel else self
        p, t = protocol.prepare_one(p), protocol.prepare_one(t, "target")
        is_alike = p.dtype == t.dtype or (p.is_floating_point() and t.is_floating_point())
        return (p, t) if is_alike else (unit(p), unit(t))

    def prepare_one(self, image: Tensor, name: str = "preds") -> Tensor:
        """One image of a pair of the same shape and dtype, by itself: as `prepare` leaves it.

        Args:
            image: a tensor as `prepare` takes it.
            name: what a message calls it.

        Raises:
            TypeError: `image` is none that a score takes.
            ValueError: its shape or number of channels is wrong, or nothing would be left.
        """
        validate.images(name, image, integers=True)
        part = crop(name, image, self.crop)
        if self.channels == "rgb":
            return part
        return luma(part, rounded=self.rounded) if self.channels == "y" else grey(part)

    @accepts_arrays("preds", "target")
    def scores(
        self, preds: Tensor, target: Tensor, names: Sequence[str] | Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Several scores of the pair, which is prepared once and read as few times as can be.

        Args:
            preds: as for `prepare`.
            target: as for `prepare`.
            names: the scores, such as ``["psnr", "ssim"]``, or their options, such as ``{"fsds": {"variant":
                "radial"}}``.

        Returns:
            Each score by its name, as its function gives it.

        Raises:
            TypeError: an image or an option is none that a score takes.
            ValueError: a name is none of a score, or a score refuses the pair.
        """
        p, t = self.prepare(preds, target)
        options = table.options_of(names)
        if not self.published_order or "fsds" not in options:
            return table.scores(p, t, options)
        published = table.scores(t, p, {"fsds": options.pop("fsds")})
        of_pair = {**table.scores(p, t, options), **published}
        return {name: of_pair[name] for name in table.options_of(names)}

    fsds = _score("fsds")
    psnr = _score("psnr")
    mae = _score("mae")
    mse = _score("mse")
    ssim = _score("ssim")
    ms_ssim = _score("ms_ssim")
    fourier_mae = _score("fourier_mae")
    fourier_mse = _score("fourier_mse")
    fourier_psnr = _score("fourier_psnr")

    def __str__(self) -> str:
        words = [_WORDS[self.channels] + (", rounded to integers" if self.rounded else "")]
        words.append(f"{self.crop} pixels cut from each side" if self.crop else "no border cut")
        if self.published_order:
            words.append("FSDS divided by the SR image's energy, as published")
        return ", ".join(words)
