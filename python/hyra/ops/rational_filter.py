"""Upsampling by a fraction p/q with one response: H(I) of HyRA between the integers, by the same polyphase filter."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from hyra.ops.boundary import extend
from hyra.ops.polyphase_filter import polyphase_filter


def rational_filter(
    image: Tensor, response: Tensor, scale: Fraction, origin: Sequence[int], boundary: str, size: Sequence[int]
) -> Tensor:
    r"""Zero insertion by p, a response, and each q-th sample of that: a filter of the scale ``p/q``.

    ``out[Y, X] = sum over j, i of image[j, i] * response[q*Y - p*j + oy, q*X - p*i + ox]``. Every linear map whose
    output moves by p pixels where its input moves by q is of this form, since ``q*Y - p*j`` tells apart all pairs
    ``(Y, j)`` that such a shift does not lead to each other.

    No sample that is not kept is computed: the image is split into its ``q x q`` phases, ``image[q*J + a, q*I + b]``,
    which lie p apart in the output, and `polyphase_filter` filters them with ``response[q*t - p*a + oy, ...]`` at the
    integer scale p. Gradients are its own.

    Args:
        image: ``[N, C_in, h, w]``, float32 or float64.
        response: ``[C, kh, kw]`` or ``[C_out, C_in, kh, kw]``, with p samples a LR pixel.
        scale: ``p/q``.
        origin: index of the response that falls on the LR pixel at ``(0, 0)`` for the HR pixel at ``(0, 0)``.
        boundary: as for `polyphase_filter`.
        size: height and width of the output.

    Returns:
        ``[N, C_out, *size]``, the dtype of `image`.

    Example:
        Nearest neighbours at 3/2, whose response is 1 for the HR pixels with their middles in the LR pixel's:

        >>> response = torch.tensor([[[0.0, 1.0, 1.0, 1.0]]])
        >>> image = torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]])
        >>> rational_filter(image, response, Fraction(3, 2), (0, 1), "zeros", (1, 6))[0, 0, 0]
        tensor([1., 1., 2., 3., 3., 4.])
    """
    p, q = scale.numerator, scale.denominator
    planes: Tensor
    axes = [_Axis.of(*of, p, q) for of in zip(response.shape[-2:], origin, size, strict=True)]
    phases = _phases(response, axes, p, q)
    first, count = ((axes[0][i], axes[1][i]) for i in (0, 1))
    extended = extend(image, boundary, (q * first[0], q * first[1]), (q * count[0], q * count[1]))
    shifts = (axes[0].origin, axes[1].origin)
    if response.ndim == 4:
        planes = polyphase_filter(_places(extended, q), phases, p, shifts, "zeros")
    else:  # each colour by itself
        colours = zip(torch.split(extended, 1, 1), phases, strict=True)
        parts = [polyphase_filter(_places(x, q), h[None], p, shifts, "zeros") for x, h in colours]
        planes = torch.cat(parts, 1)
    return planes[..., : size[0], : size[1]]


def _places(image: Tensor, q: int) -> Tensor:
    """``[N, C * q * q, h / q, w / q]``, also of no image, which `F.pixel_unshuffle` leaves as it is."""
    count, channels, height, width = image.shape
    blocks = image.reshape(count, channels, height // q, q, width // q, q)
    return blocks.permute(0, 1, 3, 5, 2, 4).flatten(1, 3)


class _Axis(NamedTuple):
    """Which blocks of q pixels an axis of the output needs, and where the phases of the response lie.

    Attributes:
        first: index of the first block.
        blocks: how many.
        origin: that of every phase of the response, for the first block.
        offset: index of the response where the phase of the first pixel of a block begins.
        taps: length of every phase.
    """

    first: int
    blocks: int
    origin: int
    offset: int
    taps: int

    @classmethod
    def of(cls, length: int, origin: int, size: int, p: int, q: int) -> _Axis:
        # Pixel j meets HR pixel Y where 0 <= q Y - p j + origin < length.
        lowest = -((length - 1 - origin) // p)
        highest = (q * (size - 1) + origin) // p
        first = lowest // q
        blocks = max(highest // q + 1 - first, -(-size // p))
        offset = origin % q
        taps = (length - 1 - offset + p * (q - 1)) // q + 1
        return cls(first, blocks, origin // q - p * first, offset, taps)


def _phases(response: Tensor, axes: Sequence[_Axis], p: int, q: int) -> Tensor:
    """``[C_out, (C_in *) q * q, taps, taps]``: what becomes of a pixel at each place of a block."""
    before = p * (q - 1)
    pad: list[int] = []
    for axis, length in zip(reversed(axes), reversed(response.shape[-2:]), strict=True):
        pad += [before, max(0, axis.offset + q * axis.taps - length)]
    padded = F.pad(response, pad)
    for dim, axis in zip((-2, -1), axes, strict=True):
        places, taps = (torch.arange(n, device=padded.device) for n in (q, axis.taps))
        index = before + axis.offset - p * places[:, None] + q * taps
        picked = padded.index_select(dim, index.flatten())
        padded = torch.unflatten(picked, dim, index.shape)
    # [..., q, taps_y, q, taps_x]
    return padded.movedim(-2, -3).flatten(-4, -3).flatten(1, -3)
