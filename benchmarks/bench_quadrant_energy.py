"""The scan of FSDS: one pass over the spectrum against materialised cumulative sums."""

import pytest
import torch

import peers
from hyra.ops import quadrant_energy


@pytest.mark.parametrize("contender", ["hyra", "plain torch", "read once"])
@pytest.mark.parametrize(("planes", "rows", "columns"), [(3, 1356, 1021), (48, 192, 97)])
def bench_integral(contend, contender, planes, rows, columns):
    spectrum = torch.randn(planes, rows, columns, dtype=torch.complex64)
    contenders = {
        "hyra": lambda: quadrant_energy(spectrum, "integral"),
        "plain torch": lambda: peers.quadrant_energy(spectrum),
        "read once": lambda: torch.view_as_real(spectrum).sum(),  # the floor: every byte once
    }
    job = f"quadrant_energy integral {planes}x{rows}x{columns} complex64"
    result = contend(job, contender, contenders[contender], bytes=spectrum.nbytes)
    if contender == "plain torch":
        torch.testing.assert_close(result.double(), quadrant_energy(spectrum, "integral"), rtol=1e-4, atol=0)
