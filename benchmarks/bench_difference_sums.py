"""What MAE, MSE and PSNR come from: bytes as they are against a copy of them in float32."""

import pytest
import torch

import peers
from hyra.ops import difference_sums

SHAPES = [(1, 3, 1356, 2040), (16, 3, 192, 192)]


@pytest.mark.parametrize("contender", ["hyra", "plain torch", "read both once"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def bench_difference_sums(contend, contender, dtype, shape):
    preds, target = torch.randint(256, (2, *shape)).to(dtype)
    contenders = {
        "hyra": lambda: difference_sums(preds, target),
        "plain torch": lambda: peers.difference_sums(preds.float(), target.float()),
        "read both once": lambda: (preds.view(torch.uint8).max(), target.view(torch.uint8).max()),  # the floor
    }
    job = f"difference_sums {'x'.join(map(str, shape))} {str(dtype).removeprefix('torch.')}"
    result = contend(job, contender, contenders[contender], shape=shape, bytes=2 * preds.nbytes)
    if contender == "plain torch":
        torch.testing.assert_close(torch.stack(result, 1).double(), difference_sums(preds, target), rtol=1e-4, atol=0)
