"""The difference of two standardised images, formed without losing the digits that FSDS needs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyra import _native
from hyra.ops.mean_std import accumulator


@torch.library.custom_op("hyra::standardized_difference", mutates_args=())
def standardized_difference(
    preds: Tensor, target: Tensor, preds_moments: Tensor, target_moments: Tensor, with_target: bool
) -> Tensor:
    """The standardised difference ``(p - mp) / sp - (t - mt) / st``.

    It is formed per element in float64 and rounded once: differencing two images that are already standardised in
    float32 costs 4e-2 dB of FSDS at 124 dB, this costs at most 1e-5. Equal planes with equal moments give exactly 0.

    Args:
        preds: ``[P, H, W]`` planes, float32 or float64.
        target: ``[T, H, W]``, the dtype of `preds`; P is a multiple of T, and plane p is compared with ``p % T``.
        preds_moments: ``[P, 2]``, mean and standard deviation of the image each plane belongs to, see `mean_std`.
        target_moments: ``[T, 2]``, likewise.
        with_target: also return the standardised target.

    Returns:
        ``[P, H, W]``, the dtype of `preds`; with `with_target` ``[P + T, H, W]``, the differences first.

    Raises:
        ValueError: a shape is not as above.

    Example:
        >>> preds, target = torch.tensor([[[1.0, 3.0]]]), torch.tensor([[[2.0, 4.0]]])
        >>> moments = torch.tensor([[2.0, 0.5]]), torch.tensor([[3.0, 2.0]])
        >>> standardized_difference(preds, target, *moments, with_target=True)[:, 0]
        tensor([[-1.5000,  1.5000],
                [-0.5000,  0.5000]])
    """
    result_shape(preds, target, preds_moments, target_moments, with_target)
    standardized_preds, standardized_target = _standardize(preds, preds_moments), _standardize(target, target_moments)
    repeats = preds.shape[0] // target.shape[0] if target.shape[0] else 1
    out = standardized_preds - standardized_target.repeat(repeats, 1, 1)
    if with_target:
        out = torch.cat([out, standardized_target])
    return out.to(preds.dtype)


def _standardize(planes: Tensor, moments: Tensor) -> Tensor:
    wide = moments.to(accumulator(planes))
    return (planes.to(wide.dtype) - wide[:, 0, None, None]) / wide[:, 1, None, None]


def result_shape(
    preds: Tensor, target: Tensor, preds_moments: Tensor, target_moments: Tensor, with_target: bool
) -> tuple[int, int, int]:
    """Checks that the target's planes divide those of `preds`, and that each plane has its moments."""
    planes, rows, columns = preds.shape
    targets = target.shape[0]
    if target.shape[1:] != preds.shape[1:] or (planes % targets if targets else planes):
        shapes = f"{tuple(preds.shape)}, and divide its planes, got {tuple(target.shape)}"
        raise ValueError(f"target must have the size of preds, {shapes}")
    for name, moments, count in (("preds", preds_moments, planes), ("target", target_moments, targets)):
        if moments.shape != (count, 2):
            raise ValueError(f"{name}_moments must be [{count}, 2], got shape {tuple(moments.shape)}")
    return planes + targets * with_target, rows, columns


@_native.register(standardized_difference)
def _kernel(preds: Tensor, target: Tensor, preds_moments: Tensor, target_moments: Tensor, with_target: bool) -> Tensor:
    out = preds.new_empty(result_shape(preds, target, preds_moments, target_moments, with_target))
    scalars = (preds.shape[0], target.shape[0], preds.shape[1] * preds.shape[2], with_target)
    inputs = (preds, target.to(preds.dtype), preds_moments.double(), target_moments.double())
    _native.call("standardized_difference", (out,), inputs, *scalars)
    return out


@standardized_difference.register_fake
def _fake(preds: Tensor, target: Tensor, preds_moments: Tensor, target_moments: Tensor, with_target: bool) -> Tensor:
    return preds.new_empty(result_shape(preds, target, preds_moments, target_moments, with_target))


def _setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, Tensor, bool], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:4])
    ctx.with_target = inputs[4]


def standardized_difference_backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    """Also for ops of the same arguments whose gradient with respect to the difference is known."""
    preds, target, preds_moments, target_moments = ctx.saved_tensors
    planes = preds.shape[0]
    results: list[Tensor | None] = [None] * 5
    if ctx.needs_input_grad[0] or ctx.needs_input_grad[2]:
        results[0], results[2] = _standardize_backward(grad[:planes], preds, preds_moments)
    if ctx.needs_input_grad[1] or ctx.needs_input_grad[3]:
        grad_target = -grad[:planes].reshape(-1, *target.shape).sum(0)
        if ctx.with_target:
            grad_target += grad[planes:]
        results[1], results[3] = _standardize_backward(grad_target, target, target_moments)
    return tuple(results)


def _standardize_backward(grad: Tensor, planes: Tensor, moments: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of ``z = (x - mean) / std`` with respect to x and to the moments."""
    mean, std = moments.unbind(1)
    total = grad.sum((1, 2)).to(mean.dtype)
    with torch.autocast(grad.device.type, enabled=False):  # a user may run backward inside one
        inner = torch.linalg.vecdot(grad.flatten(1), planes.flatten(1)).to(mean.dtype)
    grad_moments = torch.stack([-total / std, -(inner - mean * total) / std.square()], 1)
    return grad * std.reciprocal().to(grad.dtype)[:, None, None], grad_moments


standardized_difference.register_autograd(standardized_difference_backward, setup_context=_setup_context)
