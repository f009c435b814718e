"""The windowed sinc nearest to an impulse response, and how near it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from scipy import optimize
from torch import Tensor

from hyra.result import Result

SIMILARITY_RADIUS = 4
"""LR pixels on each side of the centre that the cosines look at: the same for every probe, so that they compare."""
_FIT_RADIUS = 16
"""LR pixels on each side that the fit looks at: beyond lies the border of a 64x64 probe, where padding rules."""


def _kaiser(u: Tensor, beta: Tensor) -> Tensor:
    return torch.i0(beta * (1 - u * u).clamp(min=0).sqrt()) / torch.i0(beta)


WINDOWS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "rectangular": lambda u, _: torch.ones_like(u),
    "hann": lambda u, _: 0.5 + 0.5 * torch.cos(math.pi * u),
    "hamming": lambda u, _: 0.54 + 0.46 * torch.cos(math.pi * u),
    "blackman": lambda u, _: 0.42 + 0.5 * torch.cos(math.pi * u) + 0.08 * torch.cos(2 * math.pi * u),
    "kaiser": _kaiser,
    "lanczos": lambda u, _: torch.sinc(u),
}
"""Window families on `-1 <= u <= 1`, each 1 in the middle; the second argument is the shape `beta` of `kaiser`."""


@dataclass(frozen=True)
class SincFit(Result, figure="sinc_fit"):
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
            it, and networks that do not show the sinc reach 0.85 too.
        ring_cosine: the same outside the main lobe, that is from 1 LR pixel off the centre on either axis. This is the
            number that separates networks: at x4 bicubic interpolation has 0.78, Lanczos-3 0.87.
    """

    cutoff: float
    window: str
    radius: float
    beta: float | None
    gain: float
    residual: float
    residuals: Mapping[str, float]
    similarity: float
    ring_cosine: float

    def kernel(self, t: Tensor) -> Tensor:
        """The factor `k` at distances `t` in LR pixels; the fitted response is `gain * k(y)[:, None] * k(x)`."""
        return _kernel(self.window, t, *t.new_tensor([self.cutoff, self.radius, self.beta or 0.0]))


def fit_sinc(plane: Tensor, center: tuple[float, float], scale: int) -> SincFit:
    """Fit every window family to a response `[kh, kw]` and return the best.

    The gain follows from the other parameters in closed form; the search for those starts from the best of a grid.
    """
    samples = plane.double().cpu()  # the search takes hundreds of small steps, each of which would wait for a GPU
    near, near_axes = _within(samples, _axes(samples, center, scale), _FIT_RADIUS)
    fits = {window: _fit(window, near, near_axes) for window in WINDOWS}
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


def cosines(plane: Tensor, center: tuple[float, float], scale: int) -> tuple[float, float]:
    """`similarity` and `ring_cosine` of `SincFit` for a response `[kh, kw]`, without the fit."""
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


def _kernel(window: str, t: Tensor, cutoff: Tensor, radius: Tensor, beta: Tensor) -> Tensor:
    """`k(t)`; the parameters may be of any shapes that broadcast."""
    u = t / radius
    shape = torch.where(u.abs() <= 1, WINDOWS[window](u, beta), 0)
    wave: Tensor = 2 * cutoff * torch.sinc(2 * cutoff * t)
    return wave * shape


def _fit(window: str, plane: Tensor, axes: list[Tensor]) -> tuple[float, tuple[float, float, float], float]:
    """Residual, (cutoff, radius, beta) and gain of the best member of one family."""
    energy = float(plane.square().sum())
    if not 0 < energy < math.inf:
        return math.nan, (math.nan, math.nan, math.nan), math.nan
    alike = torch.equal(*axes)  # as with every probe that is lit in the middle: one kernel does for both

    def project(parameters: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Share of the energy that the best multiple of each combination's kernel explains, and that multiple."""
        ky = _kernel(window, axes[0], *parameters)
        kx = ky if alike else _kernel(window, axes[1], *parameters)
        inner = ((ky @ plane) * kx).sum(-1)
        gain = inner / (ky.square().sum(-1) * kx.square().sum(-1))
        return torch.nan_to_num(inner * gain / energy), gain

    # A grid first, with every support that the samples can tell apart: windows that jump at their end stop a descent.
    step = float(axes[0][1] - axes[0][0])
    cutoffs = [0.1 + 0.03 * i for i in range(31)]
    radii = [i * step for i in range(round(1 / step), round(_FIT_RADIUS / step) + 1)]
    fixed = [] if window == "kaiser" else [0.0]
    grids = [cutoffs, radii, fixed or [1.0, 4.0, 7.0, 10.0, 13.0]]
    cutoff_axis, radius_axis, beta_axis = (torch.tensor(grid, dtype=torch.float64) for grid in grids)
    explained, _ = project([cutoff_axis[:, None, None, None], radius_axis[:, None, None], beta_axis[:, None]])
    best = torch.unravel_index(explained.argmax(), explained.shape)
    start = [grid[i] for grid, i in zip(grids, best, strict=True)]

    def all_parameters(searched: Any) -> Tensor:
        return torch.tensor([*searched, *fixed], dtype=torch.float64)

    def unexplained(searched: Any) -> float:
        within = searched.min() > 0 and searched[1] <= _FIT_RADIUS
        return 1 - float(project(all_parameters(searched).unbind())[0]) if within else 1.0

    found = optimize.minimize(
        unexplained, start[: 3 - len(fixed)], method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-12}
    )
    parameters = all_parameters(found.x)
    _, gain = project(parameters.unbind())
    cutoff, radius, beta = parameters.tolist()
    return math.sqrt(max(0.0, found.fun)), (cutoff, radius, beta), float(gain)
