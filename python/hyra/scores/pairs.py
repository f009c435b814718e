"""What all scores of a pair of images do alike: which images they take, borders, the range, the result."""

from __future__ import annotations

import math

import torch
from torch import Tensor

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
    validate.integer("crop_border", border, 0)
    rows, columns = x.shape[-2:]
    if 2 * border >= min(rows, columns):
        raise ValueError(f"crop_border must leave at least one pixel of {name}, {rows}x{columns}, got {border}")
    return x[..., border : rows - border, border : columns - border] if border else x


def common_dtype(*images: Tensor) -> torch.dtype:
    """The widest dtype of the images, at least float32, which holds the integers of 16 bits."""
    dtype = torch.float32
    for x in images:
        dtype = torch.promote_types(dtype, x.dtype) if x.is_floating_point() else dtype
    return dtype


def pixel_dtype(*images: Tensor, integers: bool) -> torch.dtype:
    """What the images are read in: where `integers` may be, those of one integer dtype in their own."""
    dtypes = {x.dtype for x in images}
    return (
        images[0].dtype if integers and len(dtypes) == 1 and dtypes <= validate.WHITE.keys() else common_dtype(*images)
    )


def score_dtype(*images: Tensor) -> torch.dtype:
    """What a score of these images has: float64 of integers, whose sums are exact, else their own, at least float32."""
    return common_dtype(*images) if any(x.is_floating_point() for x in images) else torch.float64


def prepared(preds: Tensor, target: Tensor, border: int, data_range: float | None) -> tuple[Tensor, Tensor, float]:
    """Two batches ``[N, C, H, W]`` of one dtype without their borders, and their range.

    Raises:
        TypeError: an image is not as a score takes it, or one holds integers and the other does not.
        ValueError: a shape, the range or the border is wrong.
    """
    validate_pair(preds, target, integers=True)
    if preds.dtype != target.dtype and not (preds.is_floating_point() and target.is_floating_point()):
        raise TypeError(
            f"preds must have the dtype of target, {target.dtype}, since integers have a range of their own, "
            f"got {preds.dtype}"
        )
    if data_range is None:
        data_range = validate.WHITE.get(preds.dtype, 1)
    dtype = common_dtype(preds, target) if preds.is_floating_point() else preds.dtype
    p, t = (crop(name, x, border).to(dtype) for name, x in (("preds", preds), ("target", target)))
    white = validate.positive_number("data_range", data_range)
    return (p, t, white) if p.ndim == 4 else (p[None], t[None], white)


def finished(scores: Tensor, preds: Tensor, target: Tensor, reduction: str, *, check: bool) -> Tensor:
    """The scores ``[N]`` as they are returned.

    With `check`, scores that are not finite have pixels looked for that are not, and these are named.
    """
    validate.choice("reduction", reduction, REDUCTIONS)
    if check and preds.is_floating_point() and not all(map(math.isfinite, scores.tolist())):
        validate.finite("preds", preds)
        validate.finite("target", target)
    scores = scores.to(score_dtype(preds, target))
    return reduce(scores if preds.ndim == 4 else scores[0], reduction)


def reduce(scores: Tensor, reduction: str) -> Tensor:
    """The scores of a batch, their mean or their sum."""
    if reduction == "mean" and not scores.numel():
        raise ValueError("preds must hold at least one image for reduction='mean', got an empty batch")
    return scores if reduction == "none" else scores.mean() if reduction == "mean" else scores.sum()


def explain_nan(scores: Tensor, **images: Tensor) -> None:
    """A score of standardised images is NaN where one has no finite, positive deviation: say which, and why."""
    if not bool(scores.isnan().any()):
        return
    for name, x in images.items():
        validate.finite(name, x)
        validate.not_constant(name, x)
    raise ValueError(f"{' and '.join(images)} must have a standard deviation within the range of float64")
