"""Window families, and the windowed sinc: the kernels that responses are fitted by and low-pass filters are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import scipy
import torch
from torch import Tensor

Floats = npt.NDArray[np.float64]


def _kaiser(u: Floats, beta: Floats | float) -> Floats:
    x = beta * np.sqrt(1 - u * u)
    i0e = scipy.special.i0e  # the Bessel functions without it overflow
    ratio: Floats = i0e(x) / i0e(beta) * np.exp(x - beta)
    return ratio


WINDOWS: Mapping[str, Callable[[Floats, Floats | float], Floats]] = {
    "rectangular": lambda u, _: np.ones_like(u),
    "hann": lambda u, _: 0.5 + 0.5 * np.cos(np.pi * u),
    "hamming": lambda u, _: 0.54 + 0.46 * np.cos(np.pi * u),
    "blackman": lambda u, _: 0.42 + 0.5 * np.cos(np.pi * u) + 0.08 * np.cos(2 * np.pi * u),
    "kaiser": _kaiser,
    "lanczos": lambda u, _: np.sinc(u),
}
"""Window families on `-1 <= u <= 1`, each 1 in the middle; the second argument is the shape `beta` of `kaiser`."""


def windowed_sinc(t: Tensor, window: str, cutoff: float, radius: float, beta: float) -> Tensor:
    """The kernel `2 f sinc(2 f t) w(t / radius)` at distances `t`, of the dtype and device of `t`."""
    distances = t.double().cpu().numpy()
    values = 2 * cutoff * np.sinc(2 * cutoff * distances) * windowed(window, distances, radius, beta)
    return torch.from_numpy(np.asarray(values)).to(t)  # of a single distance NumPy makes a number


def windowed(window: str, t: Floats, radius: Floats | float, beta: Floats | float) -> Floats:
    """A window over distances, 0 from its radius on; radius and beta may be of any shapes that broadcast."""
    u = t / radius
    return np.where(np.abs(u) <= 1, WINDOWS[window](np.clip(u, -1, 1), beta), 0)
