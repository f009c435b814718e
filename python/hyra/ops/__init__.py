"""The kernels as torch ops: schema, plain-torch body, fake, autograd and native registration, one file each."""

from hyra.ops.difference_sums import difference_sums
from hyra.ops.impulse_batch import impulse_batch
from hyra.ops.integral_energy import integral_energy, integral_energy_backward
from hyra.ops.mean_std import mean_std
from hyra.ops.polyphase_filter import polyphase_filter
from hyra.ops.quadrant_energy import quadrant_energy, quadrant_energy_backward
from hyra.ops.radial_moments import radial_moments, radial_moments_backward
from hyra.ops.response_moments import response_moments
from hyra.ops.rfft2 import rfft2, rfft2_adjoint
from hyra.ops.ssim_sums import ssim_sums, ssim_sums_backward
from hyra.ops.standardize_backward import standardize_backward
from hyra.ops.standardized_difference import standardized_difference

__all__ = [
    "difference_sums",
    "impulse_batch",
    "integral_energy",
    "integral_energy_backward",
    "mean_std",
    "polyphase_filter",
    "quadrant_energy",
    "quadrant_energy_backward",
    "radial_moments",
    "radial_moments_backward",
    "response_moments",
    "rfft2",
    "rfft2_adjoint",
    "ssim_sums",
    "ssim_sums_backward",
    "standardize_backward",
    "standardized_difference",
]
