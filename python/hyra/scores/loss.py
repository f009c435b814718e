"""FSDS as a loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hyra._util import validate
from hyra.scores.pairs import common_dtype, validate_pair
from hyra.scores.planes import Images
from hyra.scores.variants import VARIANTS

FORMS = ("db", "ratio")
FLOOR = 1e-12
"""Added to the ratio before the logarithm: identical images have a loss of -120 dB and finite gradients."""


class FSDSLoss(nn.Module):
    """How unlike the frequency distributions of two images are; lower is better.

    For each image the ratio ``E(preds - target) / E(target)`` of `hyra.fsds`, as ``10 log10(ratio + 1e-12)`` dB (that
    is -FSDS, and -120 for identical images) or as it is; then the mean over the batch.

    The default is ``shift_invariant``: the gradient of ``paper`` sits almost wholly in the outermost two pixels (over
    98 % of its energy on 64x64 images of noise), which teaches a network little about its images, and ``radial`` is
    content with the right power at each frequency wherever it lies. All weight low frequencies most, so use the loss
    beside one on pixels, not instead of it.

    Gradients flow to `preds` and `target`, by kernels of our own that store no integrated map. Inside autocast it is
    computed in float32; float16 and bfloat16 images are accepted. It compiles without graph breaks. In a CUDA graph it
    is captured once it has run, backward too, on images of that shape: cuFFT makes its plans at first use. What
    torch's custom ops do not offer raises: forward-mode and second derivatives, and those of `torch.func`; its
    vmap works, one image after another.

    Args:
        variant: ``"shift_invariant"``, ``"paper"`` or ``"radial"``.
        form: ``"db"`` or ``"ratio"``.

    Shape:
        preds, target: ``[N, C, H, W]`` or ``[C, H, W]``, floating-point, any range. The result is a scalar of their
        dtype, at least float32. A constant or non-finite image makes it NaN: nothing synchronises a GPU to look.

    Raises:
        TypeError: an image is no floating-point tensor.
        ValueError: a choice or a shape is not as above, or the batch is empty: there is no mean over nothing.

    Example:
        >>> target = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> preds = (target + 0.1).requires_grad_()  # FSDS sees neither brightness nor contrast
        >>> loss = FSDSLoss()(preds, target)
        >>> loss.backward()
        >>> round(loss.item()), bool(preds.grad.isfinite().all())
        (-120, True)
    """

    def __init__(self, variant: str = "shift_invariant", *, form: str = "db") -> None:
        super().__init__()
        validate.choice("variant", variant, VARIANTS)
        validate.choice("form", form, FORMS)
        self.variant, self.form = variant, form

    def extra_repr(self) -> str:
        """The arguments, for print."""
        return f"variant={self.variant!r}, form={self.form!r}"

    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        """See the class."""
        validate_pair(preds, target)
        validate.not_empty("preds", preds)
        dtype = common_dtype(preds, target)
        # The target by itself: nothing is kept for its gradient where it needs none.
        reference = VARIANTS[self.variant].of(Images.of(target, dtype))
        ratio = reference.difference(Images.of(preds, dtype)) / reference.energy
        value = ratio if self.form == "ratio" else 10 * torch.log10(ratio + FLOOR)
        return value.mean().to(dtype)
