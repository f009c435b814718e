"""FSDS as a torchmetrics metric; needs the extra `metrics`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.extra import extra
from hyra.scores.fsds import fsds
from hyra.scores.variants import VARIANTS

with extra("metrics", "hyra.metrics"):
    from torchmetrics import Metric


class FrequencySpectrumDistributionSimilarity(Metric):  # type: ignore[misc]  # an untyped base
    """Mean FSDS in dB over all images seen, on all processes; higher is better.

    Identical pairs score infinity and are left out of the mean; `identical` says how many they were. Before any image,
    and where all are identical, the mean is NaN and infinity.

    Args:
        variant: as for `hyra.fsds`.
        crop_border: as for `hyra.fsds`.
        kwargs: as for `torchmetrics.Metric`. Sums stay float64 whatever the metric is cast to, by `set_dtype`, too.

    Example:
        >>> metric = FrequencySpectrumDistributionSimilarity()
        >>> images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> metric.update(images, images.clone())
        >>> metric.update(images.flip(-1), images)
        >>> bool(metric.compute() < 20), int(metric.identical)
        (True, 2)
    """

    is_differentiable = True
    higher_is_better = True
    full_state_update = False
    total: Tensor
    count: Tensor
    identical: Tensor

    def __init__(self, variant: str = "paper", crop_border: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        validate.choice("variant", variant, VARIANTS)
        self.variant, self.crop_border = variant, crop_border
        self.add_state("total", torch.zeros((), dtype=torch.float64, device=self.device), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64, device=self.device), dist_reduce_fx="sum")
        self.add_state("identical", torch.zeros((), dtype=torch.int64, device=self.device), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add images `[N, C, H, W]` or `[C, H, W]`; see `hyra.fsds` for what they must be."""
        scores = fsds(preds, target, variant=self.variant, crop_border=self.crop_border).reshape(-1).double()
        identical = scores.isinf()
        # Not in place: a state that was reset in inference mode may not be changed outside of it.
        self.total = self.total + scores.masked_fill(identical, 0).sum()
        self.count = self.count + (~identical).sum()
        self.identical = self.identical + identical.sum()

    def compute(self) -> Tensor:
        """The mean over the images that are not identical to their target, in dB."""
        mean = self.total / self.count
        return torch.where((self.count == 0) & (self.identical > 0), torch.inf, mean).float()

    def _apply(self, fn: Callable[[Tensor], Tensor], *args: Any) -> Any:
        """Moves to another device go through, casts do not: bfloat16 would soon count and add no further."""

        def move(x: Tensor) -> Tensor:
            moved = fn(x)
            return moved if moved.dtype == x.dtype else x.to(moved.device)

        return super()._apply(move, *args)

    def plot(self, val: Any = None, ax: Any = None) -> Any:
        """The value, or several, as torchmetrics plots it: `(fig, ax)`."""
        return self._plot(val, ax)
