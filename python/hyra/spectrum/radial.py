"""Power of an image, and of an error, over the rings of the frequency plane, and how far two such curves are apart."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hyra import ops
from hyra.results.result import Result
from hyra.spectrum import rings
from hyra.spectrum.planes import checked, half_spectrum, pair


@dataclass(frozen=True)
class RadialProfile(Result):
    """Mean power per ring: what `radial_power` returns.

    ``frequency`` and ``count`` are ``[R]``, the cycles per pixel and the number of bins of each ring; ``power`` is
    ``[..., C, R]`` float64.
    """

    frequency: Tensor
    power: Tensor
    count: Tensor

    def __post_init__(self) -> None:
        rings.check(self.frequency, self.count, power=self.power)

    def __repr__(self) -> str:
        return f"RadialProfile({rings.describe(self.power, self.frequency)})"


def radial_power(x: Tensor, *, corners: bool = False, window: str | None = None) -> RadialProfile:
    """Mean power of the DFT per ring.

    Args:
        x: ``[C, H, W]`` or ``[N, C, H, W]``, floating-point.
        corners: Whether to go on beyond 0.5 cycles per pixel, into the corners of the frequency plane.
        window: `"hann"` to multiply the image's difference from its mean by a Hann window (Harris 1978, Proc. IEEE
            66:51) of mean square 1, so that borders which do not fit together add no power to high frequencies.

    Returns:
        A `RadialProfile` with ``power`` ``[..., C, R]``. Parseval's theorem holds over all rings: with
        ``corners=True`` and no window, ``(power * count).sum(-1) == H * W * x.square().sum((-2, -1))``.

    Raises:
        TypeError, ValueError: `x` is no floating-point image, has NaN or infinite pixels, or there is no such window.

    Example:
        One cycle of a cosine across 8 pixels has the frequency 1/8, and its two bins share a ring of 8.

        >>> import math
        >>> x = torch.cos(2 * math.pi * torch.arange(8, dtype=torch.float64) / 8).expand(1, 8, 8)
        >>> profile = radial_power(x)
        >>> profile.frequency.tolist()
        [0.0, 0.125, 0.25, 0.375, 0.5]
        >>> (profile.power * profile.count).round(decimals=6).abs().tolist()
        [[0.0, 2048.0, 0.0, 0.0, 0.0]]
    """
    return profile(checked("x", x), corners=corners, window=window)


def profile(image: Tensor, *, corners: bool, window: str | None = None) -> RadialProfile:
    """The profile of `radial_power`, of an image that was checked."""
    height, width = image.shape[-2:]
    spectrum = half_spectrum(image, window)
    power, _, _, count = ops.radial_moments(spectrum, spectrum, height, width)
    kept = rings.kept(count, height, width, corners=corners)
    mean = (power / count).unflatten(0, image.shape[:-2])
    return RadialProfile(rings.frequency(count, height, width)[:kept], mean[..., :kept], count[:kept])


def radial_error(preds: Tensor, target: Tensor, *, corners: bool = False, window: str | None = None) -> RadialProfile:
    """Mean power of the error per ring: `radial_power` of ``preds - target``.

    Args:
        preds: ``[C, H, W]`` or ``[N, C, H, W]``, floating-point.
        target: The same shape.
        corners: As in `radial_power`.
        window: As there.

    Raises:
        TypeError, ValueError: as `radial_power`, or the shapes differ.

    Example:
        >>> error = radial_error(torch.full((1, 8, 8), 0.5), torch.zeros(1, 8, 8))  # all of it at zero frequency
        >>> error.power.tolist()
        [[1024.0, 0.0, 0.0, 0.0, 0.0]]
    """
    x, y = pair("preds", preds, "target", target)
    return radial_power(x - y, corners=corners, window=window)


def log_spectral_distance(preds: Tensor, target: Tensor, *, corners: bool = False, window: str | None = None) -> Tensor:
    """How far the radial powers of two images are apart: the root mean square of their ratio in dB.

    Over the rings, without ring 0, and the channels, of ``10 log10(power of preds / power of target)``. It is the
    distance of Gray & Markel 1976 (IEEE Trans. ASSP 24:380) between power spectra, of radial means in place of speech.
    It tells whether there is as much of each frequency, not whether it is in the right place.

    Args:
        preds: ``[C, H, W]`` or ``[N, C, H, W]``, floating-point.
        target: The same shape.
        corners: As in `radial_power`.
        window: As there.

    Returns:
        ``[]`` or ``[N]`` float64, in dB: 0 for equal powers, also where both are 0; ``inf`` where just one is 0; NaN
        for images of one row or column, which have ring 0 alone.

    Raises:
        TypeError, ValueError: as `radial_power`, or the shapes differ.

    Example:
        >>> x = torch.rand(3, 16, 16, dtype=torch.float64)
        >>> round(log_spectral_distance(10 * x, x).item(), 6)  # 20 dB at each frequency
        20.0
    """
    x, y = pair("preds", preds, "target", target)
    powers = (radial_power(image, corners=corners, window=window).power for image in (x, y))
    return distance(*powers)


def distance(power: Tensor, target: Tensor) -> Tensor:
    """The distance of `log_spectral_distance`, of powers ``[..., C, R]``."""
    ratio = torch.where((power == 0) & (target == 0), 1.0, power / target)[..., 1:]
    return (10 * ratio.log10()).square().mean((-2, -1)).sqrt()
