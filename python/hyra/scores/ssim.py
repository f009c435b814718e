"""SSIM and MS-SSIM, the structural similarity of two images, and SSIM as a loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hyra._util import validate
from hyra._util.arrays import accepts_arrays
from hyra.ops import ssim_sums
from hyra.scores.pairs import finished, prepared, validate_pair

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of MS-SSIM from the finest scale to the coarsest, by Wang et al. (2003)."""


def _gaussian(device: torch.device) -> Tensor:
    """11 taps of a standard deviation of 1.5 pixels. Made where they are needed: no GPU waits for them."""
    x = torch.arange(-5, 6, dtype=torch.float64, device=device)
    taps = torch.exp(x.square() / (-2 * 1.5**2))
    return taps / taps.sum()


def _uniform(device: torch.device) -> Tensor:
    return torch.full((7,), 1 / 7, dtype=torch.float64, device=device)


@dataclass(frozen=True)
class Form:
    """What the windows are, and where they lie.

    Attributes:
        taps: the weights along each side of a window, on a device.
        size: how many.
        sample: variances and covariances are a sample's, over one pixel less than a window has.
        padded: each pixel is the middle of a window; the images are reflected about their outermost pixels.
    """

    taps: Callable[[torch.device], Tensor]
    size: int
    sample: bool = False
    padded: bool = False

    def check_size(self, name: str, rows: int, columns: int) -> None:
        """Images of so many rows and columns have a window, or can be reflected."""
        least = self.size // 2 + 1 if self.padded else self.size
        if min(rows, columns) < least:
            raise ValueError(f"preds must be at least {least}x{least} pixels for {name}, got {rows}x{columns}")

    def means(self, preds: Tensor, target: Tensor, white: float, k1: float, k2: float) -> Tensor:
        """``[N, C, 2]``: the means over the windows of a plane of SSIM and of its contrast-structure factor."""
        if self.padded:
            preds, target = (_reflected(x, self.size // 2) for x in (preds, target))
        windows = (preds.shape[2] - self.size + 1) * (preds.shape[3] - self.size + 1)
        pixels = self.size**2
        constants = torch.full((2,), (k1 * white) ** 2, dtype=torch.float64, device=preds.device)
        constants[1:].fill_((k2 * white) ** 2 * ((pixels - 1) / pixels if self.sample else 1))
        means: Tensor = ssim_sums(preds, target, self.taps(preds.device), constants) / windows
        return means


FORMS = {
    "matlab": Form(_gaussian, 11),
    "torchmetrics": Form(_gaussian, 11, padded=True),
    "skimage": Form(_uniform, 7, sample=True),
}


def _reflected(x: Tensor, border: int) -> Tensor:
    """Images with a border that mirrors them about their outermost pixels, in their own dtype."""
    if x.dtype == torch.uint16:  # which torch does not index
        return _reflected(x.view(torch.int16), border).view(torch.uint16)
    for axis in (2, 3):
        last = x.shape[axis] - 1
        places = torch.arange(-border, x.shape[axis] + border, device=x.device).abs()
        x = x.index_select(axis, last - (last - places).abs())
    return x


@accepts_arrays("preds", "target")
def ssim(
    preds: Tensor,
    target: Tensor,
    *,
    form: str = "matlab",
    data_range: float | None = None,
    k1: float = 0.01,
    k2: float = 0.03,
    reduction: str = "none",
    crop_border: int = 0,
    check: bool = True,
) -> Tensor:
    """Structural similarity, from -1 to 1; higher is better, and only identical images score 1, exactly.

    The mean of the SSIM map over all windows and channels (Wang et al., IEEE Transactions on Image Processing 13,
    2004); `hyra.ops.ssim_sums` has the formula. Libraries differ in the windows, and so in the third digit:

    * ``"matlab"``: Gaussian windows of 11x11 pixels with a standard deviation of 1.5, wherever one lies within the
      image, and population statistics, as in the authors' MATLAB code, without its downsampling. Tables of
      super-resolution have this one; BasicSR's ``calculate_ssim`` computes it, and so does scikit-image with
      ``gaussian_weights=True, sigma=1.5, use_sample_covariance=False``.
    * ``"torchmetrics"``: the same windows around each pixel, of images reflected about their outermost pixels, as in
      torchmetrics' ``structural_similarity_index_measure`` with this data range (version 1.9; 1.0 does otherwise).
    * ``"skimage"``: uniform windows of 7x7 pixels within the image and sample statistics, as in the defaults of
      scikit-image's ``structural_similarity`` with this data range and ``channel_axis``.

    Float32 and integer images score as the definition in float64 to 1e-6, whatever they show. Integer images are read
    as they are, in any layout. On a CPU the bits depend neither on the batch nor on the number of threads. Gradients
    flow to floating-point images; for training see `hyra.SSIMLoss`.

    Args:
        preds: ``[C, H, W]`` or ``[N, C, H, W]``, uint8, uint16 or floating-point; float16 and bfloat16 are computed in
            float32. NumPy and CuPy arrays and all else with ``__dlpack__`` are taken too, and of NumPy and CuPy the
            scores are arrays. ``[H, W, C]``, as decoders leave it, is `preds` after ``permute(2, 0, 1)``, not copied.
        target: the reference, the shape of `preds`; of integers, its dtype.
        form: ``"matlab"``, ``"torchmetrics"`` or ``"skimage"``.
        data_range: white less black. By default 255 or 65535 for integers, and 1 for others.
        k1: ``C1 = (k1 * data_range)^2`` keeps the luminance term from growing where both means are near 0.
        k2: ``C2 = (k2 * data_range)^2``, likewise for the variances.
        reduction: over the batch: ``"none"``, ``"mean"`` or ``"sum"``.
        crop_border: pixels cut from each side first, as super-resolution benchmarks do.
        check: refuse NaN and infinite pixels. Without it a GPU is never synchronised, and the score is NaN.

    Returns:
        ``[N]``, or a scalar for one image or with a reduction: float64 for integer images, else the images' dtype, at
        least float32.

    Raises:
        TypeError: an image is no tensor of these types, or one holds integers and the other does not.
        ValueError: a shape, a choice, a number or the pixels are not as above, an image is smaller than a window, or
            there is no image for a mean.

    Example:
        Black and white of 255, without any structure: ``C1 / (255^2 + C1)`` is 0.0001 / 1.0001.

        >>> target = torch.zeros(1, 16, 16, dtype=torch.uint8)
        >>> round(ssim(target + 255, target).item(), 6), ssim(target, target).item()
        (0.0001, 1.0)
    """
    chosen = _chosen(form)
    k1, k2 = (validate.positive_number(name, k) for name, k in (("k1", k1), ("k2", k2)))
    p, t, white = prepared(preds, target, crop_border, data_range)
    chosen.check_size(f"form={form!r}", *p.shape[2:])
    scores = chosen.means(p, t, white, k1, k2)[..., 0].mean(1)
    return finished(scores, preds, target, reduction, check=check)


def _chosen(form: str) -> Form:
    validate.choice("form", form, FORMS)
    return FORMS[form]


@accepts_arrays("preds", "target")
def ms_ssim(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    k1: float = 0.01,
    k2: float = 0.03,
    reduction: str = "none",
    crop_border: int = 0,
    check: bool = True,
) -> Tensor:
    """Multi-scale structural similarity, from 0 to 1; higher is better, identical images score 1.

    Over five scales, each half as large as the one before (the mean of 2x2 pixels), the product of the mean
    contrast-structure factors, and at the coarsest of the mean SSIM, to the powers of Wang et al. (Asilomar, 2003):
    `SCALE_WEIGHTS`. As in the package pytorch-msssim: windows of ``form="matlab"``, negative means count as 0, the
    product is taken for each channel and then the mean; before an odd side is halved, zeros are put around it.

    Arguments, result and errors are those of `ssim`; images must be at least 161x161 pixels.

    Example:
        >>> target = torch.rand(3, 176, 176, generator=torch.Generator().manual_seed(0))
        >>> ms_ssim(target, target).item(), bool(ms_ssim(target.flip(2), target) < 0.5)
        (1.0, True)
    """
    k1, k2 = (validate.positive_number(name, k) for name, k in (("k1", k1), ("k2", k2)))
    p, t, white = prepared(preds, target, crop_border, data_range)
    form, least = FORMS["matlab"], (FORMS["matlab"].size - 1) * 2 ** (len(SCALE_WEIGHTS) - 1) + 1
    if min(p.shape[2:]) < least:
        raise ValueError(f"preds must be at least {least}x{least} pixels, got {p.shape[2]}x{p.shape[3]}")
    factors = []
    for scale, weight in enumerate(SCALE_WEIGHTS, start=1):
        is_last = scale == len(SCALE_WEIGHTS)
        factors.append(form.means(p, t, white, k1, k2)[..., 0 if is_last else 1].relu() ** weight)
        if not is_last:
            p, t = _halved(p), _halved(t)
    return finished(torch.stack(factors).prod(0).mean(1), preds, target, reduction, check=check)


def _halved(x: Tensor) -> Tensor:
    wide = x if x.is_floating_point() else x.float()
    return F.avg_pool2d(wide, 2, padding=(x.shape[2] % 2, x.shape[3] % 2))


class SSIMLoss(nn.Module):
    """How unlike two images are in structure: ``1 - hyra.ssim``, the mean over the batch; 0 for identical images.

    Gradients flow to `preds` and `target`, by a kernel of our own that stores no map. Inside autocast it is computed in
    float32; float16 and bfloat16 images are accepted. What torch's custom ops do not offer raises: forward-mode and
    second derivatives, and those of `torch.func`.

    Args:
        form: as for `hyra.ssim`.
        data_range: white less black; the images are floating-point.
        k1: as for `hyra.ssim`.
        k2: as for `hyra.ssim`.

    Shape:
        preds, target: ``[N, C, H, W]`` or ``[C, H, W]``, floating-point. The result is a scalar of their dtype, at
        least float32. A pixel that is not finite makes it NaN: nothing synchronises a GPU to look.

    Raises:
        TypeError: an image is no floating-point tensor, or a setting no number.
        ValueError: a choice, a setting or a shape is not as above, an image is smaller than a window, or the batch is
            empty: there is no mean over nothing.

    Example:
        >>> target = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> preds = (0.9 * target).requires_grad_()
        >>> loss = SSIMLoss()(preds, target)
        >>> loss.backward()
        >>> round(loss.item(), 4), bool(preds.grad.isfinite().all())
        (0.011, True)
    """

    def __init__(self, form: str = "matlab", *, data_range: float = 1.0, k1: float = 0.01, k2: float = 0.03) -> None:
        super().__init__()
        _chosen(form)
        self.form = form
        self.data_range = validate.positive_number("data_range", data_range)
        self.k1, self.k2 = (validate.positive_number(name, k) for name, k in (("k1", k1), ("k2", k2)))

    def extra_repr(self) -> str:
        """The arguments, for print."""
        return f"form={self.form!r}, data_range={self.data_range:g}"

    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        """See the class."""
        validate_pair(preds, target)
        validate.not_empty("preds", preds)
        score: Tensor = ssim(
            *(preds, target),
            form=self.form,
            data_range=self.data_range,
            k1=self.k1,
            k2=self.k2,
            reduction="mean",
            check=False,
        )
        return 1 - score
