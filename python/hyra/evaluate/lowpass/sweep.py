"""How near an image the low-pass filter alone comes, and at which cut-off it comes nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.autocast import outside_autocast
from hyra._util.progress import Progress
from hyra.filters.lowpass import lowpass_upsample
from hyra.results.result import Result
from hyra.scores.fsds import FSDSReference
from hyra.scores.pixelwise import psnr
from hyra.scores.ssim import ssim
from hyra.scores.variants import VARIANTS

SCORES = ("psnr", "ssim", "fsds")
_SSIM_WINDOW = 11


@dataclass(frozen=True, eq=False, repr=False)
class LowpassSweep(Result):
    """Scores of `lowpass_upsample` over the cut-off; higher is better for all three.

    Attributes:
        cutoff: `[K]` float64, in cycles per LR pixel, ascending.
        psnr: `[N, K]` float64, in dB, of each image at each cut-off.
        ssim: `[N, K]` float64, structural similarity, at most 1.
        fsds: `[N, K]` float64, in dB.
        scale: HR pixels per LR pixel.
        variant: of the FSDS.
        options: what else `lowpass_upsample` was given.
    """

    cutoff: Tensor
    psnr: Tensor
    ssim: Tensor
    fsds: Tensor
    scale: int
    variant: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        validate.whole_scale("scale", self.scale)
        validate.choice("variant", self.variant, VARIANTS)
        cutoffs = len(validate.rising("cutoff", self.cutoff))
        images = len(validate.shaped("psnr", self.psnr, [None, cutoffs]))
        for score in SCORES:
            validate.shaped(score, getattr(self, score), [images, cutoffs])

    def __repr__(self) -> str:
        images, count = self.psnr.shape
        found = ", ".join(f"best {name} {value:.4g} at {cutoff:.3g}" for name, (cutoff, value) in self._all().items())
        return f"LowpassSweep({images} images at x{self.scale}, {count} cut-offs; {found})"

    def best(self, score: str) -> tuple[float, float]:
        """The cut-off with the highest mean of a score (`"psnr"`, `"ssim"` or `"fsds"`) over the images, and that mean.

        The cut-off is one of those tried; where several are equal, the lowest.
        """
        validate.choice("score", score, SCORES)
        mean = getattr(self, score).mean(0)
        index = int(mean.argmax())
        return float(self.cutoff[index]), float(mean[index])

    def _all(self) -> dict[str, tuple[float, float]]:
        return {score: self.best(score) for score in SCORES}


@outside_autocast
def lowpass_sweep(
    lr: Sequence[Tensor],
    hr: Sequence[Tensor],
    cutoffs: Sequence[float] | None = None,
    *,
    variant: str = "paper",
    progress: bool = True,
    **options: Any,
) -> LowpassSweep:
    """Score `lowpass_upsample` against the cut-off of its filter.

    Outputs are clamped to 0..1 first. SSIM is `hyra.ssim`'s ``matlab``, as tables of super-resolution have it.

    Args:
        lr: images `[C, h, w]` in 0..1, or a batch `[N, C, h, w]`.
        hr: what each should become, `[C, s*h, s*w]` in 0..1.
        cutoffs: in cycles per LR pixel, above 0; 0.300, 0.325 ... 0.900 when not given.
        variant: of the FSDS: `"paper"`, `"shift_invariant"` or `"radial"`.
        progress: whether to show a bar on a terminal, if tqdm is installed.
        options: `window`, `taps` and what else `lowpass_upsample` takes (`**hyra.filters.lowpass.RELEASED`: the
            paper's code).

    Raises:
        ValueError: no image, images that do not belong together or are smaller than 11 pixels, or no cut-off.

    Source: Deng et al. (ICML 2024), Fig. 8, which has PSNR and SSIM, against omega
    (`hyra.filters.lowpass.cutoff_from_omega`).

    Example:
        >>> import torch, hyra
        >>> hr = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        >>> lr = torch.nn.functional.interpolate(hr, scale_factor=0.5, mode="bicubic", antialias=True)
        >>> sweep = hyra.lowpass_sweep(lr, hr, [0.3, 0.5, 0.7])
        >>> sweep.psnr.shape, sweep.best("psnr")[0]
        (torch.Size([1, 3]), 0.7)
    """
    tried = sorted([0.3 + 0.025 * i for i in range(25)] if cutoffs is None else cutoffs)
    if not tried:
        raise ValueError("cutoffs must hold at least one number, got none")
    scale = _scale(lr, hr)
    scores = torch.empty(3, len(lr), len(tried), dtype=torch.float64, device="cpu")
    with Progress(len(lr) * len(tried), "filter", enabled=progress) as bar:
        for i, (image, target) in enumerate(zip(lr, hr, strict=True)):
            reference = FSDSReference(target, variant=variant)
            for k, cutoff in enumerate(tried):
                sr = lowpass_upsample(image, scale, cutoff=cutoff, **options).to(target).clamp(0, 1)
                values = (psnr(sr, target), ssim(sr, target), reference(sr))
                scores[:, i, k] = scores.new_tensor([float(value) for value in values])
                bar.update(1)
    found = dict(zip(SCORES, scores, strict=True))
    return LowpassSweep(scores.new_tensor(tried), **found, scale=scale, variant=variant, options=options)


def _scale(lr: Sequence[Tensor], hr: Sequence[Tensor]) -> int:
    """HR pixels per LR pixel, the same for every pair."""
    if len(lr) == 0 or len(lr) != len(hr):
        raise ValueError(f"lr and hr must be as many images, at least one, got {len(lr)} and {len(hr)}")
    for name, images in (("lr", lr), ("hr", hr)):
        for image in images:
            if validate.floating_tensor(name, image).ndim != 3:
                raise ValueError(f"{name} must hold images [C, H, W], got one of shape {tuple(image.shape)}")
    scale = max(1, hr[0].shape[-1] // lr[0].shape[-1])
    for image, target in zip(lr, hr, strict=True):
        expected = (*image.shape[:-2], *(scale * n for n in image.shape[-2:]))
        if tuple(target.shape) != expected:
            raise ValueError(
                f"hr must have images of scale {scale} like the first, {expected} for one of lr with the shape "
                f"{tuple(image.shape)}, got {tuple(target.shape)}"
            )
        if min(expected[-2:]) < _SSIM_WINDOW:
            raise ValueError(f"hr must be at least {_SSIM_WINDOW} pixels wide and high, got {expected}")
    return scale
