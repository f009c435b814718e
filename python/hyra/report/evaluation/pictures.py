"""What is seen of one pair of images: both, their difference, and their spectra, as pictures that a page can hold."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hyra.images.colours import luma, unit
from hyra.plots.style import AMPLITUDE
from hyra.spectrum.pictures import log_spectrum

SIDE = 384
"""Pixels along a side of the window of a large image that is shown."""
GAIN = 2.0
"""Contrast of the difference around mid-grey."""

_SPECTRUM = 256
_BLOCK = 16
_DARKEST, _BRIGHTEST = 0.02, 0.9995
"""Quantiles of the reference's spectrum that the ends of the colours stand for."""


@dataclass(frozen=True)
class Window:
    """The part of an image that is shown, in pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Pictures:
    """A pair as data URIs.

    Attributes:
        window: what of the images is shown, as they are stored, pixel by pixel.
        size: width and height of the whole images.
        sr: the prediction.
        hr: the reference.
        difference: prediction minus reference, `GAIN` times, around mid-grey.
        sr_spectrum: amplitude of the luma's spectrum of the whole prediction, zero frequency in the middle.
        hr_spectrum: that of the reference, in the same colours.
    """

    window: Window
    size: tuple[int, int]
    sr: str
    hr: str
    difference: str
    sr_spectrum: str
    hr_spectrum: str

    @property
    def length(self) -> int:
        """Characters that they take in a page."""
        return sum(map(len, (self.sr, self.hr, self.difference, self.sr_spectrum, self.hr_spectrum)))


def pictures(preds: Tensor, target: Tensor) -> Pictures:
    """Of two images ``[3, H, W]`` as they are stored: the window of `SIDE` pixels in which they differ most.

    Small images are shown whole. A reference that was cut to a multiple of the scale to be scored is cut here, too.
    """
    height, width = (min(sizes) for sizes in zip(preds.shape[-2:], target.shape[-2:], strict=True))
    sr, hr = (_visible(image)[:, :height, :width] for image in (preds, target))
    window = _window((sr - hr).square().sum(0))
    rows, columns = slice(window.top, window.top + window.height), slice(window.left, window.left + window.width)
    spectra = _coloured(_spectrum(sr), _spectrum(hr))
    sr, hr = sr[:, rows, columns], hr[:, rows, columns]
    shown = (_jpeg(_bytes(x), quality=93) for x in (sr, hr, 0.5 + GAIN * (sr - hr)))
    return Pictures(window, (width, height), *shown, *(_jpeg(x, quality=80) for x in spectra))


def _visible(image: Tensor) -> Tensor:
    """``[3, H, W]`` float32 in 0..1; what is not finite is black or white."""
    return unit(image).float().nan_to_num(nan=0.0).clamp(0, 1)


def _window(error: Tensor) -> Window:
    """Where the sum over a window of ``[H, W]`` is largest, to the precision of a block."""
    height, width = error.shape
    extent = (min(SIDE, height), min(SIDE, width))
    if extent == (height, width):
        return Window(0, 0, width, height)
    blocks = F.avg_pool2d(error[None], _BLOCK, ceil_mode=True)
    sums = F.avg_pool2d(blocks, [-(-n // _BLOCK) for n in extent], stride=1)[0]
    row, column = divmod(int(sums.argmax()), sums.shape[1])
    top, left = min(row * _BLOCK, height - extent[0]), min(column * _BLOCK, width - extent[1])
    return Window(left, top, extent[1], extent[0])


def _spectrum(image: Tensor) -> Tensor:
    """``[h, w]`` in dB, of means over the frequencies that share a pixel of the picture."""
    power = 10 ** (log_spectrum(luma(image)) / 10)
    longest = max(power.shape[-2:])
    height, width = (max(1, n * min(_SPECTRUM, longest) // longest) for n in power.shape[-2:])
    return 10 * F.adaptive_avg_pool2d(power, (height, width))[0].clamp_min(torch.finfo(power.dtype).tiny).log10()


def _coloured(sr: Tensor, hr: Tensor) -> list[np.ndarray]:
    """Both in the colours of amplitudes, whose ends are those of `hr`."""
    from matplotlib import colormaps

    low, high = (float(torch.quantile(hr.flatten(), q)) for q in (_DARKEST, _BRIGHTEST))
    span = max(high - low, 1e-6)
    return [colormaps[AMPLITUDE](((x - low) / span).clamp(0, 1).numpy(), bytes=True)[..., :3] for x in (sr, hr)]


def _bytes(image: Tensor) -> np.ndarray:
    """``[H, W, 3]`` as 8-bit integers."""
    return (image.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def _jpeg(pixels: np.ndarray, quality: int) -> str:
    """Colours in full resolution; not optimised, since that needs more memory of noise than Pillow sets aside."""
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=quality, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
