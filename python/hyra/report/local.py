"""How the response changes over one image: what the network does to small changes at many places of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import scipy
import torch
import torch.nn.functional as F
from torch import Tensor

from hyra._util.table import or_nan
from hyra.analyzer import HyRA
from hyra.filters.response import ImpulseResponse
from hyra.probing.probe import Probe
from hyra.report import text

_SIDE = 128
"""LR pixels of the image's middle that are looked at, so that large images take seconds too."""
_STEP = 16
"""LR pixels between places: half of what the bundled networks see, so that four images hold all impulses."""
_MARGIN = 5
"""LR pixels to keep from the border: what the likeness to the sinc looks at, and one more."""

_ROUNDING = 1e-5
"""What likenesses and contrasts of float32 images may differ by where they are the same."""


@dataclass(frozen=True)
class OverImage:
    """The responses at many places of an image in numbers.

    Attributes:
        places: how many there are.
        ring_cosine_least: smallest likeness of the side lobes to the sinc.
        ring_cosine_median: median likeness.
        ring_cosine_most: largest likeness.
        ring_cosine_of_mean: likeness of the mean of all responses.
        deviation: median distance of a response from that mean, over the norm of the mean.
        dc_gain_least: smallest gain of a constant change.
        dc_gain_most: largest one.
        contrast_correlation: Spearman's correlation between the likeness and the image's standard deviation within one
            LR pixel around the place; NaN where either does not vary.
    """

    places: int
    ring_cosine_least: float
    ring_cosine_median: float
    ring_cosine_most: float
    ring_cosine_of_mean: float
    deviation: float
    dc_gain_least: float
    dc_gain_most: float
    contrast_correlation: float

    @classmethod
    def of(cls, probe: Probe, image: Tensor) -> OverImage:
        """Summarise a probe over `image` that kept its responses."""
        likeness = probe.ring_cosine
        ordered = likeness.sort().values.tolist()
        responses = [probe.response(i) for i in range(len(likeness))]
        gains = [float(response.dc_gain.mean()) for response in responses]
        distances = [_distance(response, probe.mean) for response in responses]
        return cls(
            places=len(likeness),
            ring_cosine_least=ordered[0],
            ring_cosine_median=ordered[len(ordered) // 2],
            ring_cosine_most=ordered[-1],
            ring_cosine_of_mean=or_nan(probe.mean.fit_sinc().ring_cosine),
            deviation=float(torch.tensor(distances, dtype=torch.float64, device="cpu").median()),
            dc_gain_least=min(gains),
            dc_gain_most=max(gains),
            contrast_correlation=_rank_correlation(likeness, _contrast(image)[tuple(probe.positions.cpu().T)]),
        )

    def paragraphs(self) -> list[str]:
        """What the numbers say, in words."""
        spread = text.OVER_IMAGE.format(**vars(self))
        if math.isnan(self.contrast_correlation):
            return [spread]
        return [spread, text.CONTRAST.format(correlation=f"{self.contrast_correlation:.2f}".replace("-", "−"))]


def measure(model: HyRA, lr: Tensor) -> tuple[Probe, OverImage]:
    """The derivatives at a grid of places in the middle of an image `[C, h, w]`, and what they have in common.

    Raises:
        NetworkError: an operation of the network has no forward-mode derivative.
    """
    block = model.network.block
    whole = [(n, min(n, _SIDE) // block * block) for n in lr.shape[1:]]
    rows, columns = (slice((n - length) // 2, (n - length) // 2 + length) for n, length in whole)
    middle = lr[:, rows, columns]
    places = torch.cartesian_prod(*(_places(n, block) for n in middle.shape[1:]))
    probe = model.probe(places, background=middle, mode="jvp", keep_responses=True, progress=False)
    return probe, OverImage.of(probe, middle)


def _places(length: int, block: int) -> Tensor:
    """Places along one axis, as many on one side of the middle as on the other; at a scale p/q the first of blocks."""
    count = max(0, length - 1 - 2 * _MARGIN) // _STEP
    places = (length - 1 - count * _STEP) // 2 + _STEP * torch.arange(count + 1, device="cpu")
    first: Tensor = torch.unique(places // block) * block
    return first


def _distance(response: ImpulseResponse, mean: ImpulseResponse) -> float:
    reference = mean.response.double()
    return float((response.response.double() - reference).norm() / reference.norm())


def _contrast(image: Tensor) -> Tensor:
    """`[h, w]`: standard deviation of the mean over the colours in the 3x3 pixels around each."""
    grey = F.pad(image.double().mean(0).cpu()[None, None], (1, 1, 1, 1), mode="replicate")
    return F.unfold(grey, 3).std(1).view(image.shape[1:])


def _rank_correlation(a: Tensor, b: Tensor) -> float:
    varies = all(float(x.max() - x.min()) > _ROUNDING for x in (a, b))
    return float(scipy.stats.spearmanr(a.numpy(), b.numpy()).statistic) if varies else float("nan")
