"""The gradient of standardising images: what every energy of FSDS sends back to the pixels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hyra._native import kernels
from hyra._native.op import op
from hyra.ops.mean_std import CHUNK, accumulator


@op(grad="real [N, *S]", images="real [N, *S]", moments="any real [N, 2]")
def standardize_backward(grad: Tensor, images: Tensor, moments: Tensor) -> Tensor:
    """Gradient of standardised images ``z = (x - mean) / std`` with respect to x, on which the moments depend as well.

    With g the gradient with respect to z and n the elements of an image, it is
    ``(g - mean(g) - z * sum(g z) / (n - 1)) / std``. Sums are float64.

    Args:
        grad: ``[N, ...]``, float32 or float64: g.
        images: ``[N, ...]``, the shape and dtype of `grad`.
        moments: ``[N, 2]``, as `mean_std` gives them for `images`.

    Returns:
        The shape and dtype of `images`.

    Example:
        A pixel pulls mean and deviation along, so less than ``1 / std`` is left of its own gradient:

        >>> images = torch.tensor([[0.0, 1, 2]])  # mean 1, deviation 1
        >>> standardize_backward(torch.tensor([[0.0, 0, 1]]), images, torch.tensor([[1.0, 1]]))
        tensor([[ 0.1667, -0.3333,  0.1667]])
    """
    wide = moments.to(accumulator(images))
    mean, std = wide[:, :1], wide[:, 1:]
    shape = len(images), math.prod(images.shape[1:])
    g, z = grad.reshape(shape).to(wide.dtype), (images.reshape(shape).to(wide.dtype) - mean) / std
    line = g.mean(1, keepdim=True) + z * (g * z).sum(1, keepdim=True) / (z.shape[1] - 1)
    return ((g - line) / std).to(images.dtype).view(images.shape)


@standardize_backward.register_native
def _kernel(grad: Tensor, images: Tensor, moments: Tensor) -> Tensor:
    count, size = images.shape[0], math.prod(images.shape[1:])
    out = images.new_empty(images.shape)
    partials = images.new_empty((count, -(-size // CHUNK), 2), dtype=torch.float64)
    lines = images.new_empty((count, 2), dtype=torch.float64)
    outputs = (out, partials, lines)
    kernels.call("standardize_backward", outputs, (grad, images, moments.double()), count, size, CHUNK)
    return out


@standardize_backward.register_fake
def _fake(grad: Tensor, images: Tensor, moments: Tensor) -> Tensor:
    return images.new_empty(images.shape)
