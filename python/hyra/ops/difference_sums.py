"""Sums of the absolute and the squared differences of two images: what MAE, MSE and PSNR come from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyra._native import kernels
from hyra._native.op import op
from hyra.ops.mean_std import accumulator

CHUNK = 1 << 14  # pixels whose differences are added up together; fixed, so that threads never change the bits


@op(preds="pixels [N, C, H, W]", target="pixels [N, C, H, W]")
def difference_sums(preds: Tensor, target: Tensor) -> Tensor:
    """Sum of ``|p - t|`` and of ``(p - t)^2`` over all pixels of each pair of images, from one read of both.

    Integers are subtracted and added up as integers: their sums are exact, up to 2^32 pixels, and rounded once. Floats
    are subtracted and added up in float64. Gradients flow to float images; where two pixels are equal, that of ``|d|``
    is 0.

    Args:
        preds: ``[N, C, H, W]``, uint8, uint16, float32 or float64, of any strides.
        target: the same of the other images.

    Returns:
        ``[N, 2]``, float64 whatever the type of the images (float32 on a device without float64).

    Raises:
        TypeError: the images are of another type or of two types.
        ValueError: a shape is not as above.

    Example:
        The differences are -3, 0, 1 and 2; no byte wraps:

        >>> preds, target = torch.tensor([[[[0, 5, 7, 9]]], [[[3, 5, 6, 7]]]], dtype=torch.uint8)
        >>> difference_sums(preds[None], target[None])
        tensor([[ 6., 14.]], dtype=torch.float64)
    """
    wide = accumulator(preds)
    difference = (preds.to(wide) - target.to(wide)).flatten(1)
    return torch.stack([difference.abs().sum(1), difference.square().sum(1)], 1)


@difference_sums.register_native
def _kernel(preds: Tensor, target: Tensor) -> Tensor:
    if not preds.dtype.is_floating_point:
        preds, target = kernels.in_memory_order(preds, target)
    count, channels, rows, columns = preds.shape
    chunks = -(-channels * rows * columns // CHUNK)
    sums = torch.empty(count, 2, dtype=torch.float64, device=preds.device)
    partials = None if chunks == 1 else sums.new_empty((count, chunks, 2))
    inputs = (kernels.Pixels.of(preds), kernels.Pixels.of(target))
    kernels.call("difference_sums", (sums, partials), inputs, count, channels, rows, columns, CHUNK)
    return sums


@difference_sums.register_fake
def _fake(preds: Tensor, target: Tensor) -> Tensor:
    return preds.new_empty((preds.shape[0], 2), dtype=accumulator(preds))


def _keep_for_backward(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    preds, target = ctx.saved_tensors
    absolute, squares = grad.to(preds.dtype)[:, :, None, None, None].unbind(1)
    difference = preds - target
    gradient = absolute * difference.sign() + 2 * squares * difference
    return gradient if ctx.needs_input_grad[0] else None, -gradient if ctx.needs_input_grad[1] else None


difference_sums.register_autograd(_backward, setup_context=_keep_for_backward)
