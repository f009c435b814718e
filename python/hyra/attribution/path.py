"""The path of local attribution maps: an image that a Gaussian blurs less and less."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_RADIUS = 3.3
"""Of the kernel, in sigmas: 4 pixels for the 1.2 of the paper's code."""


class BlurPath:
    """Images `x(t)` and their derivatives, from the most blurred, at t = 0, to the image itself, at t = 1.

    A path has the same integral however fast one goes along it. The paper's code lowers sigma evenly; here the variance
    is lowered evenly, `sigma(t)^2 = sigma^2 (1 - t)`: that spreads what changes of the image over the whole of the
    path, so that fewer steps do. The kernel is the sampled Gaussian of that code, which becomes a single pixel at the
    end, and images are continued by reflection.

    Args:
        image: `[C, h, w]`.
        sigma: of the widest Gaussian, in LR pixels.
    """

    def __init__(self, image: Tensor, sigma: float) -> None:
        self.radius = math.ceil(_RADIUS * sigma)
        if self.radius >= min(image.shape[-2:]):
            side = min(image.shape[-2:])
            raise ValueError(
                f"sigma must be at most {(side - 1) / _RADIUS:.3g} for an image whose smaller side is {side}, since "
                f"its border is reflected, got {sigma:g}"
            )
        self.sigma = sigma
        self.image = image.double()
        self._padded = F.pad(self.image[None], (self.radius,) * 4, mode="reflect")

    def __call__(self, t: float) -> tuple[Tensor, Tensor]:
        """`x(t)` and `dx/dt` `[C, h, w]`, both float64."""
        line, derivative = self._kernel(t)
        along_y, derivative_y = self._filtered(self._padded, line, 0), self._filtered(self._padded, derivative, 0)
        blurred = self._filtered(along_y, line, 1)
        # The variance falls, so the sign changes.
        change = self._filtered(along_y, derivative, 1) + self._filtered(derivative_y, line, 1)
        return blurred[0], -(self.sigma**2) * change[0]

    def _kernel(self, t: float) -> tuple[Tensor, Tensor]:
        """The taps `[2 * radius + 1]` along one axis, and their derivative by the variance."""
        squares = torch.arange(-self.radius, self.radius + 1, device=self.image.device).double().square()
        variance = self.sigma**2 * (1 - t)
        if variance <= 0:
            return (squares == 0).double(), torch.zeros_like(squares)
        taps = (-squares / (2 * variance)).exp()
        taps /= taps.sum()
        slope = squares / (2 * variance**2)
        return taps, taps * (slope - (taps * slope).sum())

    @staticmethod
    def _filtered(images: Tensor, taps: Tensor, axis: int) -> Tensor:
        channels = images.shape[1]
        kernel = taps.view((1, 1, -1, 1) if axis == 0 else (1, 1, 1, -1)).expand(channels, -1, -1, -1)
        return F.conv2d(images, kernel, groups=channels)
