"""FSDS, the frequency spectrum distribution similarity of two images, in dB."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from hyra._native import dispatch, kernels
from hyra._util import validate
from hyra._util.arrays import accepts_arrays
from hyra.scores.pairs import (
    REDUCTIONS,
    crop,
    explain_nan,
    pixel_dtype,
    reduce,
    score_dtype,
    validate_pair,
)
from hyra.scores.planes import Images
from hyra.scores.variants import VARIANTS, decibels


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
    4. ``fsds = -10 log10(E(preds - target) / E(target))``, with E summed over the channels of an image and the
       difference taken between the standardised images. E is what the variants differ in, and so is the question:

       * ``"paper"``: how alike are two images **where they stand**? Each plane of X has two quadrants, both with all
         columns and the origin in the corner: the rows of the frequencies 0, 1, ... and those of -1, -2, ... (see
         `hyra.ops.quadrant_energy`). E is the sum of ``|D|^2``, with ``D(i, j)`` the sum of ``X(m, n)`` over
         ``m <= i, n <= j``. This one-sided complex integral weights pixels by about ``1 / sin^2`` from the corners:
         96 % of the weight lies in a frame two pixels wide, and shifts, flips and crops change the score. As a
         quadratic form of the pixels it needs no transform of the image, and none is made: see
         `hyra.ops.integral_form`.
       * ``"shift_invariant"`` (ours): how alike are they **everywhere in the frame**? E is the sum of
         ``(R - i)(K - j) |X(i, j)|^2`` in a quadrant of R x K, which is exactly the mean of the paper's energy over all
         circular shifts. All pixels count alike, low frequencies most. No row is appended, so that rolling both images
         together never changes the score. Moving one of them does: phase counts.
       * ``"radial"`` (ours): is **as much power at each frequency**, wherever in the image it lies? With ``P(r)`` the
         power ``|X|^2`` of the full spectrum in ring r (see `hyra.ops.radial_moments`; DC and corners included), summed
         over the channels, and ``A(r)`` its sum over the rings 0 to r, the ratio is ``sum of (A_preds - A_target)^2``
         over ``sum of A_target^2``. It compares distributions alone: phase, orientation and position count nothing, so
         a picture and its mirror image, or another one with the same spectrum, are identical.

    `hyra.plots.fsds_sensitivity` shows what each variant makes of one error, by where it lies.

    From the paper's section on FSDS (Deng et al., ICML 2024, arXiv 2405.07919), where the denominator is the reference
    image's energy. The script behind its Table 1 passes the images the other way round, so that table divides by the
    SR image's: ``fsds(target, preds)`` here. The mean and the deviation cancel any ``a * x + b`` with a > 0.

    Sums are float64, the difference is formed in float64 and rounded at most once, and the difference of two ring
    powers comes from the spectrum of the difference: up to 140 dB, float32 images agree with the definition to 1e-4 dB,
    float64 ones to 1e-7 dB, however far from 0 their mean lies (``radial`` as long as the images themselves are alike:
    of a mirror image, 140 dB is all float32 can tell). On a CPU the kernels' bits depend neither on the batch nor on
    the number of threads; those of the variants that transform depend on the library, see `hyra.fft_library`.

    Scores have first derivatives in reverse mode; forward mode and the derivatives of `torch.func` raise.

    Args:
        preds: ``[C, H, W]`` or ``[N, C, H, W]``, floating-point, uint8 or uint16, any range; float16 and bfloat16 are
            computed in float32. ``paper`` reads integers as they are, in any layout, from exact sums; the others
            transform them in float32. NumPy and CuPy arrays and all else with ``__dlpack__`` are taken too, and of
            NumPy and CuPy the scores are arrays.
        target: the reference image or images, the shape of `preds`; its range may be another.
        variant: ``"paper"``, ``"shift_invariant"`` or ``"radial"``.
        reduction: over the batch: ``"none"``, ``"mean"`` or ``"sum"``. One identical pair makes the latter two ``inf``;
            of no images the sum is 0, and there is no mean.
        crop_border: pixels cut from each side first, as super-resolution benchmarks do; the paper cuts none.
        check: refuse NaN, infinite and constant images. Without it a GPU is never synchronised, and they score NaN;
            there, images in float64 are copied once.

    Returns:
        ``[N]``, or a scalar for one image or with a reduction; float64 for integer images, else the images' dtype, at
        least float32.

    Raises:
        TypeError: an image is no tensor of these types.
        ValueError: a shape, a choice or the pixels are not as above, there is no image for a mean, or an image is too
            small for ``radial``, which needs three rings of frequencies: 4x4 pixels have them, 3x3 have not.

    Example:
        A 4x4 image with one pixel changed. Energies by explicit loops in NumPy: the paper's 4.353795 over 183.428571,
        the shift-invariant 12.986783 over 272.571429, the radial 215.733387 over 136623.673469.

        >>> target = torch.tensor([[[0.0, 1, 4, 2], [2, 4, 1, 0], [1, 2, 2, 1], [4, 0, 0, 4]]])
        >>> preds = target.clone()
        >>> preds[0, 1, 2] = 2
        >>> [round(fsds(preds, target, variant=v).item(), 4) for v in ("paper", "shift_invariant", "radial")]
        [16.246, 13.2198, 28.0161]
    """
    validate.choice("variant", variant, VARIANTS)
    validate.choice("reduction", reduction, REDUCTIONS)
    plain = dispatch.plain_call((preds, target))
    validate_pair(preds, target, integers=True)
    preds, target = crop("preds", preds, crop_border), crop("target", target, crop_border)
    dtype = pixel_dtype(preds, target, integers=VARIANTS[variant].reads_integers)
    with _no_graph(plain, preds, target):
        kind, result = VARIANTS[variant], score_dtype(preds, target)
        if plain is not None and kernels.on_gpu(preds):
            p, t = (x.centred(look=check) for x in Images.pair(preds, target, dtype))
            scores = kind.scores(p, t, result)
        else:
            both = (Images.of(x, dtype).centred(look=check) for x in (preds, target))
            scores = decibels(*kind.energies(*both), result)
    if check:
        explain_nan(scores, preds=preds, target=target)
    return reduce(scores if preds.ndim == 4 else scores[0], reduction)


