"""FSDS, the frequency spectrum distribution similarity of two images, in dB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hyra import _validate, fft
from hyra.interop import accepts_arrays
from hyra.ops import mean_std, quadrant_energy, standardized_difference

WEIGHTINGS = {"paper": "integral", "shift_invariant": "shift_invariant"}
REDUCTIONS = ("none", "mean", "sum")


@accepts_arrays("preds", "target")
def fsds(
    preds: Tensor,
    target: Tensor,
    *,
    variant: str = "paper",
    reduction: str = "none",
    crop_border: int = 0,
    check: bool = True,
) -> Tensor:
    r"""Frequency spectrum distribution similarity, in dB; higher is better, identical images score ``inf``.

    1. Each image is standardised, ``z = (x - mean) / std``, over its channels, rows and columns together.
    2. ``paper`` alone: where H is odd, a row of zeros is appended at the bottom. An odd W is left alone.
    3. ``X = rfft2(z)``, unscaled: ``H x (W // 2 + 1)``.
    4. Each plane of X has two quadrants, both with all columns and the origin in the corner: the rows of the
       frequencies 0, 1, ... and those of -1, -2, ... (see `hyra.ops.quadrant_energy`). The energy E sums over both:

       * ``"paper"``: of ``|D|^2``, with ``D(i, j)`` the sum of ``X(m, n)`` over ``m <= i, n <= j``. How alike are two
         images **where they stand**? The one-sided complex integral weights pixels by about ``1 / sin^2`` from the
         corners: 96 % of the weight lies in a frame two pixels wide, and shifts, flips and crops change the score.
       * ``"shift_invariant"`` (ours): of ``(R - i)(K - j) |X(i, j)|^2`` in a quadrant of R x K, which is exactly the
         mean of the paper's energy over all circular shifts. How alike are they **wherever they stand**, low
         frequencies counting most? No row is appended, so that rolling both images never changes the score.
    5. ``fsds = -10 log10(E(preds - target) / E(target))``, with E summed over the channels of an image and the
       difference taken between the standardised images.

    From the paper's section on FSDS (Deng et al., ICML 2024, arXiv 2405.07919), where the denominator is the reference
    image's energy. The script behind its Table 1 passes the images the other way round, so that table divides by the
    SR image's: ``fsds(target, preds)`` here. The mean and the deviation cancel any ``a * x + b`` with a > 0.

    Sums are float64, and the difference is formed in float64 and rounded once: float32 images agree with the definition
    to 1e-4 dB, float64 ones to 1e-8 dB. On a CPU the bits depend neither on the batch nor on the number of threads, but
    on the library that transforms, see `hyra.fft_library`.

    Args:
        preds: ``[C, H, W]`` or ``[N, C, H, W]``, floating-point, any range; float16 and bfloat16 are computed in
            float32. Integer images are refused, since their range is unknown: divide by their white first.
        target: the reference image or images, the shape of `preds`.
        variant: ``"paper"`` or ``"shift_invariant"``.
        reduction: over the batch: ``"none"``, ``"mean"`` or ``"sum"``. One identical pair makes the latter two ``inf``.
        crop_border: pixels cut from each side first, as super-resolution benchmarks do; the paper cuts none.
        check: refuse NaN, infinite and constant images. Without it a GPU is never synchronised, and they score NaN.

    Returns:
        ``[N]``, or a scalar for one image or with a reduction; the inputs' dtype, at least float32.

    Raises:
        TypeError: an image is no tensor or not floating-point.
        ValueError: a shape, a choice or the pixels are not as above.

    Example:
        A 4x4 image with one pixel changed. Energies by explicit loops in NumPy: the paper's 4.353795 over 183.428571,
        the shift-invariant 12.986783 over 272.571429.

        >>> target = torch.tensor([[[0.0, 1, 4, 2], [2, 4, 1, 0], [1, 2, 2, 1], [4, 0, 0, 4]]])
        >>> preds = target.clone()
        >>> preds[0, 1, 2] = 2
        >>> [round(fsds(preds, target, variant=v).item(), 4) for v in ("paper", "shift_invariant")]
        [16.246, 13.2198]
    """
    _validate.choice("variant", variant, WEIGHTINGS)
    _validate.choice("reduction", reduction, REDUCTIONS)
    validate_pair(preds, target)
    preds, target = (crop(name, x, crop_border) for name, x in (("preds", preds), ("target", target)))
    dtype = common_dtype(preds, target)
    pair = Images.of(preds, dtype), Images.of(target, dtype)
    difference, reference = energies(*pair, variant, with_target=True)
    scores = _decibels(difference, reference).to(dtype)
    if check:
        _explain_nan(scores, preds=preds, target=target)
    return reduce(scores if preds.ndim == 4 else scores[0], reduction)


class FSDSReference:
    """One target image, prepared for many predictions: `fsds` of each, at one transform per prediction instead of two.

    Args:
        target: ``[C, H, W]``, as for `fsds`.
        variant: as for `fsds`.
        crop_border: as for `fsds`.
        check: as for `fsds`; without it a constant target makes every score NaN.

    Raises:
        TypeError: `target` is no tensor or not floating-point.
        ValueError: `target` is no single image, or NaN, infinite or constant.

    Example:
        >>> target = torch.rand(3, 16, 16)
        >>> preds = target + 0.1 * torch.rand(20, 3, 16, 16)
        >>> torch.equal(FSDSReference(target)(preds), fsds(preds, target.expand(20, -1, -1, -1)))
        True
    """

    def __init__(self, target: Tensor, *, variant: str = "paper", crop_border: int = 0, check: bool = True) -> None:
        _validate.choice("variant", variant, WEIGHTINGS)
        _validate.images("target", target)
        if target.ndim != 3:
            raise ValueError(f"target must be one image [C, H, W], got shape {tuple(target.shape)}")
        self.variant = variant
        self.crop_border = crop_border
        self.shape = tuple(target.shape)
        self._target = Images.of(crop("target", target, crop_border), common_dtype(target))
        _, self._energy = energies(self._target.none(), self._target, variant, with_target=True)
        if check:
            _explain_nan(self._energy, target=target)

    def __call__(self, preds: Tensor, *, reduction: str = "none", check: bool = True) -> Tensor:
        """Score one prediction ``[C, H, W]`` or many ``[N, C, H, W]``; see `fsds` for the rest."""
        _validate.choice("reduction", reduction, REDUCTIONS)
        _validate.images("preds", preds)
        if tuple(preds.shape[-3:]) != self.shape:
            raise ValueError(f"preds must be images of the target's shape, {self.shape}, got {tuple(preds.shape)}")
        target = self._target
        _validate.same_device("preds", preds, "target", target.planes)
        dtype = torch.promote_types(common_dtype(preds), target.planes.dtype)
        target = Images(target.planes.to(dtype), target.moments, target.channels)
        cropped = crop("preds", preds, self.crop_border)
        difference, _ = energies(Images.of(cropped, dtype), target, self.variant, with_target=False)
        scores = _decibels(difference, self._energy).to(dtype)
        if check:
            _explain_nan(scores, preds=cropped)
        return reduce(scores if preds.ndim == 4 else scores[0], reduction)


@dataclass(frozen=True)
class Images:
    """A batch as the ops take it: planes ``[N * C, H, W]``, and mean and deviation of the image each belongs to."""

    planes: Tensor
    moments: Tensor
    channels: int

    @classmethod
    def of(cls, images: Tensor, dtype: torch.dtype) -> Self:
        """From ``[C, H, W]`` or ``[N, C, H, W]``."""
        batch = (images if images.ndim == 4 else images[None]).to(dtype)
        channels = batch.shape[1]
        return cls(batch.flatten(0, 1), mean_std(batch)[:, None].expand(-1, channels, -1).flatten(0, 1), channels)

    def none(self) -> Self:
        """No image of this kind."""
        return type(self)(self.planes[:0], self.moments[:0], self.channels)


def energies(preds: Images, target: Images, variant: str, *, with_target: bool) -> tuple[Tensor, Tensor]:
    """Energy per image ``[N]`` of the standardised difference, and of the standardised target if `with_target`.

    `preds` may be as many as the targets, none, or any number against one target.
    """
    differences, references = [], []
    # Slices that need a gradient would be given one of full size each: all at once then.
    together = target.planes.device.type != "cpu" or (torch.is_grad_enabled() and preds.planes.requires_grad)
    for group, targets in _groups(len(preds.planes), target.planes, together):
        p, mp, t, mt = preds.planes[group], preds.moments[group], target.planes[targets], target.moments[targets]
        planes = standardized_difference(p, t, mp, mt, variant == "paper", with_target)
        energy = quadrant_energy(fft.rfft2(planes), WEIGHTINGS[variant])
        differences.append(energy[: len(p)])
        references.append(energy[len(p) :])
    difference, reference = (torch.cat(x).view(-1, target.channels).sum(1) for x in (differences, references))
    return difference, reference


def _groups(count: int, target: Tensor, together: bool) -> Iterator[tuple[slice, slice]]:
    """Which planes of the predictions and of the target to take at a time.

    Buffers that the allocator hands out again cost less than the arithmetic on fresh ones, so there are few large
    planes in a group. Planes are independent of each other: the grouping never changes a bit.
    """
    targets, rows, columns = target.shape
    step = max(count, targets, 1) if together else max((1 << 22) // (rows * columns), 1)
    if count in (0, targets):
        for first in range(0, max(targets, 1), step):
            yield slice(first, first + step), slice(first, first + step)
    elif step >= targets:
        step -= step % targets
        for first in range(0, count, step):
            yield slice(first, first + step), slice(0, targets)
    else:
        for plane in range(count):
            yield slice(plane, plane + 1), slice(plane % targets, plane % targets + 1)


def validate_pair(preds: Tensor, target: Tensor) -> None:
    """Both are images of one shape on one device."""
    for name, x in (("preds", preds), ("target", target)):
        _validate.images(name, x)
    _validate.same_shape("preds", preds, "target", target)
    _validate.same_device("preds", preds, "target", target)


def _decibels(difference: Tensor, reference: Tensor) -> Tensor:
    return -10 * torch.log10(difference / reference)


def crop(name: str, x: Tensor, border: int) -> Tensor:
    """`x` without `border` pixels on each side."""
    _validate.integer("crop_border", border, 0)
    rows, columns = x.shape[-2:]
    if 2 * border >= min(rows, columns):
        raise ValueError(f"crop_border must leave at least one pixel of {name}, {rows}x{columns}, got {border}")
    return x[..., border : rows - border, border : columns - border]


def common_dtype(*images: Tensor) -> torch.dtype:
    """The widest dtype of the images, at least float32."""
    dtype = torch.float32
    for x in images:
        dtype = torch.promote_types(dtype, x.dtype)
    return dtype


def reduce(scores: Tensor, reduction: str) -> Tensor:
    """The scores of a batch, their mean or their sum."""
    return scores if reduction == "none" else scores.mean() if reduction == "mean" else scores.sum()


def _explain_nan(scores: Tensor, **images: Tensor) -> None:
    """A score is NaN exactly where an image has no finite, positive deviation: say which, and why."""
    if not bool(scores.isnan().any()):
        return
    for name, x in images.items():
        _validate.finite(name, x)
        _validate.not_constant(name, x)
    raise ValueError(f"{' and '.join(images)} must have a standard deviation within the range of float64")
