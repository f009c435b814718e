"""The scan of FSDS: one pass over the spectrum against materialised cumulative sums."""

import pytest
import torch

from hyra.ops import quadrant_energy


def plain_torch(spectrum: torch.Tensor) -> torch.Tensor:
    middle = spectrum.shape[-2] // 2
    first = spectrum[:, :middle].cumsum(-2).cumsum(-1)
    second = spectrum[:, middle:].flip(-2).cumsum(-2).cumsum(-1)
    return first.abs().square().sum((-2, -1)) + second.abs().square().sum((-2, -1))


@pytest.mark.parametrize("contender", ["hyra", "plain torch", "read once"])
@pytest.mark.parametrize(("planes", "rows", "columns"), [(3, 1356, 1021), (48, 192, 97)])
def bench_integral(contend, contender, planes, rows, columns):
    spectrum = torch.randn(planes, rows, columns, dtype=torch.complex64)
    contenders = {
        "hyra": lambda: quadrant_energy(spectrum, "integral"),
        "plain torch": lambda: plain_torch(spectrum),
        "read once": lambda: torch.view_as_real(spectrum).sum(),  # the floor: every byte once
    }
    job = f"quadrant_energy integral {planes}x{rows}x{columns} complex64"
    result = contend(job, contender, contenders[contender], bytes=spectrum.nbytes)
    if contender == "plain torch":
        torch.testing.assert_close(result.double(), quadrant_energy(spectrum, "integral"), rtol=1e-4, atol=0)
