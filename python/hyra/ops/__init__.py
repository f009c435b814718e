"""The kernels as torch ops: schema, plain-torch body, fake, autograd and native registration, one file each."""

from hyra.ops.quadrant_energy import quadrant_energy

__all__ = ["quadrant_energy"]
