"""Scores of the difference in the Fourier domain, as the paper's appendix has them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hyra._util.arrays import accepts_arrays
from hyra.ops import difference_sums, fourier
from hyra.scores.pairs import common_dtype, finished, prepared
from hyra.spectrum import fft


@accepts_arrays("preds", "target")
def fourier_mae(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    reduction: str = "none",
    crop_border: int = 0,
    check: bool = True,
) -> Tensor:
    """Mean of ``|F(p) - F(t)| / data_range`` over the unscaled three-dimensional transform F of C, H and W.

    F is linear: the difference is transformed, once. Arguments, result and errors are those of `hyra.psnr`; integers
    are transformed in float32, which holds their differences.

    Source: L1 in the Fourier domain in the appendix of Deng et al. (ICML 2024).

    Example:
        One pixel that differs by 1 has a spectrum of magnitude 1 everywhere:

        >>> target = torch.rand(3, 4, 5, dtype=torch.float64)
        >>> preds = target.clone()
        >>> preds[1, 2, 3] += 1
        >>> round(fourier_mae(preds, target).item(), 12)
        1.0
    """
    p, t, white = prepared(preds, target, crop_border, data_range)
    dtype = common_dtype(p)
    magnitudes = _half_spectrum(p.to(dtype) - t.to(dtype)).abs()
    sums = _sum_of_whole(magnitudes, p.shape[-1])
    scores = sums / (white * math.prod(p.shape[1:]))
    return finished(scores, preds, target, reduction, check=check)


@accepts_arrays("preds", "target")
def fourier_mse(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    reduction: str = "none",
    crop_border: int = 0,
    check: bool = True,
) -> Tensor:
    """Mean of ``|F(p) - F(t)|^2 / data_range^2`` over the transform of `fourier_mae`, of which none is made.

    By Parseval it is the sum of ``(p - t)^2``: `hyra.mse` times the number of elements. Arguments, result and errors
    are those of `hyra.psnr`.

    Source: L2 in the Fourier domain in the appendix of Deng et al. (ICML 2024).

    Example:
        >>> preds, target = torch.rand(2, 3, 4, 5, dtype=torch.float64)
        >>> spectrum = torch.fft.fftn(preds - target)
        >>> torch.allclose(fourier_mse(preds, target), spectrum.abs().square().mean())
        True
    """
    p, t, white = prepared(preds, target, crop_border, data_range)
    sums: Tensor = difference_sums(p, t)
    return finished(sums[:, 1] / white**2, preds, target, reduction, check=check)


@accepts_arrays("preds", "target")
def fourier_psnr(
    preds: Tensor, target: Tensor, *, reduction: str = "none", crop_border: int = 0, check: bool = True
) -> Tensor:
    """PSNR of the magnitudes of the transform of `fourier_mae`, in dB, its peak the target's largest magnitude.

    That is ``10 log10(max |F(t)|^2 / mean (|F(p)| - |F(t)|)^2)``: it sees no phase, and since the peak is the sum of
    all pixels, it rises with the size of an image. Arguments, result and errors are those of `hyra.psnr`.

    Source: PSNR in the Fourier domain in the released tables of Deng et al. (ICML 2024).

    Example:
        A black image but for one pixel, of 1 and of 0.9: 20 magnitudes of 1 and of 0.9, and ``10 log10(1 / 0.01)``.

        >>> target = torch.zeros(1, 4, 5, dtype=torch.float64)
        >>> target[0, 1, 1] = 1
        >>> round(fourier_psnr(0.9 * target, target).item(), 9)
        20.0
    """
    p, t, _ = prepared(preds, target, crop_border, None)
    dtype = common_dtype(p)
    of_preds, of_target = (_half_spectrum(x.to(dtype)).abs() for x in (p, t))
    squares = _sum_of_whole((of_preds - of_target).square(), p.shape[-1])
    peak = of_target.flatten(1).amax(1).double()
    scores = -10 * torch.log10(squares / math.prod(p.shape[1:]) / peak.square())
    return finished(scores, preds, target, reduction, check=check)


def _half_spectrum(images: Tensor) -> Tensor:
    """The three-dimensional transform ``[N, C, H, W // 2 + 1]`` of ``[N, C, H, W]``."""
    planes = fft.rfft2(images.flatten(0, 1))
    return fourier.fft(planes.view(*images.shape[:2], *planes.shape[1:]), -3)


def _sum_of_whole(half: Tensor, columns: int) -> Tensor:
    """Sums ``[N]`` in float64 over the whole spectrum of something even, from its half: most columns count twice."""
    of_columns = half.double().sum((1, 2))
    once = [0, columns // 2] if columns % 2 == 0 else [0]
    return 2 * of_columns.sum(1) - sum(of_columns[:, column] for column in once)
