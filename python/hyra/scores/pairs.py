"""What all scores of a pair of images do alike: which images they take, borders, the range, the result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from hyra._native.op import remember
from hyra._util import validate

REDUCTIONS = ("none", "mean", "sum")


def validate_pair(preds: Tensor, target: Tensor, *, integers: bool = False) -> None:
    """Both are images of one shape on one device, if `integers` of uint8 and uint16 too."""
    for name, x in (("preds", preds), ("target", target)):
        validate.images(name, x, integers=integers)
    validate.same_shape("preds", preds, "target", target)
    validate.same_device("preds", preds, "target", target)


def crop(name: str, x: Tensor, border: int) -> Tensor:
    """`x` without `border` pixels on each side."""
    if not validate.integer("crop_border", border, 0):
        return x
    rows, columns = x.shape[-2:]
    if 2 * border >= min(rows, columns):
        raise ValueError(f"crop_border must leave at least one pixel of {name}, {rows}x{columns}, got {border}")
    return x[..., border : rows - border, border : columns - border]


def as_dtype(x: Tensor, dtype: torch.dtype) -> Tensor:
    """`x` in that dtype; for torch to see that it has it takes as long as to look at a small image."""
    return x if x.dtype == dtype else x.to(dtype)


def common_dtype(*images: Tensor) -> torch.dtype:
    """The widest dtype of the images, at least float32, which holds the integers of 16 bits."""
    dtype = torch.float32
    for x in images:
        if x.dtype != dtype and x.dtype.is_floating_point:
            dtype = torch.promote_types(dtype, x.dtype)
    return dtype


def pixel_dtype(*images: Tensor, integers: bool) -> torch.dtype:
    """What the images are read in: where `integers` may be, those of one integer dtype in their own."""
    first = images[0].dtype
    own = integers and first in validate.WHITE and all(x.dtype == first for x in images)
    return first if own else common_dtype(*images)


def score_dtype(*images: Tensor) -> torch.dtype:
    """What a score of these images has: float64 of integers, whose sums are exact, else their own, at least float32."""
    for x in images:
        if x.dtype.is_floating_point:
            return common_dtype(*images)
    return torch.float64


_checked: set[Any] = set()
"""What `prepared` has seen of plain pairs that it has not refused."""


def prepared(
    preds: Tensor, target: Tensor, border: int, data_range: float | None, plain: Any = None
) -> tuple[Tensor, Tensor, float]:
    """Two batches ``[N, C, H, W]`` of one dtype without their borders, and their range.

    `plain` is what `dispatch.plain_call` says of the pair: a pair like one before is not looked at again.

    Raises:
        TypeError: an image is not as a score takes it, or one holds integers and the other does not.
        ValueError: a shape, the range or the border is wrong.
    """
    own, is_floating = preds.dtype, preds.dtype.is_floating_point
    if plain is None or plain[1] not in _checked:
        validate_pair(preds, target, integers=True)
        if own != target.dtype and not (is_floating and target.dtype.is_floating_point):
            raise TypeError(
                f"preds must have the dtype of target, {target.dtype}, since integers have a range of their own, "
                f"got {own}"
            )
        if plain is not None:
            remember(_checked, plain[1])
    dtype = common_dtype(preds, target) if is_floating else own
    p, t = as_dtype(crop("preds", preds, border), dtype), as_dtype(crop("target", target, border), dtype)
    white = validate.positive_number("data_range", validate.WHITE.get(own, 1.0) if data_range is None else data_range)
    return (p, t, white) if p.ndim == 4 else (p[None], t[None], white)


def finished(scores: Tensor, preds: Tensor, target: Tensor, reduction: str, *, check: bool) -> Tensor:
    """The scores ``[N]`` as they are returned.

    With `check`, scores that are not finite have pixels looked for that are not, and these are named.
    """
    validate.choice("reduction", reduction, REDUCTIONS)
    if check and preds.is_floating_point() and not all(map(math.isfinite, scores.tolist())):
        validate.finite("preds", preds)
        validate.finite("target", target)
    scores = as_dtype(scores, score_dtype(preds, target))
    return reduce(scores if preds.ndim == 4 else scores[0], reduction)


def of_numbers(scores: Sequence[float], preds: Tensor, target: Tensor, reduction: str, *, check: bool) -> Tensor:
    """`finished`, of scores on the CPU that nothing is to be derived from."""
    validate.choice("reduction", reduction, REDUCTIONS)
    if check and preds.dtype.is_floating_point and not all(map(math.isfinite, scores)):
        validate.finite("preds", preds)
        validate.finite("target", target)
    dtype = score_dtype(preds, target)
    return tensor_of(scores[0], dtype) if preds.ndim == 3 else reduce(tensor_of(scores, dtype), reduction)


def tensor_of(numbers: Sequence[float] | float, dtype: torch.dtype) -> Tensor:
    """``torch.tensor``, which for one number takes four times as long as to fill it in."""
    if isinstance(numbers, float):
        return torch.full((), numbers, dtype=dtype)
    return torch.full((1,), numbers[0], dtype=dtype) if len(numbers) == 1 else torch.tensor(numbers, dtype=dtype)


def reduce(scores: Tensor, reduction: str) -> Tensor:
    """The scores of a batch, their mean or their sum."""
    if reduction == "mean" and not scores.numel():
        raise ValueError("preds must hold at least one image for reduction='mean', got an empty batch")
    return scores if reduction == "none" else scores.mean() if reduction == "mean" else scores.sum()


def decibels(ratios: Sequence[float]) -> list[float]:
    """``-10 log10`` of each, as torch rounds it."""
    return [-10 * tens for tens in tensor_of(ratios, torch.float64).log10_().tolist()]


def explain_nan(scores: Tensor, **images: Tensor) -> None:
    """A score of standardised images is NaN where one has no finite, positive deviation: say which, and why."""
    if not any(map(math.isnan, scores.tolist())):
        return
    for name, x in images.items():
        validate.finite(name, x)
        validate.not_constant(name, x)
    raise ValueError(f"{' and '.join(images)} must have a standard deviation within the range of float64")