class FSDSReference:
    """One target image, prepared for many predictions: `fsds` of each, without measuring the target again.

    Args:
        target: ``[C, H, W]``, a tensor or an array as for `fsds`; of CuPy it is copied.
        variant: as for `fsds`.
        crop_border: as for `fsds`.
        check: as for `fsds`; without it a constant target makes every score NaN.

    Raises:
        TypeError: `target` is no tensor of the types that `fsds` takes.
        ValueError: `target` is no single image, or NaN, infinite or constant.

    Example:
        >>> target = torch.rand(3, 16, 16)
        >>> preds = target + 0.1 * torch.rand(20, 3, 16, 16)
        >>> torch.equal(FSDSReference(target)(preds), fsds(preds, target.expand(20, -1, -1, -1)))
        True
    """

    @accepts_arrays("target", kept=True)
    def __init__(self, target: Tensor, *, variant: str = "paper", crop_border: int = 0, check: bool = True) -> None:
        validate.choice("variant", variant, VARIANTS)
        validate.images("target", target, integers=True)
        if target.ndim != 3:
            raise ValueError(f"target must be one image [C, H, W], got shape {tuple(target.shape)}")
        self.variant = variant
        self.crop_border = crop_border
        self.shape = tuple(target.shape)
        self._like = target.new_empty((0,))
        kind = VARIANTS[variant]
        dtype = pixel_dtype(target, integers=kind.reads_integers)
        self._reference = kind.of(Images.of(crop("target", target, crop_border), dtype).centred(look=check))
        if check:
            explain_nan(self._reference.energy, target=target)

    @accepts_arrays("preds")
    def __call__(self, preds: Tensor, *, reduction: str = "none", check: bool = True) -> Tensor:
        """Score one prediction ``[C, H, W]`` or many ``[N, C, H, W]``, tensor or array; see `fsds` for the rest."""
        validate.choice("reduction", reduction, REDUCTIONS)
        validate.images("preds", preds, integers=True)
        if tuple(preds.shape[-3:]) != self.shape:
            raise ValueError(f"preds must be images of the target's shape, {self.shape}, got {tuple(preds.shape)}")
        target = self._reference.target.planes
        validate.same_device("preds", preds, "target", target)
        cropped = crop("preds", preds, self.crop_border)
        dtype = pixel_dtype(cropped, target, integers=self._reference.reads_integers)
        with _no_graph(dispatch.plain_call((preds, target)), cropped, target):
            difference = self._reference.difference(Images.of(cropped, dtype).centred(look=check))
            scores = decibels(difference, self._reference.energy, score_dtype(preds, self._like))
        if check:
            explain_nan(scores, preds=cropped)
        return reduce(scores if preds.ndim == 4 else scores[0], reduction)


def _no_graph(plain: Any, *images: Tensor) -> AbstractContextManager[None]:
    """Where no gradient is wanted, none is prepared: of a small image, that is a tenth of the time."""
    if plain is not None:
        return dispatch.Plainly(plain[0])
    wanted = torch.is_grad_enabled() and any(x.requires_grad for x in images)
    return nullcontext() if wanted or torch.compiler.is_compiling() else torch.no_grad()
