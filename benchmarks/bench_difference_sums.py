"""What MAE, MSE and PSNR come from, of images as they are, against plain torch, which takes integers in float32.

Beside the kernel stand two maxima, which read both images once. Of small images the way to the kernel is what counts:
of a score of 1x3x32x32 the kernel is a thirtieth. A fifth is the one look at the images that says that nothing watches
the call and a check has passed them before, two fifths the way on to the kernel, the rest a tensor for the result.
Plain torch, whose three operations check nothing, takes less than half of that, and of 1x3x256x256 as long.
"""

import pytest
import torch

import hyra
import peers
from hyra.ops import difference_sums

SHAPES = [(1, 3, 32, 32), (1, 3, 64, 64), (1, 3, 128, 128), (1, 3, 256, 256), (16, 3, 192, 192), (1, 3, 1356, 2040)]
LAYOUTS = {"planar": [torch.uint8, torch.uint16, torch.float32, torch.float64], "interleaved": peers.WHITE}
IMAGES = [(layout, dtype) for layout, dtypes in LAYOUTS.items() for dtype in dtypes]


def pair(shape, dtype, layout="planar"):
    images = torch.randint(256, (2, *shape)).to(dtype)
    return images.movedim(2, -1).contiguous().movedim(-1, 2) if layout == "interleaved" else images


def named(job, shape, dtype, layout="planar"):
    words = [job, "x".join(map(str, shape)), str(dtype).removeprefix("torch.")]
    return " ".join(words + [layout] * (layout != "planar"))


@pytest.mark.parametrize("contender", ["hyra", "plain torch", "read both once"])
@pytest.mark.parametrize(("layout", "dtype"), IMAGES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def bench_difference_sums(contend, contender, shape, layout, dtype):
    preds, target = pair(shape, dtype, layout)
    real = dtype if dtype.is_floating_point else torch.float32
    bytes_of = [x.permute(0, 2, 3, 1) if layout == "interleaved" else x for x in (preds, target)]
    contenders = {
        "hyra": lambda: difference_sums(preds, target),
        "plain torch": lambda: peers.difference_sums(preds.to(real), target.to(real)),
        "read both once": lambda: [x.view(torch.uint8).max() for x in bytes_of],  # the floor
    }
    job = named("difference_sums", shape, dtype, layout)
    result = contend(job, contender, contenders[contender], shape=shape, bytes=2 * preds.nbytes)
    if contender == "plain torch":
        torch.testing.assert_close(torch.stack(result, 1).double(), difference_sums(preds, target), rtol=1e-4, atol=0)


@pytest.mark.parametrize("contender", ["hyra", "plain torch"])
@pytest.mark.parametrize("score", ["psnr", "mae", "mse"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def bench_scores(contend, contender, shape, dtype, score):
    preds, target = pair(shape, dtype)
    white = peers.WHITE.get(dtype, 1)
    ours, peer = getattr(hyra, score), getattr(peers, score)
    contenders = {
        "hyra": lambda: ours(preds, target),
        "plain torch": lambda: peer(preds.float(), target.float(), white),
    }
    result = contend(named(score, shape, dtype), contender, contenders[contender], bytes=2 * preds.nbytes)
    if contender == "plain torch":
        torch.testing.assert_close(result.double(), ours(preds, target).double(), rtol=1e-5, atol=0)
