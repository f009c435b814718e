"""Convolution of a zero-inserted image with an impulse response, one polyphase component at a time: H(I) of HyRA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_weight

from hyra._native import kernels
from hyra._native.op import op
from hyra._util.autocast import outside_autocast
from hyra.ops.boundary import BOUNDARIES, extend, fold
from hyra.ops.polyphase_fft import filter_by_fft, prefers_fft


@op(
    image="real [N, C_in, h, w]",
    response="real [C_in, kh, kw] | [C_out, C_in, kh, kw]",
    scale=range(1, 1 << 31),
    origin=(range(-(1 << 31), 1 << 31), range(-(1 << 31), 1 << 31)),
    boundary=BOUNDARIES,
)
def polyphase_filter(image: Tensor, response: Tensor, scale: int, origin: Sequence[int], boundary: str) -> Tensor:
    r"""Upsample with an impulse response: every LR pixel adds one copy of the response to the HR grid.

    ``out[Y, X] = sum over j, i of image[j, i] * response[Y - scale * j + oy, X - scale * i + ox]``, where the image
    goes on beyond its border as `boundary` says. This is a convolution of the zero-inserted image, but of the
    ``scale**2`` phases of the output grid each meets only its own taps (its polyphase component), so no inserted zero
    is ever touched. Large responses on large images go through an FFT per phase, by a rule on the shape
    (`hyra.ops.polyphase_fft.prefers_fft`): the same to rounding, but a NaN or an infinity then spreads over the image.

    Gradients for image and response are the adjoint convolutions, in torch's operations on the same phases.

    Boundaries continue the LR image by an index, at any size: ``zeros``, ``replicate`` (the edge pixel), ``reflect``
    (about the edge pixel, not repeating it) and ``circular``.

    Args:
        image: ``[N, C_in, h, w]``, float32 or float64.
        response: ``[C, kh, kw]``, one per channel (C = C_in), or ``[C_out, C_in, kh, kw]``, one from each channel to
            each; the dtype of `image`; already divided by the impulse's amplitude.
        scale: upsampling factor, at least 1.
        origin: ``(oy, ox)``, the index of the response that falls on HR pixel ``(scale * j, scale * i)`` for an impulse
            at ``(j, i)``.
        boundary: ``"zeros"``, ``"replicate"``, ``"reflect"`` or ``"circular"``.

    Returns:
        ``[N, C_out, scale * h, scale * w]``, the dtype of `image`.

    Raises:
        TypeError: the dtypes differ or are neither float32 nor float64.
        ValueError: a rank, extent, scale or boundary is not as above.

    Example:
        Linear interpolation between pixels, with the response ``[1/2, 1, 1/2]`` around its middle (1):

        >>> import torch
        >>> image = torch.tensor([[[[0.0, 2.0, 4.0]]]])
        >>> response = torch.tensor([[[0.5, 1.0, 0.5]]])
        >>> polyphase_filter(image, response, 2, (0, 1), "replicate")[0, 0, 0]
        tensor([0., 1., 2., 3., 4., 4.])
    """
    plan = _plan(image, response, scale, origin, boundary)
    taps = _taps(response, plan)
    # One image at a time: for a batch torch may add up in another order, and an image would have other bits in it.
    phases = [F.conv2d(one, taps, groups=plan.groups) for one in torch.split(_extend(image, plan), 1)]
    return F.pixel_shuffle(torch.cat(phases), scale)


@dataclass(frozen=True)
class _Plan:
    """Where a response's taps meet the image.

    The response is padded with zeros so that its origin and its extent are multiples of the scale. Then all phases have
    ``taps`` taps along an axis, and pixel ``scale * q + p`` of the output is the sum over u of
    ``image[q + first + u] * padded[p + scale * (taps - 1 - u)]``.
    """

    scale: int
    boundary: str
    matrix: bool
    groups: int
    taps: tuple[int, int]
    first: tuple[int, int]
    pad: tuple[int, int, int, int]  # as F.pad takes it: left, right, top, bottom


def _plan(image: Tensor, response: Tensor, scale: int, origin: Sequence[int], boundary: str) -> _Plan:
    front = [-o % scale for o in origin]
    taps = [-(-(k + f) // scale) for k, f in zip(response.shape[-2:], front, strict=True)]
    back = [t * scale - k - f for t, k, f in zip(taps, response.shape[-2:], front, strict=True)]
    matrix = response.ndim == 4
    return _Plan(
        scale=scale,
        boundary=boundary,
        matrix=matrix,
        groups=1 if matrix else image.shape[1],
        taps=(taps[0], taps[1]),
        first=((origin[0] + front[0]) // scale - taps[0] + 1, (origin[1] + front[1]) // scale - taps[1] + 1),
        pad=(front[1], back[1], front[0], back[0]),
    )


def _out_shape(image: Tensor, response: Tensor, scale: int) -> tuple[int, int, int, int]:
    return image.shape[0], response.shape[0], scale * image.shape[2], scale * image.shape[3]


def _components(response: Tensor, plan: _Plan) -> Tensor:
    """The taps of all phases, from the last to the first: [C_out, 1 or C_in, taps, scale, taps, scale]."""
    s, (ty, tx) = plan.scale, plan.taps
    padded = F.pad(response, plan.pad) if any(plan.pad) else response
    return padded.reshape(response.shape[0], -1, ty, s, tx, s).flip(2, 4)


def _taps(response: Tensor, plan: _Plan) -> Tensor:
    """The polyphase components as weights of a convolution: [C_out * scale**2, 1 or C_in, taps, taps]."""
    components = _components(response, plan)
    return components.permute(0, 3, 5, 1, 2, 4).reshape(-1, components.shape[1], *plan.taps)


def _extend(image: Tensor, plan: _Plan) -> Tensor:
    """The image with every pixel that a tap of any phase meets, [N, C_in, h + taps - 1, w + taps - 1]."""
    rows, columns = (n + t - 1 for n, t in zip(image.shape[-2:], plan.taps, strict=True))
    return extend(image, plan.boundary, plan.first, (rows, columns))


@polyphase_filter.register_native
def _kernel(image: Tensor, response: Tensor, scale: int, origin: Sequence[int], boundary: str) -> Tensor:
    plan = _plan(image, response, scale, origin, boundary)
    out = image.new_empty(_out_shape(image, response, scale))
    if prefers_fft(response.shape[:-2].numel(), scale**2, (image.shape[2], image.shape[3]), plan.taps):
        return filter_by_fft(_extend(image, plan), _taps(response, plan), scale)
    taps = _components(response, plan).permute(0, 1, 2, 4, 3, 5)  # phases last
    extents = (*out.shape[:2], *image.shape[1:], scale, *plan.taps, *plan.first)
    kernels.call("polyphase_filter", (out,), (image, taps), *extents, plan.matrix, boundary)
    return out


@polyphase_filter.register_fake
def _fake(image: Tensor, response: Tensor, scale: int, origin: Sequence[int], boundary: str) -> Tensor:
    return image.new_empty(_out_shape(image, response, scale))


def _setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int, Sequence[int], str], output: Tensor) -> None:
    image, response, ctx.scale, ctx.origin, ctx.boundary = inputs
    ctx.save_for_backward(image, response)


@outside_autocast
def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
    image, response = ctx.saved_tensors
    plan = _plan(image, response, ctx.scale, ctx.origin, ctx.boundary)
    phases = _phases(grad, plan.scale)
    taps = _taps(response, plan)
    grad_image = grad_response = None
    if ctx.needs_input_grad[0]:
        grad_image = F.conv_transpose2d(phases, taps, groups=plan.groups)
        grad_image = fold(grad_image, plan.boundary, plan.first, (image.shape[2], image.shape[3]))
    if ctx.needs_input_grad[1]:
        extended = _extend(image, plan)
        grad_taps = conv2d_weight(extended, taps.shape, phases, groups=plan.groups)  # type: ignore[no-untyped-call]
        grad_response = _response_of(grad_taps, response, plan)
    return grad_image, grad_response, None, None, None


def _phases(grad: Tensor, scale: int) -> Tensor:
    """`F.pixel_unshuffle`, which leaves an empty batch as it is."""
    count, channels, height, width = grad.shape
    h, w = height // scale, width // scale
    cells = grad.reshape(count, channels, h, scale, w, scale).permute(0, 1, 3, 5, 2, 4)
    return cells.reshape(count, channels * scale**2, h, w)


def _response_of(taps: Tensor, response: Tensor, plan: _Plan) -> Tensor:
    """The inverse of `_taps`: the response whose polyphase components these are."""
    s, (ty, tx) = plan.scale, plan.taps
    components = taps.flip(-2, -1).reshape(response.shape[0], s, s, -1, ty, tx).permute(0, 3, 4, 1, 5, 2)
    left, _, top, _ = plan.pad
    kh, kw = response.shape[-2:]
    return components.reshape(*response.shape[:-2], s * ty, s * tx)[..., top : top + kh, left : left + kw].contiguous()


polyphase_filter.register_autograd(_backward, setup_context=_setup_context)
