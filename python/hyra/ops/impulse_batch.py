"""Probe images: what a network is shown when its impulse response is measured."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyra._native import kernels
from hyra._native.op import op


@op(background="real [C, h, w]", positions="int64 [N, M, 2]", amplitudes="real [N, C]")
def impulse_batch(background: Tensor, positions: Tensor, amplitudes: Tensor) -> Tensor:
    """Copies of a background, each lifted by an amplitude at the positions given for it.

    ``out[n, c, y, x] = background[c, y, x] + amplitudes[n, c]`` where (y, x) is one of ``positions[n]``, and
    ``background[c, y, x]`` everywhere else. The paper's probe is a black background, one position, and the same
    amplitude in all channels (its white pixel); one image per channel, with the amplitudes on a diagonal, measures the
    full matrix of responses; many positions in one image probe them all in one forward pass.

    A position that is named twice is lifted once, and a position outside the image marks nothing, so the images of a
    batch may hold different numbers of impulses: fill up with either. (The public functions refuse positions outside.)

    Args:
        background: ``[C, h, w]``, float32 or float64.
        positions: ``[N, M, 2]`` int64, row and column of M impulses for each of N images.
        amplitudes: ``[N, C]``, the dtype of the background; zero leaves a channel alone.

    Returns:
        ``[N, C, h, w]``, the dtype of the background. Differentiable in background and amplitudes.

    Example:
        Two images of 4 x 4 pixels: an impulse of 1 at row 2, column 1, then the two ends of a diagonal at 0.5.

        >>> positions = torch.tensor([[[2, 1], [2, 1]], [[0, 0], [3, 3]]])
        >>> images = impulse_batch(torch.zeros(1, 4, 4), positions, torch.tensor([[1.0], [0.5]]))
        >>> images.sum((1, 2, 3)).tolist(), images[0, 0, 2, 1].item(), images[1, 0, 3, 3].item()
        ([1.0, 1.0], 1.0, 0.5)
    """
    lifted = background + amplitudes[:, :, None, None]
    return torch.where(_marked(positions, *background.shape[1:]), lifted, background)


def _marked(positions: Tensor, height: int, width: int) -> Tensor:
    """``[N, 1, h, w]`` bool: where the impulses are. Positions outside land in one spare cell that is cut off."""
    y, x = positions.unbind(-1)
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    index = torch.where(inside, y * width + x, height * width)
    marked = torch.zeros(len(positions), height * width + 1, dtype=torch.bool, device=positions.device)
    return marked.scatter_(1, index, True)[:, :-1].view(len(positions), 1, height, width)


@impulse_batch.register_native
def _kernel(background: Tensor, positions: Tensor, amplitudes: Tensor) -> Tensor:
    count, impulses, _ = positions.shape
    images = background.new_empty((count, *background.shape))
    inputs = (background, positions, amplitudes)
    kernels.call("impulse_batch", (images,), inputs, count, *background.shape, impulses)
    return images


@impulse_batch.register_fake
def _fake(background: Tensor, positions: Tensor, amplitudes: Tensor) -> Tensor:
    return background.new_empty((positions.shape[0], *background.shape))


def _setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    ctx.save_for_backward(inputs[1])


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, Tensor]:
    (positions,) = ctx.saved_tensors
    at_impulses = torch.where(_marked(positions, *grad.shape[2:]), grad, 0)
    return grad.sum(0), None, at_impulses.sum((-2, -1))


impulse_batch.register_autograd(_backward, setup_context=_setup_context)
