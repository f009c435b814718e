"""Scores of the differences of pixels: MAE, MSE, PSNR."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from hyra._native import dispatch
from hyra._util.arrays import accepts_arrays
from hyra.ops import difference_sums
from hyra.scores.pairs import decibels, finished, of_numbers, prepared

POWERS = {"mae": 1, "mse": 2, "psnr": 2}
"""Of the differences that each score is made of."""


@accepts_arrays("preds", "target")
def mae(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    reduction: str = "none",
    crop_border: int = 0,
    check: bool = True,
) -> Tensor:
    """Mean absolute error, in parts of the data range: ``mean |p - t| / data_range``. Lower is better.

    Arguments, result and errors are those of `psnr`. The paper's appendix has it as L1.

    Example:
        The differences are 0, 1, 0 and 3 of 255:

        >>> target = torch.tensor([[[10, 20, 30, 40]]], dtype=torch.uint8)
        >>> round(mae(target + torch.tensor([0, 1, 0, 3], dtype=torch.uint8), target).item() * 255, 12)
        1.0
    """
    return _scores(["mae"], preds, target, data_range, crop_border, reduction=reduction, check=check)["mae"]


@accepts_arrays("preds", "target")
def mse(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    reduction: str = "none",
    crop_border: int = 0,
    check: bool = True,
) -> Tensor:
    """Mean squared error, in parts of the data range: ``mean (p - t)^2 / data_range^2``. Lower is better.

    Arguments, result and errors are those of `psnr`.

    Example:
        The differences are 0, 1, 0 and 3 of 255, their squares 10 / 4 on average:

        >>> target = torch.tensor([[[10, 20, 30, 40]]], dtype=torch.uint8)
        >>> round(mse(target + torch.tensor([0, 1, 0, 3], dtype=torch.uint8), target).item() * 255**2, 12)
        2.5
    """
    return _scores(["mse"], preds, target, data_range, crop_border, reduction=reduction, check=check)["mse"]


@accepts_arrays("preds", "target")
def psnr(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    reduction: str = "none",
    crop_border: int = 0,
    check: bool = True,
) -> Tensor:
    """Peak signal-to-noise ratio ``-10 log10(mse)``, in dB; higher is better, identical images score ``inf``.

    Integer images are read as they are, in any layout, and their sums are exact; nothing is clamped. `mae` and `mse`
    take the same arguments. Gradients flow to floating-point images.

    Args:
        preds: ``[C, H, W]`` or ``[N, C, H, W]``, uint8, uint16 or floating-point; float16 and bfloat16 are computed in
            float32. NumPy and CuPy arrays and all else with ``__dlpack__`` are taken too, and of NumPy and CuPy the
            scores are arrays. ``[H, W, C]``, as decoders leave it, is `preds` after ``permute(2, 0, 1)``, not copied.
        target: the reference, the shape of `preds`; of integers, its dtype.
        data_range: white less black. By default 255 or 65535 for integers, and 1 for others.
        reduction: over the batch: ``"none"``, ``"mean"`` (of the images' scores) or ``"sum"``.
        crop_border: pixels cut from each side first.
        check: refuse NaN and infinite pixels. Without it a GPU is never synchronised, and the score is not finite.

    Returns:
        ``[N]``, or a scalar for one image or with a reduction: float64 for integer images, else the images' dtype, at
        least float32.

    Raises:
        TypeError: an image is no tensor of these types, or one holds integers and the other does not.
        ValueError: a shape, a choice, the range or the pixels are not as above, or there is no image for a mean.

    Example:
        A difference of 1 in one of four bytes: ``10 log10(255^2 / (1 / 4)) = 54.1514 dB``.

        >>> target = torch.tensor([[[10, 20, 30, 40]]], dtype=torch.uint8)
        >>> round(psnr(target + torch.tensor([0, 1, 0, 0], dtype=torch.uint8), target).item(), 4)
        54.1514
    """
    return _scores(["psnr"], preds, target, data_range, crop_border, reduction=reduction, check=check)["psnr"]


def of_one_read(names: Sequence[str], preds: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Some of `POWERS` of a pair, as their functions give them without options, from one read of the pixels."""
    return _scores(names, preds, target, None, 0)


def _scores(
    names: Sequence[str],
    preds: Tensor,
    target: Tensor,
    data_range: float | None,
    crop_border: int,
    *,
    reduction: str = "none",
    check: bool = True,
) -> dict[str, Tensor]:
    """Those of `POWERS` that are named, of one read of the pixels."""
    plain = dispatch.plain_call((preds, target))
    p, t, white = prepared(preds, target, crop_border, data_range, plain)
    sums = difference_sums(p, t) if plain is None else difference_sums.plainly(plain[0], p, t)
    rows = sums.tolist() if plain is not None and plain[0] == "cpu" else None
    count = math.prod(p.shape[1:])
    scores = {}
    for name in names:
        power = POWERS[name]
        divisor = white**power * count
        if rows is not None:  # by hand: of a small image, an operation of torch takes as long as all its pixels
            means = [row[power - 1] / divisor for row in rows]
            numbers = decibels(means) if name == "psnr" else means
            scores[name] = of_numbers(numbers, preds, target, reduction, check=check)
        else:
            values = sums[:, power - 1] / divisor
            values = -10 * torch.log10(values) if name == "psnr" else values
            scores[name] = finished(values, preds, target, reduction, check=check)
    return scores
