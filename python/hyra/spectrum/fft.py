"""Which FFT library transforms an image, and how to choose another."""

from __future__ import annotations

import os
from collections.abc import Sequence

import scipy
import torch
from torch import Tensor

from hyra import ops
from hyra._util import validate
from hyra.ops import transforms

LIBRARIES = ("torch", "scipy", "ducc0")

_forced = "auto"


def set_fft_library(name: str) -> None:
    """Transform with one library from now on, in this process; the environment variable HYRA_FFT sets the start value.

    Args:
        name: ``"torch"``, ``"scipy"``, ``"ducc0"`` (the fastest on awkward sizes; extra `fft`),
            or ``"auto"``: see `fft_library`. On CUDA the library is always torch, that is cuFFT.

    Raises:
        ValueError: `name` is none of these, or not installed.

    Example:
        >>> set_fft_library("scipy")
        >>> fft_library((3, 64, 64), torch.float32, "cpu")
        'scipy'
        >>> set_fft_library("auto")
    """
    global _forced  # noqa: PLW0603 - a setting of the process
    validate.choice("FFT library", name, ("auto", *LIBRARIES))
    if name == "ducc0" and not transforms.HAS_DUCC0:
        raise ValueError("FFT library 'ducc0' is not installed: pip install 'hyra[fft]', or choose 'torch' or 'scipy'")
    _forced = name


def fft_library(shape: Sequence[int], dtype: torch.dtype, device: torch.device | str) -> str:
    """The library that transforms planes of this shape: a pure function of its arguments and of `set_fft_library`.

    ``"auto"`` means, on a CPU: torch for float32 planes of at least 33 columns and up to 2^15 pixels, or 2^20 where
    their sides have no prime factor above 7 (MKL is fastest there), ducc0 where it is installed for all others, else
    scipy.

    Args:
        shape: ``[..., H, W]`` of the image.
        dtype: float32 or float64.
        device: where the image lives.

    Raises:
        ValueError: `shape` has fewer than two extents.

    Example:
        >>> fft_library((3, 512, 512), torch.float32, "cpu")
        'torch'
    """
    if len(shape) < 2:
        raise ValueError(f"shape must be [..., H, W], got {tuple(shape)}")
    if torch.device(device).type != "cpu":
        return "torch"
    if _forced != "auto":
        return _forced
    rows, columns = shape[-2:]
    largest = 1 << 20 if _is_smooth(rows) and _is_smooth(columns) else 1 << 15
    if dtype == torch.float32 and columns > 32 and rows * columns <= largest:
        return "torch"
    return "ducc0" if transforms.HAS_DUCC0 else "scipy"


def fft_library_versions() -> dict[str, str]:
    """Every FFT library that is installed, with its version.

    Example:
        >>> sorted(fft_library_versions())[-2:]
        ['scipy', 'torch']
    """
    versions = {"torch": torch.__version__, "scipy": scipy.__version__}
    if transforms.HAS_DUCC0:
        import ducc0

        versions["ducc0"] = ducc0.__version__
    return versions


def rfft2(x: Tensor) -> Tensor:
    """Unscaled half spectra ``[planes, H, W // 2 + 1]`` of ``[planes, H, W]`` by the library of `fft_library`."""
    library = fft_library(x.shape, x.dtype, x.device)
    if library == "torch" and not x.requires_grad:  # a graph may see torch, and an op takes longer than a small image
        return transforms.forward(x, library)
    spectrum: Tensor = ops.rfft2(x, library)
    return spectrum


def _is_smooth(n: int) -> bool:
    """No prime factor above 7: then n divides a high power of 2 * 3 * 5 * 7."""
    return n > 0 and 210**64 % n == 0


try:
    set_fft_library(os.environ.get("HYRA_FFT") or "auto")
except ValueError as error:
    raise ValueError(f"environment variable HYRA_FFT: {error}") from None
