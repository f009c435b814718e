"""Polyphase filtering by FFT: what `polyphase_filter` does with responses too large to apply tap by tap."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import scipy
import torch
from torch import Tensor

from hyra._native import kernels, threads

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


def filter_by_fft(extended: Tensor, weights: Tensor, scale: int) -> Tensor:
    """``F.pixel_shuffle(F.conv2d(extended, weights, groups=...), scale)``, to rounding.

    On a CPU by scipy's pocketfft: lengths here are seldom powers of two, where it is twice as fast as MKL.
    """
    batch, _, *extents = extended.shape
    h, w = (n - t + 1 for n, t in zip(extents, weights.shape[-2:], strict=True))
    channels = weights.shape[0] // scale**2
    out = extended.new_empty((batch, channels, h, scale, w, scale))
    flipped = weights.flip(-2, -1)
    if batch == 0:  # no library is asked to transform nothing
        return out.view(batch, channels, h * scale, w * scale)
    if kernels.backend(extended) == "cuda":
        _filter(out, extended, flipped, torch, torch.fft)
    else:
        # NumPy all through: torch's threads, still spinning after an operation, would stand in the way of scipy's.
        with scipy.fft.set_workers(threads.count()):
            _filter(out.numpy(), extended.numpy(), flipped.numpy(), np, scipy.fft)
    return out.view(batch, channels, h * scale, w * scale)


def _filter(out: Any, extended: Any, kernels: Any, xp: ModuleType, fft: ModuleType) -> None:
    """With tensors and `torch`, or with arrays and `numpy`: the same words in both.

    A circular convolution as large as the extended image wraps around only where nothing is kept. The two dimensions
    are transformed one after the other, since most rows of the taps are zero and not all rows of the result are kept.
    """
    batch, channels, h, scale, w, _ = out.shape
    inputs, *taps = kernels.shape[1:]
    rows, columns = scipy.fft.next_fast_len(extended.shape[-2]), scipy.fft.next_fast_len(extended.shape[-1], real=True)
    spectra = fft.fft(fft.rfft(extended, columns, -1), rows, -2)
    for channel in range(channels):
        own = kernels[channel * scale**2 : (channel + 1) * scale**2]
        responses = fft.fft(fft.rfft(own, columns, -1), rows, -2)
        product = xp.empty_like(responses[:, 0])
        for item in range(batch):
            sources = spectra[item] if inputs == len(spectra[item]) else spectra[item, channel : channel + 1]
            xp.multiply(sources[0], responses[:, 0], out=product)
            for i in range(1, inputs):
                product += sources[i] * responses[:, i]
            kept = fft.ifft(product, rows, -2)[:, taps[0] - 1 : taps[0] - 1 + h]
            planes = fft.irfft(kept, columns, -1)[..., taps[1] - 1 : taps[1] - 1 + w]
            out[item, channel] = xp.moveaxis(planes.reshape(scale, scale, h, w), (0, 1), (1, 3))
