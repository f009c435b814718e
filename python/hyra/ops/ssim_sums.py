"""Sums of the SSIM map and of its contrast-structure factor over each plane: what every form of SSIM averages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hyra._native import kernels
from hyra._native.op import op
from hyra.ops.mean_std import accumulator

_MOST_TAPS = 33  # with more, a tile would not fit into the shared memory of a GPU

SETTINGS: dict[str, Any] = {"taps": "float64 [K]", "constants": "float64 [2]"}


@op(preds="pixels [N, C, H, W]", target="pixels [N, C, H, W]", **SETTINGS)
def ssim_sums(preds: Tensor, target: Tensor, taps: Tensor, constants: Tensor) -> Tensor:
    r"""Sums, over all windows that lie within a plane, of the structural similarity of two planes and of its factor.

    A window is K x K pixels weighted by ``taps[i] * taps[j]``. With the means mu, the variances and the covariance of
    the pixels of both planes a and b under these weights (population statistics, the weights' sum being 1)::

        luminance          l  = (2 mu_a mu_b + C1) / (mu_a^2 + mu_b^2 + C1)
        contrast-structure cs = (2 cov_ab + C2) / (var_a + var_b + C2)
        SSIM                  = l * cs

    Sample statistics multiply variances and covariance by one factor, which is to divide C2 by it.

    The kernels take sum and difference of the planes, s = a + b and d = a - b, whose moments give both factors::

        1 - l  = 2 mu_d^2 / (mu_s^2 + mu_d^2 + 2 C1)
        1 - cs = 2 var_d / (var_s + var_d + 2 C2)

    So four moments stand for five, and planes that are equal give exactly 1. Variances come first down each column,
    about a pixel inside the window, then along the row of these moments (the law of total variance), about a mean
    inside the window: nothing cancels, however flat or bright the image, and float32 arithmetic, which serves integers
    as well, agrees with the definition to 1e-6. Sums are float64. Gradients flow to float images. On a CPU the bits
    depend neither on the number of planes nor on the threads.

    Args:
        preds: ``[N, C, H, W]``, uint8, uint16, float32 or float64, of any strides: a.
        target: ``[N, C, H, W]``, the dtype of `preds`: b.
        taps: ``[K]``, float64: the weights along each side of a window, which add up to 1; 33 at most.
        constants: ``[2]``, float64: C1 and C2.

    Returns:
        ``[N, C, 2]``, float64 whatever the type of the images (float32 on a device without float64): for each plane the
        sums over the ``(H - K + 1) (W - K + 1)`` windows of SSIM and of its contrast-structure factor; 0 where no
        window fits.

    Raises:
        TypeError: the images are of another type or of two types.
        ValueError: a shape is not as above, there are more than 33 taps, or taps or constants require a gradient.

    Example:
        One window of 2 x 2 pixels. Of ``0, 1, 2, 3`` and ``0, 1, 2, 5`` the means are 1.5 and 2, the variances 1.25 and
        3.5, the covariance 2: with C1 = C2 = 1, l is 7 / 7.25 and cs is 5 / 5.75.

        >>> a, b = torch.tensor([[[[0.0, 1], [2, 3]]], [[[0, 1], [2, 5]]]]).split(1)
        >>> half, one = torch.tensor([0.5, 0.5], dtype=torch.float64), torch.ones(2, dtype=torch.float64)
        >>> ssim_sums(a, b, half, one)
        tensor([[[0.8396, 0.8696]]], dtype=torch.float64)
    """
    if _has_no_window(preds, taps):
        return preds.new_zeros((*preds.shape[:2], 2), dtype=accumulator(preds))
    maps = _Maps.of(preds, target, taps, constants)
    sums = [x.sum((1, 2)) for x in (maps.luminance * maps.structure, maps.structure)]
    return torch.stack(sums, 1).view(*preds.shape[:2], 2)


def _has_no_window(images: Tensor, taps: Tensor) -> bool:
    """Whether there is no plane, or no window fits into it."""
    if len(taps) > _MOST_TAPS:
        raise ValueError(f"taps must be at most {_MOST_TAPS}, got {len(taps)}")
    return images.numel() == 0 or min(images.shape[2:]) < len(taps)


@dataclass(frozen=True)
class _Moments:
    """Of the windows of planes ``[P, H, W]``: ``[P, H - K + 1, W - K + 1]``."""

    mean: Tensor
    variance: Tensor

    @classmethod
    def of(cls, planes: Tensor, taps: Tensor) -> _Moments:
        first = planes[:, :1, :1]
        mean, squares = (_filter(x, taps) for x in (planes - first, (planes - first).square()))
        return cls(first + mean, squares - mean.square())


def _filter(planes: Tensor, taps: Tensor) -> Tensor:
    down = F.conv2d(planes[:, None], taps[None, None, :, None])
    return F.conv2d(down, taps[None, None, None])[:, 0]


def _spread(maps: Tensor, taps: Tensor) -> Tensor:
    """The adjoint of `_filter`."""
    down = F.conv_transpose2d(maps[:, None], taps[None, None, :, None])
    return F.conv_transpose2d(down, taps[None, None, None])[:, 0]


@dataclass(frozen=True)
class _Maps:
    """The factors of SSIM at every window, and what they are made of."""

    s: _Moments
    d: _Moments
    luminance: Tensor
    structure: Tensor
    luminance_base: Tensor
    structure_base: Tensor

    @classmethod
    def of(cls, preds: Tensor, target: Tensor, taps: Tensor, constants: Tensor) -> _Maps:
        wide = accumulator(preds)
        a, b = (x.flatten(0, 1).to(wide) for x in (preds, target))
        taps, (c1, c2) = taps.to(wide), constants.to(wide)
        s, d = _Moments.of(a + b, taps), _Moments.of(a - b, taps)
        luminance_base = s.mean.square() + d.mean.square() + 2 * c1
        structure_base = s.variance + d.variance + 2 * c2
        luminance = 1 - 2 * d.mean.square() / luminance_base
        return cls(s, d, luminance, 1 - 2 * d.variance / structure_base, luminance_base, structure_base)


@ssim_sums.register_native
def _kernel(preds: Tensor, target: Tensor, taps: Tensor, constants: Tensor) -> Tensor:
    sums = preds.new_empty((*preds.shape[:2], 2), dtype=torch.float64)
    if _has_no_window(preds, taps):
        return sums.zero_()
    images, channels, rows, columns = preds.shape
    partials = sums.new_empty((images, channels, kernels.workspace("ssim_sums", preds, rows, columns, len(taps))))
    inputs = (kernels.Pixels.of(preds), kernels.Pixels.of(target), taps, constants)
    kernels.call("ssim_sums", (sums, partials), inputs, images, channels, rows, columns, len(taps))
    return sums


@ssim_sums.register_fake
def _fake(preds: Tensor, target: Tensor, taps: Tensor, constants: Tensor) -> Tensor:
    return preds.new_empty((*preds.shape[:2], 2), dtype=accumulator(preds))


@op(preds="real [N, C, H, W]", target="real [N, C, H, W]", **SETTINGS, grad="any real [N, C, 2]")
def ssim_sums_backward(preds: Tensor, target: Tensor, taps: Tensor, constants: Tensor, grad: Tensor) -> Tensor:
    """Gradient of `ssim_sums` with respect to `preds`; that with respect to `target` is it with both exchanged.

    Args:
        preds: as for `ssim_sums`, float32 or float64.
        target: likewise.
        taps: likewise.
        constants: likewise.
        grad: ``[N, C, 2]``, the gradient with respect to both sums.

    Returns:
        The shape and dtype of `preds`.
    """
    if _has_no_window(preds, taps):
        return preds.new_zeros(preds.shape)
    maps = _Maps.of(preds, target, taps, constants)
    wide = accumulator(preds)
    taps, (c1, c2) = taps.to(wide), constants.to(wide)
    of_ssim, of_factor = grad.flatten(0, 1).to(wide)[:, :, None, None].unbind(1)
    of_luminance, of_structure = of_ssim * maps.structure, of_ssim * maps.luminance + of_factor
    slope = 4 * maps.d.mean / maps.luminance_base.square() * of_luminance
    of_means = slope * (maps.d.mean * maps.s.mean - maps.s.mean.square() - 2 * c1)
    of_s = 4 * maps.d.variance / maps.structure_base.square() * of_structure
    of_d = -4 * (maps.s.variance + 2 * c2) / maps.structure_base.square() * of_structure
    constant = of_means - of_s * maps.s.mean - of_d * maps.d.mean
    a, b = (x.flatten(0, 1).to(wide) for x in (preds, target))
    gradient = _spread(constant, taps) + (a + b) * _spread(of_s, taps) + (a - b) * _spread(of_d, taps)
    return gradient.to(preds.dtype).view(preds.shape).contiguous()


@ssim_sums_backward.register_native
def _backward_kernel(preds: Tensor, target: Tensor, taps: Tensor, constants: Tensor, grad: Tensor) -> Tensor:
    if _has_no_window(preds, taps):
        return preds.new_zeros(preds.shape)
    images, channels, rows, columns = preds.shape
    gradient = preds.new_empty(preds.shape)
    workspace = kernels.workspace("ssim_sums_backward", preds, rows, columns, len(taps))
    maps = preds.new_empty((images, channels, workspace))
    inputs = (kernels.Pixels.of(preds), kernels.Pixels.of(target), taps, constants, grad.double())
    kernels.call("ssim_sums_backward", (gradient, maps), inputs, images, channels, rows, columns, len(taps))
    return gradient


@ssim_sums_backward.register_fake
def _backward_fake(preds: Tensor, target: Tensor, taps: Tensor, constants: Tensor, grad: Tensor) -> Tensor:
    return preds.new_empty(preds.shape)


def _setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    if ctx.needs_input_grad[2] or ctx.needs_input_grad[3]:
        raise ValueError("taps and constants must be detached: they have no gradient")
    ctx.save_for_backward(*inputs)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    preds, target, *settings = ctx.saved_tensors
    wanted = ctx.needs_input_grad
    of_preds = ssim_sums_backward(preds, target, *settings, grad) if wanted[0] else None
    of_target = ssim_sums_backward(target, preds, *settings, grad) if wanted[1] else None
    return of_preds, of_target, None, None


ssim_sums.register_autograd(_backward, setup_context=_setup_context)
