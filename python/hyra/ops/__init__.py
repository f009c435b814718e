"""The kernels as torch ops: schema, plain-torch body, fake, autograd and native registration, one file each."""

from hyra.ops.impulse_batch import impulse_batch
from hyra.ops.polyphase_filter import polyphase_filter
from hyra.ops.quadrant_energy import quadrant_energy, quadrant_energy_backward
from hyra.ops.radial_moments import radial_moments
from hyra.ops.response_moments import response_moments

__all__ = [
    "impulse_batch",
    "polyphase_filter",
    "quadrant_energy",
    "quadrant_energy_backward",
    "radial_moments",
    "response_moments",
]
