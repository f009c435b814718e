"""What a filter at x1 does to an image: the questions of a restoration network, where no sinc is the ideal.

Denoising, deblurring and the repair of JPEG give as many pixels as they get. Sampled once a pixel, the ideal
interpolator is a single pixel, and any response is like it, or unlike it by rounding alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from hyra.filters.response import ImpulseResponse
from hyra.filters.transfer import gain_at

_FREQUENCIES = 257
_DIRECTIONS = 8


@dataclass(frozen=True)
class Restoration:
    """A response at x1 in numbers; frequencies in cycles per pixel, of which 0.5 is the highest.

    Attributes:
        dc_gain: gain of a constant image; 1 keeps the brightness.
        mtf50: frequency where the gain first falls to half of that at zero, the mean over both axes; None where it
            stays above, as that of a sharpening filter does.
        noise_gain: standard deviation of white noise behind the filter over that before it; below 1 it denoises.
        peak_gain: largest gain along an axis, over that at zero; above 1 frequencies are amplified: it sharpens.
        anisotropy: largest spread of the gain over directions at one frequency up to 0.5, over the gain at zero.

    Example:
        >>> import torch, hyra
        >>> blur = torch.nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        >>> found = Restoration.of(hyra.HyRA(blur, in_channels=1).impulse_response(32))
        >>> round(found.dc_gain, 6), round(found.noise_gain, 6), round(found.mtf50, 3)  # (1 + 2 cos 2 pi f) / 3 = 1/2
        (1.0, 0.333333, 0.21)
    """

    dc_gain: float
    mtf50: float | None
    noise_gain: float
    peak_gain: float
    anisotropy: float

    @classmethod
    def of(cls, response: ImpulseResponse) -> Restoration:
        """Summarise a response.

        Raises:
            ValueError: it is of another scale than 1.
        """
        if response.scale != 1:
            raise ValueError(f"response must be of scale 1, got {response.scale}")
        plane, center = response.white, response.center
        f = torch.linspace(0, 0.5, _FREQUENCIES, dtype=torch.float64, device=plane.device)
        zero = f.new_zeros(1)
        along = [gain_at(plane, center, 1, *axes).abs().flatten() for axes in ((f, zero), (zero, f))]
        dc = float(along[0][0])
        radial = [(f * math.sin(a), f * math.cos(a)) for a in (math.pi * i / _DIRECTIONS for i in range(_DIRECTIONS))]
        rays = torch.stack([gain_at(plane, center, 1, fy, fx).abs().diagonal() for fy, fx in radial])
        crossings = [_crossing(f, gain / dc, 0.5) for gain in along] if dc > 0 else []
        found = [crossing for crossing in crossings if crossing is not None]
        return cls(
            dc_gain=float(plane.sum()),
            mtf50=sum(found) / 2 if len(found) == 2 else None,
            noise_gain=float(plane.square().sum().sqrt()),
            peak_gain=float(torch.stack(along).max()) / dc if dc > 0 else math.nan,
            anisotropy=float((rays.amax(0) - rays.amin(0)).max()) / dc if dc > 0 else math.nan,
        )


def _crossing(f: torch.Tensor, gain: torch.Tensor, level: float) -> float | None:
    """Where a gain first falls to a level, between two samples."""
    below = (gain <= level).nonzero()
    if not len(below) or int(below[0]) == 0:
        return None
    i = int(below[0])
    share = float((gain[i - 1] - level) / (gain[i - 1] - gain[i]))
    return float(f[i - 1]) + share * float(f[i] - f[i - 1])
