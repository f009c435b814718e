"""What FSDS does beside the transforms: the moments of each image, the difference of standardised planes, and back."""

import pytest
import torch

import peers
from hyra.ops import mean_std, standardize_backward, standardized_difference

SHAPES = [(1, 3, 1356, 2040), (16, 3, 192, 192)]


@pytest.mark.parametrize("contender", ["hyra", "torch.std_mean", "read once"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def bench_mean_std(contend, contender, shape):
    images = torch.rand(shape)
    contenders = {
        "hyra": lambda: mean_std(images),
        "torch.std_mean": lambda: torch.std_mean(images, (1, 2, 3)),
        "read once": images.sum,  # the floor: every byte once
    }
    job = f"mean_std {'x'.join(map(str, shape))} float32"
    result = contend(job, contender, contenders[contender], shape=shape, bytes=images.nbytes)
    if contender == "torch.std_mean":
        torch.testing.assert_close(torch.stack(result[::-1], 1).double(), mean_std(images), rtol=1e-4, atol=0)


@pytest.mark.parametrize("contender", ["hyra", "plain torch", "copy"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def bench_standardized_difference(contend, contender, shape):
    images = torch.rand(2, *shape)
    preds, target = images.flatten(1, 2)
    moments = [mean_std(x).repeat_interleave(shape[1], 0) for x in images]
    contenders = {
        "hyra": lambda: standardized_difference(preds, target, *moments, True),
        "plain torch": lambda: torch.cat(peers.standardized_difference(preds, target, *moments)),
        "copy": images.clone,  # the floor: every byte read and as many written
    }
    job = f"standardized_difference {'x'.join(map(str, shape))} float32"
    result = contend(job, contender, contenders[contender], shape=shape, bytes=2 * images.nbytes)
    if contender == "plain torch":
        torch.testing.assert_close(result, contenders["hyra"](), rtol=0, atol=1e-5)


@pytest.mark.parametrize("contender", ["hyra", "plain torch", "two sums and a copy"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def bench_standardize_backward(contend, contender, shape):
    grad, images = torch.rand(2, *shape)
    moments = mean_std(images)
    contenders = {
        "hyra": lambda: standardize_backward(grad, images, moments),
        "plain torch": lambda: peers.standardize_backward(grad, images, moments),
        "two sums and a copy": lambda: (grad.sum(), images.sum(), grad + images),  # the floor: two reads, and a write
    }
    job = f"standardize_backward {'x'.join(map(str, shape))} float32"
    result = contend(job, contender, contenders[contender], shape=shape, bytes=3 * images.nbytes)
    if contender == "plain torch":
        torch.testing.assert_close(result, contenders["hyra"](), rtol=0, atol=1e-5 * result.abs().max().item())
