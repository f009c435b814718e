"""The scores as torchmetrics metrics; needs the extra `metrics`.

Scored by a protocol, a pair is prepared by it: ``metric.update(*protocol.prepare(preds, target))``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.extra import extra
from hyra.scores import fourier, pixelwise
from hyra.scores.fsds import fsds
from hyra.scores.ssim import FORMS, ms_ssim, ssim
from hyra.scores.variants import VARIANTS

with extra("metrics", "hyra.metrics"):
    from torchmetrics import Metric


class _MeanScore(Metric):  # type: ignore[misc]  # an untyped base
    """The mean of a score over all images seen, on all processes, those of identical pairs that are infinite apart."""

    is_differentiable = True
    full_state_update = False
    total: Tensor
    count: Tensor
    identical: Tensor

    def __init__(self, crop_border: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.crop_border = crop_border
        self.add_state("total", torch.zeros((), dtype=torch.float64, device=self.device), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64, device=self.device), dist_reduce_fx="sum")
        self.add_state("identical", torch.zeros((), dtype=torch.int64, device=self.device), dist_reduce_fx="sum")

    @abstractmethod
    def _scores(self, preds: Tensor, target: Tensor) -> Tensor:
        """Of each image, or of one."""

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add images `[N, C, H, W]` or `[C, H, W]`; the function of the same score says what they must be."""
        scores = self._scores(preds, target).reshape(-1).double()
        identical = scores.isinf()
        # Not in place: a state that was reset in inference mode may not be changed outside of it.
        self.total = self.total + scores.masked_fill(identical, 0).sum()
        self.count = self.count + (~identical).sum()
        self.identical = self.identical + identical.sum()

    def compute(self) -> Tensor:
        """The mean over the images whose score is finite."""
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


class FrequencySpectrumDistributionSimilarity(_MeanScore):
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

    higher_is_better = True

    def __init__(self, variant: str = "paper", crop_border: int = 0, **kwargs: Any) -> None:
        super().__init__(crop_border, **kwargs)
        validate.choice("variant", variant, VARIANTS)
        self.variant = variant

    def _scores(self, preds: Tensor, target: Tensor) -> Tensor:
        return fsds(preds, target, variant=self.variant, crop_border=self.crop_border)


class _WithRange(_MeanScore):
    """The mean of a score that takes a range."""

    _function: ClassVar[Callable[..., Tensor]]

    def __init__(self, data_range: float | None = None, crop_border: int = 0, **kwargs: Any) -> None:
        super().__init__(crop_border, **kwargs)
        self.data_range = data_range

    def _scores(self, preds: Tensor, target: Tensor) -> Tensor:
        return type(self)._function(preds, target, data_range=self.data_range, crop_border=self.crop_border)


class MeanAbsoluteError(_WithRange):
    """Mean of `hyra.mae` over all images seen, which takes its arguments; lower is better."""

    higher_is_better = False
    _function = staticmethod(pixelwise.mae)


class MeanSquaredError(_WithRange):
    """Mean of `hyra.mse` over all images seen, which takes its arguments; lower is better."""

    higher_is_better = False
    _function = staticmethod(pixelwise.mse)


class PeakSignalNoiseRatio(_WithRange):
    """Mean of `hyra.psnr` over all images seen, in dB, which takes its arguments; higher is better.

    It is the mean of the images' ratios, as tables have it, where torchmetrics has the ratio of their mean error.
    Identical pairs are left out, as in `FrequencySpectrumDistributionSimilarity`.

    Example:
        >>> metric = PeakSignalNoiseRatio()
        >>> target = torch.full((1, 3, 8, 8), 0.5)
        >>> for error in (0.1, 0.01):
        ...     metric.update(target + error, target)
        >>> round(metric.compute().item(), 3)
        30.0
    """

    higher_is_better = True
    _function = staticmethod(pixelwise.psnr)


class StructuralSimilarity(_WithRange):
    """Mean of `hyra.ssim` over all images seen, which takes its arguments; higher is better.

    Example:
        >>> metric = StructuralSimilarity()
        >>> images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> metric.update(images, images.clone())
        >>> metric.compute()
        tensor(1.)
    """

    higher_is_better = True

    def __init__(
        self, form: str = "matlab", data_range: float | None = None, crop_border: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(data_range, crop_border, **kwargs)
        validate.choice("form", form, FORMS)
        self.form = form

    def _scores(self, preds: Tensor, target: Tensor) -> Tensor:
        return ssim(preds, target, form=self.form, data_range=self.data_range, crop_border=self.crop_border)


class MultiScaleStructuralSimilarity(_WithRange):
    """Mean of `hyra.ms_ssim` over all images seen, which takes its arguments; higher is better."""

    higher_is_better = True
    _function = staticmethod(ms_ssim)


class FourierMeanAbsoluteError(_WithRange):
    """Mean of `hyra.fourier_mae` over all images seen, which takes its arguments; lower is better."""

    higher_is_better = False
    _function = staticmethod(fourier.fourier_mae)


class FourierMeanSquaredError(_WithRange):
    """Mean of `hyra.fourier_mse` over all images seen, which takes its arguments; lower is better."""

    higher_is_better = False
    _function = staticmethod(fourier.fourier_mse)


class FourierPeakSignalNoiseRatio(_MeanScore):
    """Mean of `hyra.fourier_psnr` over all images seen, in dB, which takes its arguments; higher is better."""

    higher_is_better = True

    def _scores(self, preds: Tensor, target: Tensor) -> Tensor:
        return fourier.fourier_psnr(preds, target, crop_border=self.crop_border)
