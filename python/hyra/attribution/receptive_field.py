"""The effective receptive field: which pixels around it the middle of a network's output depends on, and how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.progress import Progress
from hyra.filters.response import ImpulseResponse
from hyra.network.gradients import Graph
from hyra.network.locality import Locality, measure_locality
from hyra.network.wrapper import Network
from hyra.probing.batching import run_in_batches
from hyra.probing.impulse import mean_response
from hyra.probing.operating_point import OperatingPoint
from hyra.probing.seeds import jackknife, mean_and_error, of_seeds
from hyra.results.result import Result

SHARES = (0.5, 0.9, 0.99)
"""Of the energy, for which radii and areas are told."""
_ROUNDING = 1e-12
"""What a sum of shares may lack of what it should be."""


@dataclass(frozen=True, eq=False, repr=False)
class EffectiveReceptiveField(Result):
    """How much the middle of the output changes with each pixel of the input: what `HyRA.erf` returns.

    Attributes:
        energy: `[h, w]` float64: squares of the derivatives of the HR pixels in the cell of the middle LR pixel,
            `(h // 2, w // 2)`, each the mean of its colours, by the LR pixel; summed over the cell and the colours of
            the input, mean over the images.
        images: how many.
        scale: HR pixels per LR pixel.
        response: the impulse response, to compare with; None if it was not measured.
        locality: how far the network looks at all, to compare with; None if it was not measured.
        standard_error: of `energy`, of its shape, where that is the mean over several seeds of a network that draws
            random numbers; None for one seed.
        radius_errors: standard errors of the radii for 50, 90 and 99 % of the energy, likewise.
    """

    energy: Tensor
    images: int
    scale: int
    response: ImpulseResponse | None = None
    locality: Locality | None = None
    standard_error: Tensor | None = field(default=None, metadata={"since": 2})
    radius_errors: tuple[float, ...] | None = field(default=None, metadata={"since": 2})

    def __post_init__(self) -> None:
        if bool((validate.shaped("energy", self.energy, [None, None], (torch.float64,)) < 0).any()):
            raise ValueError(f"energy must be at least 0, got {float(self.energy.min()):g}")
        validate.positive_integer("images", self.images)
        validate.whole_scale("scale", self.scale)
        if self.standard_error is not None:
            validate.shaped("standard_error", self.standard_error, self.energy.shape)
        if self.radius_errors is not None and len(self.radius_errors) != len(SHARES):
            raise ValueError(f"radius_errors must be {len(SHARES)} numbers, got {len(self.radius_errors)}")

    def __repr__(self) -> str:
        radii = ", ".join(f"{self.radius(share):.3g}" for share in SHARES)
        return f"EffectiveReceptiveField(radius {radii} LR pixels for 50, 90, 99 % of the energy)"

    @property
    def center(self) -> tuple[int, int]:
        """Row and column of the LR pixel whose cell of the output is looked at."""
        height, width = self.energy.shape
        return height // 2, width // 2

    def radius(self, share: float = 0.5) -> float:
        """The distance from the centre, in LR pixels, within which this share of the energy lies.

        Distances are those of the pixels' middles, so 0 means the pixel in the centre alone. Between two distances the
        share is taken to grow evenly. NaN where no pixel matters.
        """
        distances, shares = self.cumulated
        wanted = _checked_share(share) - _ROUNDING
        if not shares.isfinite().all():
            return math.nan
        first = int(torch.searchsorted(shares, wanted))
        if first == 0:
            return 0.0
        (near, far), (less, more) = distances[first - 1 : first + 1].tolist(), shares[first - 1 : first + 1].tolist()
        return float(near + (far - near) * (wanted - less) / (more - less))

    def area_ratio(self, share: float = 0.5) -> float:
        """Pixels in the smallest square around the centre that holds this share of the energy, over all pixels.

        As Ding et al., Scaling Up Your Kernels to 31x31 (CVPR 2022), report it, of energies in place of amplitudes. NaN
        where no pixel matters.
        """
        height, width = self.energy.shape
        rings = torch.maximum(*(offset.abs() for offset in self._offsets)).expand(height, width)
        sums = self.energy.new_zeros(int(rings.max()) + 1).index_add_(0, rings.flatten(), self.energy.flatten())
        if not 0 < float(sums.sum()) < math.inf:
            return math.nan
        reached = sums.cumsum(0) >= (_checked_share(share) - _ROUNDING) * sums.sum()
        reach = int(reached.nonzero()[0])
        return (2 * reach + 1) ** 2 / (height * width)

    @property
    def cumulated(self) -> tuple[Tensor, Tensor]:
        """Distances from the centre in LR pixels, rising, and the share of the energy up to each: float64, CPU."""
        return _cumulated(self.energy, self.center)

    @property
    def response_cumulated(self) -> tuple[Tensor, Tensor] | None:
        """The same of the impulse response, whose energy in each cell is counted; None without a response."""
        if self.response is None:
            return None
        energy = _cells(self.response)
        y, x = (index // self.response.scale for index in self.response.origin)
        return _cumulated(energy, (y, x))

    @cached_property
    def moments(self) -> Tensor:
        """`[2, 2]` float64: second moments of the energy about its own centre, rows first, in squared LR pixels."""
        weights = self.energy / self.energy.sum()
        offsets = torch.stack([offset.expand_as(weights) for offset in self._offsets]).double()
        offsets = offsets - (offsets * weights).sum((1, 2), keepdim=True)
        return torch.einsum("iyx,jyx,yx->ij", offsets, offsets, weights)

    @property
    def anisotropy(self) -> float:
        """How much longer than wide the field is, in 0..1: `(l - w) / (l + w)` of the axes' variances l and w.

        0 where it is as wide in each direction, 1 for a line, NaN for a single pixel.
        """
        if not self.moments.isfinite().all():
            return math.nan
        across, along = torch.linalg.eigvalsh(self.moments).clamp(min=0).tolist()
        return (along - across) / (along + across) if along + across > 0 else math.nan

    @property
    def orientation(self) -> float:
        """Direction of the long axis in degrees from the x axis, towards positive y (downwards), in -90..90.

        NaN where no pixel matters.
        """
        if not self.moments.isfinite().all():
            return math.nan
        y, x = torch.linalg.eigh(self.moments).eigenvectors[:, -1].tolist()
        angle = math.degrees(math.atan2(y, x))
        return angle - 180 * round(angle / 180)

    @property
    def _offsets(self) -> tuple[Tensor, Tensor]:
        """Rows `[h, 1]` and columns `[1, w]` from the centre."""
        y, x = (
            torch.arange(n, device=self.energy.device) - c for n, c in zip(self.energy.shape, self.center, strict=True)
        )
        return y[:, None], x[None]


def erf(
    network: Network,
    images: Tensor,
    *,
    response: ImpulseResponse | None,
    support: bool,
    batch_size: int | None,
    progress: bool,
    seeds: int = 1,
) -> EffectiveReceptiveField:
    """`HyRA.erf`."""
    batch = validate.images("images", images)
    batch = batch if batch.ndim == 4 else batch[None]
    validate.not_empty("images", batch)
    validate.finite("images", batch)
    if batch.shape[1] != network.in_channels:
        raise ValueError(f"images must be [..., {network.in_channels}, h, w], got shape {tuple(images.shape)}")
    if batch_size is not None:
        validate.positive_integer("batch_size", batch_size)
    placed = network.place(batch)
    placed = placed.to(torch.promote_types(placed.dtype, torch.float32))
    s = validate.integer_scale("the network of an effective receptive field", network.scale)
    y, x = (n // 2 for n in placed.shape[-2:])

    def run(part: Tensor, energy: Tensor) -> Tensor:
        graph = Graph(network, part)

        def pixel(output: Tensor, index: int) -> Tensor:
            return output[:, :, s * y + index // s, s * x + index % s].mean(1).sum()

        parts = [gradient.double().square().sum((0, 1)) for gradient in graph.gradients(pixel, s**2)]
        energy.add_(torch.stack(parts).sum(0))  # here nothing can run out of memory any more
        return graph.output.detach()

    def draw(_: int) -> EffectiveReceptiveField:
        energy = torch.zeros(placed.shape[-2:], dtype=torch.float64, device=placed.device)
        with Progress(len(placed), "image", enabled=progress) as bar:
            for _, outputs in run_in_batches(partial(run, energy=energy), placed, batch_size):
                bar.update(len(outputs))
        return EffectiveReceptiveField(energy / len(placed), len(placed), s)

    with network.untouched():
        draws = list(of_seeds(network, seeds, draw))
        locality = None
        if support:
            locality = measure_locality(network, 1.0, 0.0)
            response = response or mean_response(network, OperatingPoint(form="affine"), seeds)
    energy, error = mean_and_error(each.energy for each in draws)
    radii = None if error is None else tuple(jackknife(draws, _radii))
    return EffectiveReceptiveField(energy, len(placed), s, response, locality, error, radii)


def _radii(draws: Sequence[EffectiveReceptiveField]) -> list[float]:
    mean = replace(draws[0], energy=mean_and_error(each.energy for each in draws)[0])
    return [mean.radius(share) for share in SHARES]


def _cells(response: ImpulseResponse) -> Tensor:
    """`[h, w]` float64: the energy of a response's `white` in the cell of each LR pixel."""
    s = validate.integer_scale("response", response.scale)
    height, width = response.white.shape
    return response.white.square().unfold(0, s, s).unfold(1, s, s).sum((-2, -1))[: height // s, : width // s]


def _cumulated(energy: Tensor, center: tuple[int, int]) -> tuple[Tensor, Tensor]:
    plane = energy.detach().double().cpu()
    y, x = (torch.arange(n, device="cpu") - c for n, c in zip(plane.shape, center, strict=True))
    squares = (y.square()[:, None] + x.square()[None]).flatten()
    sums = plane.new_zeros(int(squares.max()) + 1).index_add_(0, squares, plane.flatten())
    present = squares.bincount().nonzero()[:, 0]
    return present.double().sqrt(), sums[present].cumsum(0) / sums.sum()


def _checked_share(share: float) -> float:
    if not 0 < validate.number("share", share) <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share}")
    return float(share)
