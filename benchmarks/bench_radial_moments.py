"""Radial binning: power and cross power of a pair of spectra per ring, against the usual azimuthal averages."""

import numpy as np
import pytest
import torch

import peers
from hyra.ops import radial_moments
from hyra.ops.radial_moments import _hermitian_weight, _ring_map, ring_count


def numpy_bincount(a: torch.Tensor, b: torch.Tensor, ring: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The usual azimuthal average, with the map of rings and the weights computed beforehand."""
    index, weights = ring.numpy().ravel(), weight.expand_as(ring).numpy().ravel()
    rows = []
    for x, y in zip(a.numpy(), b.numpy(), strict=True):
        cross = x * y.conj()
        values = (np.abs(x) ** 2, np.abs(y) ** 2, cross.real, cross.imag)
        rows.append([np.bincount(index, weights=weights * value.ravel()) for value in values])
    return torch.from_numpy(np.array(rows))


@pytest.mark.parametrize("contender", ["hyra", "numpy bincount", "torch scatter_add", "read once"])
@pytest.mark.parametrize(("planes", "height", "width"), [(3, 1356, 2040), (48, 192, 192)])
def bench_radial_moments(contend, contender, planes, height, width):
    a, b = torch.randn(2, planes, height, width // 2 + 1, dtype=torch.complex64).unbind()
    ring, weight = _ring_map(height, width, a.device), _hermitian_weight(width, a.device)
    rings = ring_count(height, width)
    contenders = {
        "hyra": lambda: radial_moments(a, b, height, width),
        "numpy bincount": lambda: numpy_bincount(a, b, ring, weight),
        "torch scatter_add": lambda: peers.radial_moments(a, b, ring, weight, rings),
        "read once": lambda: (torch.view_as_real(a).sum(), torch.view_as_real(b).sum()),  # the floor
    }
    job = f"radial_moments {planes}x{height}x{width} complex64"
    result = contend(job, contender, contenders[contender], bytes=a.nbytes + b.nbytes, rings=rings)
    if contender.startswith(("numpy", "torch")):
        power_a, power_b, cross, _ = radial_moments(a, b, height, width)
        ours = torch.stack([power_a, power_b, cross.real, cross.imag], dim=1)
        assert (result - ours).abs().max() <= 1e-4 * ours.abs().max()
