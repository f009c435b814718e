"""Polyphase filtering by FFT: what `polyphase_filter` does with responses too large to apply tap by tap."""

from __future__ import annotations

import math

import scipy.fft
import torch
from torch import Tensor

from hyra import _native

DIRECT_LIMIT = 4e9
"""Multiply-adds for one image up to which taps are applied directly, whatever an FFT would cost.

An impulse then reproduces the response bit for bit (a 64 x 64 probe at x4 with a full 3 x 3 matrix takes 2.4e9), and a
pixel that is not finite stays where its taps reach. An FFT spreads both over the image.
"""

FFT_COST = 8.0
"""Multiply-adds in whose time a transform gets through one point, per factor of two of its length; measured once."""


def prefers_fft(pairs: int, phases: int, size: tuple[int, int], taps: tuple[int, int]) -> bool:
    """Whether one image goes through an FFT per phase: by its shape alone, so a batch never changes the bits.

    `pairs` counts the pairs of an output and an input channel that meet.
    """
    direct = pairs * phases * math.prod(size) * math.prod(taps)
    points = math.prod(n + t - 1 for n, t in zip(size, taps, strict=True))
    transforms = 2 * pairs * phases * points * math.log2(points)
    return direct > max(DIRECT_LIMIT, FFT_COST * transforms)


def filter_by_fft(extended: Tensor, weights: Tensor, groups: int, scale: int) -> Tensor:
    """``F.pixel_shuffle(F.conv2d(extended, weights, groups=groups), scale)``, to rounding.

    A circular convolution as large as the extended image wraps around only where nothing is kept. The two dimensions
    are transformed one after the other, since most rows of the taps are zero and not all rows of the result are kept.
    """
    batch, _, *extents = extended.shape
    inputs, *taps = weights.shape[1:]
    h, w = (n - t + 1 for n, t in zip(extents, taps, strict=True))
    rows, columns = scipy.fft.next_fast_len(extents[0]), scipy.fft.next_fast_len(extents[1], real=True)
    spectra = _transform("fft", _transform("rfft", extended, columns, -1), rows, -2)
    out = extended.new_empty((batch, weights.shape[0] // scale**2, h, scale, w, scale))
    for channel, kernels in enumerate(weights.flip(-2, -1).split(scale**2)):
        responses = _transform("fft", _transform("rfft", kernels, columns, -1), rows, -2)
        product = torch.empty_like(responses[:, 0])
        for item in range(batch):
            sources = spectra[item] if groups == 1 else spectra[item, channel : channel + 1]
            torch.mul(sources[0], responses[:, 0], out=product)
            for i in range(1, inputs):
                product.addcmul_(sources[i], responses[:, i])
            kept = _transform("ifft", product, rows, -2)[:, taps[0] - 1 : taps[0] - 1 + h]
            planes = _transform("irfft", kept, columns, -1)[..., taps[1] - 1 : taps[1] - 1 + w]
            out[item, channel] = planes.reshape(scale, scale, h, w).permute(2, 0, 3, 1)
    return out.reshape(batch, -1, h * scale, w * scale)


def _transform(name: str, x: Tensor, n: int, dim: int) -> Tensor:
    """One of the transforms of `torch.fft`, of a tensor that is not needed afterwards; on a CPU by scipy's pocketfft.

    Lengths here are seldom powers of two, where pocketfft is twice as fast as MKL.
    """
    if _native.backend(x) == "cuda":
        transformed: Tensor = getattr(torch.fft, name)(x, n, dim=dim)
        return transformed
    return torch.from_numpy(getattr(scipy.fft, name)(x.numpy(), n, dim, overwrite_x=True, workers=_native.threads()))
