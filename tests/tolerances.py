"""The one table of tolerances. A row is what the arithmetic allows, never what makes a test pass."""

import torch

EPSILON = {torch.float32: torch.finfo(torch.float32).eps, torch.float64: torch.finfo(torch.float64).eps}

RELATIVE = {
    # op: {real dtype: largest |native - reference| over the largest |reference|}
    "quadrant_energy": {torch.float32: 1e-13, torch.float64: 1e-13},  # accumulated in float64 for both
    "quadrant_energy.grad": {torch.float32: 1e-6, torch.float64: 1e-13},
    "integral_energy": {torch.float32: 1e-14, torch.float64: 1e-14},  # accumulated in float64 for both
    "integral_energy.checkerboard": {torch.float32: 1e-12, torch.float64: 1e-12},  # terms of 1000 times their sum
    "integral_energy.grad": {torch.float32: 1e-7, torch.float64: 1e-14},  # formed in float64, rounded once
    "scores": {torch.float32: 1e-7, torch.float64: 4e-15},  # a logarithm's last bits
    "difference_sums": {torch.float32: 1e-14, torch.float64: 1e-14},  # accumulated in float64 for both
    "mean_std": {torch.float32: 1e-14, torch.float64: 1e-14},  # accumulated in float64 for both
    # of a mean over the windows, relative to 1: variances of float32, added up in float64; 1e-6 is promised
    "ssim_sums": {torch.float32: 1e-7, torch.float64: 1e-14},
    # sums over a pixel's windows, of terms that cancel where these are flat: 4 / C2 of its distance from their mean
    "ssim_sums.grad": {torch.float32: 4e-6, torch.float64: 1e-14},
    "standardized_difference": {torch.float32: 1e-7, torch.float64: 4e-15},  # rounded once; 1 / std is, too
    "standardize_backward": {torch.float32: 1e-7, torch.float64: 4e-15},  # likewise
    "rfft2": {torch.float32: 1e-6, torch.float64: 2e-15},  # FFT libraries among themselves
    "polyphase_filter": {torch.float32: 2e-6, torch.float64: 4e-15},  # a dot product per pixel, in the input's dtype
    "polyphase_filter.large": {torch.float32: 5e-6, torch.float64: 1e-14},  # one running sum over 4,032 taps
    # products in the type of the spectra, sums in float64
    "radial_moments": {torch.float32: 2e-7, torch.float64: 1e-14},
    "radial_moments.grad": {torch.float32: 1e-7, torch.float64: 1e-15},  # formed in float64, rounded once
    "response_moments": {torch.float32: 1e-13, torch.float64: 1e-13},  # float64 for both
}


def assert_close(
    actual: torch.Tensor, expected: torch.Tensor, op: str, *, arithmetic: torch.dtype | None = None
) -> None:
    """Compare with the row of `op`, relative to the largest expected magnitude; NaN equals NaN, nothing else.

    `arithmetic` is the type that the op worked in, where that is not the type of its result.
    """
    assert actual.shape == expected.shape, f"{op}: shape {tuple(actual.shape)} instead of {tuple(expected.shape)}"
    assert torch.equal(actual.isnan(), expected.isnan()), f"{op}: NaN in different places"
    if actual.numel() == 0:
        return
    bound = RELATIVE[op][arithmetic or expected.dtype.to_real()]
    error = (actual.to(expected.dtype) - expected).abs().nan_to_num().max().item()
    scale = expected.abs().nan_to_num().max().item()
    assert error <= bound * scale, f"{op}: relative error {error / scale if scale else error:.3g} over {bound:.3g}"
