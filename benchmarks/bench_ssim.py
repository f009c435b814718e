"""SSIM of a pair of images and its gradient, against other libraries and the multiply-adds that the machine can do.

Where the time goes, in one thread with AVX2, sampled: 69 % into the filters, which do 102 multiply-adds where 88 are
counted, for the squares, and transpose once; 18 % into the formula, with a division for each window; 12 % into the
gathering of rows. That is 0.42 of the peak for uint8 and uint16, 0.40 interleaved. float32, 0.37, has four times the
bytes to read: one core takes a tenth of the time to read them and do nothing else, and neither prefetching them evenly
beside the arithmetic, nor narrower tiles, nor leaving out the pivots made it faster.
"""

import numpy as np
import pytest
import torch

import hyra
import peers
from conftest import THREADS

SHAPE = (3, 1356, 2040)
TAPS, FILTERS = 11, 4  # of sum, difference and their squares, along both axes: 88 multiply-adds a value
PATCHES = (16, 3, 192, 192)


def pair(shape):
    target = torch.rand(shape)
    return (target + 0.1 * torch.randn(shape)).clamp(0, 1), target


def agrees(score, expected):
    assert abs(float(score) - float(expected)) <= 1e-6


@pytest.mark.parametrize(
    "contender", ["hyra", "hyra, [H, W, C]", "scikit-image", "OpenCV", "torchmetrics", "pytorch-msssim", "peak"]
)
@pytest.mark.parametrize("bits", [8, 32], ids=["uint8", "float32"])
def bench_ssim(contend, contender, bits, peak):
    if bits == 32 and contender in {"scikit-image", "torchmetrics", "pytorch-msssim"}:
        pytest.skip("they convert integers first: the same seconds as for uint8")
    preds, target = pair(SHAPE)
    white = 1.0
    if bits == 8:
        preds, target, white = (255 * preds).round().byte(), (255 * target).round().byte(), 255.0
    interleaved = [x.permute(1, 2, 0).contiguous().permute(2, 0, 1) for x in (preds, target)]
    multiply_adds = preds.numel() * 2 * TAPS * FILTERS
    per_round = peak(1, THREADS)
    floats = [x.float()[None] for x in (preds, target)]
    contenders = {
        "hyra": lambda: hyra.ssim(preds, target, data_range=white),
        "hyra, [H, W, C]": lambda: hyra.ssim(*interleaved, data_range=white),
        "scikit-image": lambda: peers.ssim_of_skimage(preds.numpy(), target.numpy(), white),
        "OpenCV": lambda: peers.ssim_of_opencv(preds.numpy(), target.numpy(), white),
        "torchmetrics": lambda: peers.ssim_of_torchmetrics(*floats, white),
        "pytorch-msssim": lambda: peers.ssim_of_pytorch_msssim(*floats, white),
        "peak": lambda: peak(multiply_adds // per_round, THREADS),  # as many multiply-adds, nothing else
    }
    name = "x".join(map(str, SHAPE))
    score = contend(f"ssim {name} {'uint8' if bits == 8 else 'float32'}", contender, contenders[contender],
                    multiply_adds=multiply_adds, bytes=2 * preds.nbytes)  # fmt: skip
    if contender == "torchmetrics":
        agrees(score, hyra.ssim(preds, target, form="torchmetrics", data_range=white))
    elif contender != "peak":
        form = "skimage" if contender == "scikit-image" else "matlab"
        agrees(score, hyra.ssim(preds.double(), target.double(), form=form, data_range=white))


@pytest.mark.parametrize("contender", ["hyra", "plain torch", "pytorch-msssim"])
def bench_ssim_loss(contend, contender):
    preds, target = pair(PATCHES)
    preds.requires_grad_()
    loss = hyra.SSIMLoss()

    def step(f):
        preds.grad = None
        f().backward()
        return preds.grad

    contenders = {
        "hyra": lambda: step(lambda: loss(preds, target)),
        "plain torch": lambda: step(lambda: 1 - peers.ssim(preds, target).mean()),
        "pytorch-msssim": lambda: step(lambda: 1 - peers.ssim_of_pytorch_msssim(preds, target, 1.0)),
    }
    job = f"SSIMLoss, forward + backward {'x'.join(map(str, PATCHES))} float32"
    gradient = contend(job, contender, contenders[contender], shape=PATCHES, bytes=2 * preds.nbytes)
    if contender != "hyra":
        expected = contenders["hyra"]()
        torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-3 * expected.abs().max().item())


@pytest.mark.parametrize("contender", ["hyra", "plain torch"])
@pytest.mark.parametrize("side", [32, 64, 128])
def bench_small_ssim(contend, contender, side):
    preds, target = pair((1, 3, side, side))
    contenders = {"hyra": lambda: hyra.ssim(preds, target), "plain torch": lambda: peers.ssim(preds, target)}
    score = contend(f"ssim 1x3x{side}x{side} float32", contender, contenders[contender], bytes=2 * preds.nbytes)
    np.testing.assert_allclose(score, hyra.ssim(preds, target), atol=1e-5)
