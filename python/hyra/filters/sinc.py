"""The windowed sinc nearest to an impulse response, and how near it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy
import torch
from torch import Tensor

from hyra._util import validate
from hyra.filters.windows import WINDOWS, Floats, windowed, windowed_sinc
from hyra.results.result import Result

SIMILARITY_RADIUS = 4
"""LR pixels on each side of the centre that the cosines look at: the same for every probe, so that they compare."""
_FIT_RADIUS = 16
"""LR pixels on each side that the fit looks at: beyond lies the border of a 64x64 probe, where padding rules."""

_DIGITS = 13
"""Decimals of an explained share of energy that count: rounding must not choose between fits that are as good."""


@dataclass(frozen=True)
class SincFit(Result):
    """A separable windowed sinc fitted to a response: `gain * k(y) * k(x)`, `k(t) = 2 f sinc(2 f t) w(t / radius)`.

    `t` is in LR pixels from the response's `center`, so the ideal interpolator has cut-off 0.5 and gain 1.

    Attributes:
        cutoff: `f`, in cycles per LR pixel (ideal: 0.5).
        window: the family that fits best.
        radius: where the window ends, in LR pixels.
        beta: shape of a Kaiser window, None for the others.
        gain: height over that of the unit-gain kernel.
        residual: L2 norm of response minus fit over that of the response, within 16 LR pixels of the centre.
        residuals: the residual of the best fit of each family.
        similarity: cosine between the response and the ideal sinc within 4 LR pixels of the centre. The main lobe rules
            it, and networks that do not show the sinc reach 0.85 too. None at scale 1: sampled once a pixel, the sinc
            is a single pixel, and any response is like it.
        ring_cosine: the same outside the main lobe, that is from 1 LR pixel off the centre on either axis. This is the
            number that separates networks: at x4 bicubic interpolation has 0.77 (torch's 0.78), Lanczos-3 0.87. None at
            scale 1, where the sinc is zero there.
    """

    cutoff: float
    window: str
    radius: float
    beta: float | None
    gain: float
    residual: float
    residuals: Mapping[str, float]
    similarity: float | None
    ring_cosine: float | None

    def __post_init__(self) -> None:
        for family in (self.window, *self.residuals):
            validate.choice("window", family, WINDOWS)

    def kernel(self, t: Tensor) -> Tensor:
        """The factor `k` at distances `t` in LR pixels; the fitted response is `gain * k(y)[:, None] * k(x)`."""
        return windowed_sinc(t, self.window, self.cutoff, self.radius, self.beta or 0.0)


@np.errstate(invalid="ignore")  # NaN is the answer where the response is not finite
def fit_sinc(plane: Tensor, center: tuple[float, float], scale: int) -> SincFit:
    """Fit every window family to a response `[kh, kw]` and return the best.

    The gain follows from the other parameters in closed form; the search for those starts from the best of a grid.
    """
    samples = plane.double().cpu()  # the search takes hundreds of small steps, each of which would wait for a GPU
    even = _EvenPart.of(*_within(samples, _axes(samples, center, scale), _FIT_RADIUS))
    fits = {window: _fit(window, even, 1 / scale) for window in WINDOWS}
    window = min(fits, key=lambda name: fits[name][0])
    residual, (cutoff, radius, beta), gain = fits[window]
    similarity, ring_cosine = cosines(plane, center, scale)
    return SincFit(
        cutoff=cutoff,
        window=window,
        radius=radius,
        beta=beta if window == "kaiser" else None,
        gain=gain,
        residual=residual,
        residuals={name: fit[0] for name, fit in fits.items()},
        similarity=similarity,
        ring_cosine=ring_cosine,
    )


def cosines(plane: Tensor, center: tuple[float, float], scale: int) -> tuple[float, float] | tuple[None, None]:
    """`similarity` and `ring_cosine` of `SincFit` for a response `[kh, kw]`, without the fit."""
    if scale == 1:
        return None, None
    core, (y, x) = _within(plane.double(), _axes(plane, center, scale), SIMILARITY_RADIUS)
    ideal = torch.sinc(y)[:, None] * torch.sinc(x)
    ring = torch.maximum(y.abs()[:, None], x.abs()) >= 1
    return _cosine(core, ideal), _cosine(core[ring], ideal[ring])


def _axes(plane: Tensor, center: tuple[float, float], scale: int) -> list[Tensor]:
    """Distances of the rows and of the columns from the centre, in LR pixels."""
    return [
        (torch.arange(n, dtype=torch.float64, device=plane.device) - c) / scale
        for n, c in zip(plane.shape, center, strict=True)
    ]


def _within(plane: Tensor, axes: list[Tensor], radius: float) -> tuple[Tensor, list[Tensor]]:
    inside = [t.abs() <= radius for t in axes]
    return plane[inside[0]][:, inside[1]], [t[keep] for t, keep in zip(axes, inside, strict=True)]


def _cosine(response: Tensor, ideal: Tensor) -> float:
    """Cosine of the angle between the two; 0 where the response has nothing."""
    inner, norms = (response * ideal).sum(), response.norm() * ideal.norm()
    return float(inner / norms) if norms != 0 else 0.0


@dataclass(frozen=True)
class _EvenPart:
    """A response in an orthonormal basis of the functions that are even on both axes, as every kernel is.

    A basis function is constant on the samples at one distance from the centre, so a kernel's coordinates are its
    values at the distances times their `weights`, the roots of how many samples there are.

    Attributes:
        plane: coordinates of the response's even part, `[distances on y, distances on x]`.
        distances: on each axis, ascending, in LR pixels.
        weights: of the distances.
        energy: of the response, its other parts included.
        alike: whether both axes have the same distances, as with every impulse in the middle.
    """

    plane: Floats
    distances: tuple[Floats, Floats]
    weights: tuple[Floats, Floats]
    energy: float
    alike: bool

    @classmethod
    def of(cls, plane: Tensor, axes: list[Tensor]) -> _EvenPart:
        bases, distances, weights = [], [], []
        for t in axes:
            found, index, count = np.unique(t.abs().numpy(), return_inverse=True, return_counts=True)
            basis = np.zeros((len(found), len(t)))
            basis[index, np.arange(len(t))] = 1 / np.sqrt(count[index])
            bases.append(basis)
            distances.append(found)
            weights.append(np.sqrt(count))
        samples = plane.numpy()
        return cls(
            plane=bases[0] @ samples @ bases[1].T,
            distances=(distances[0], distances[1]),
            weights=(weights[0], weights[1]),
            energy=float(np.square(samples).sum()),
            alike=torch.equal(*axes),
        )

    def sincs(self, axis: int, cutoff: Floats | float, count: int | None = None) -> Floats:
        """Coordinates of `sinc(2 f t)` at the first `count` distances."""
        sincs: Floats = self.weights[axis][:count] * np.sinc(2 * cutoff * self.distances[axis][:count])
        return sincs


def _fit(window: str, even: _EvenPart, step: float) -> tuple[float, tuple[float, float, float], float]:
    """Residual, (cutoff, radius, beta) and gain of the best member of one family."""
    if not 0 < even.energy < math.inf:
        return math.nan, (math.nan, math.nan, math.nan), math.nan

    # A grid first, with every support that the samples can tell apart: windows that jump at their end stop a descent.
    # Its radii end between two samples, lest rounding decide which of them a window holds.
    cutoffs = 0.1 + 0.03 * np.arange(31, dtype=np.float64)
    between = 0.5 if even.distances[0][0] < step / 4 else 0.0
    stride = max(1, round(1 / step) // 16)  # more radii would take long, and the descent finds what lies between
    steps = np.arange(round(1 / step), round(_FIT_RADIUS / step) + 1, stride, dtype=np.float64)
    radii = np.minimum(step * (steps + between), _FIT_RADIUS)
    betas = np.array([1.0, 4.0, 7.0, 10.0, 13.0] if window == "kaiser" else [0.0])

    def on_grid(axis: int) -> Floats:
        shape = windowed(window, even.distances[axis], radii[:, None, None], betas[:, None])
        return (even.sincs(axis, cutoffs[:, None])[:, None, None] * shape).reshape(-1, shape.shape[-1])

    ky = on_grid(0)
    kx = ky if even.alike else on_grid(1)
    explained = np.square(_dots(ky @ even.plane, kx)) / (_dots(ky, ky) * _dots(kx, kx) * even.energy)
    best = np.unravel_index(np.nan_to_num(explained).round(_DIGITS).argmax(), (len(cutoffs), len(radii), len(betas)))
    start = [float(grid[i]) for grid, i in zip((cutoffs, radii, betas), best, strict=True)]

    def project(cutoff: float, radius: float, beta: float = 0.0) -> tuple[float, float]:
        """Share of the energy that the best multiple of a kernel explains, and that multiple."""
        kernels = []
        for axis in (0,) if even.alike else (0, 1):
            count = int(even.distances[axis].searchsorted(radius, "right"))  # beyond the radius there is nothing
            u = even.distances[axis][:count] / radius
            kernels.append(even.sincs(axis, cutoff, count) * WINDOWS[window](u, beta))
        ky, kx = kernels[0], kernels[-1]
        norms = (ky @ ky) * (kx @ kx)
        if not norms > 0:
            return 0.0, math.nan
        inner = ky @ even.plane[: len(ky), : len(kx)] @ kx
        return float(inner * inner / (norms * even.energy)), float(inner / norms)

    def unexplained(searched: Floats) -> float:
        parameters = searched.tolist()
        within = min(parameters) > 0 and parameters[1] <= _FIT_RADIUS
        return round(1 - project(*parameters)[0], _DIGITS) if within else 1.0

    free = 3 if window == "kaiser" else 2
    options = {"xatol": 1e-4, "fatol": 1e-12}
    found = scipy.optimize.minimize(unexplained, start[:free], method="Nelder-Mead", options=options)
    cutoff, radius, beta = [*found.x.tolist(), 0.0][:3]
    gain = project(cutoff, radius, beta)[1] / (2 * cutoff) ** 2  # the unit-gain kernel has a factor 2 f on each axis
    return math.sqrt(max(0.0, found.fun)), (cutoff, radius, beta), gain


def _dots(a: Floats, b: Floats) -> Floats:
    """Inner products of the rows of two matrices."""
    dots: Floats = np.einsum("ij,ij->i", a, b)
    return dots
