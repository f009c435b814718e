"""FSDS, its reference for many predictions, and the loss, against the paper's algorithm written plainly in torch."""

import pytest
import torch

import hyra
import peers
from hyra.spectrum import fft

SHAPES = [(1, 3, 1356, 2040), (1, 3, 512, 512), (16, 3, 192, 192), (1, 3, 64, 64), (1, 3, 32, 32)]
MORE_SHAPES = [(1, 3, n, n) for n in (96, 113, 128, 256, 1000, 1024, 2048)]
PREDICTIONS = 20
PEERS = {"paper": peers.fsds, "shift_invariant": peers.shift_invariant_fsds}


def pair(shape):
    target = torch.rand(shape)
    return target + 0.1 * torch.rand(shape), target


def ffts_alone(preds, target):
    return [fft.rfft2(x.flatten(0, 1)) for x in (preds, target)]


@pytest.fixture
def use_library():
    yield hyra.set_fft_library
    hyra.set_fft_library("auto")


def score(contend, job, contender, variant, images, **extra):
    preds, target = images
    contenders = {
        "hyra": lambda: hyra.fsds(preds, target, variant=variant),
        "the FFTs of both images": lambda: ffts_alone(preds, target),
        "plain torch": lambda: PEERS[variant](preds, target),
    }
    result = contend(job, contender, contenders[contender], bytes=2 * preds.nbytes, **extra)
    if contender == "plain torch":
        torch.testing.assert_close(result, contenders["hyra"](), rtol=0, atol=1e-2)


@pytest.mark.parametrize("contender", ["hyra", "the FFTs of both images", "plain torch"])
@pytest.mark.parametrize("shape", [*SHAPES, *MORE_SHAPES], ids=str)
def bench_paper(contend, contender, shape):
    job = f"fsds paper {'x'.join(map(str, shape))} float32"
    score(contend, job, contender, "paper", pair(shape), shape=shape)


def bytes_pair(interleaved):
    """Two images 3x1356x2040 of bytes, as views of ``[H, W, 3]`` if `interleaved`, as decoders leave them."""
    target = torch.randint(256, (1356, 2040, 3))
    preds = (target + torch.randint(-9, 10, target.shape)).clamp(0, 255)
    views = [x.to(torch.uint8).permute(2, 0, 1) for x in (preds, target)]
    return views if interleaved else [x.contiguous() for x in views]


@pytest.mark.parametrize("contender", ["hyra", "hyra, of copies in float32", "hyra, copied before"])
@pytest.mark.parametrize("interleaved", [False, True], ids=["planar", "interleaved"])
def bench_paper_of_bytes(contend, contender, interleaved):
    preds, target = bytes_pair(interleaved)
    copies = [x.float().contiguous() for x in (preds, target)]
    contenders = {
        "hyra": lambda: hyra.fsds(preds, target),
        "hyra, of copies in float32": lambda: hyra.fsds(preds.float(), target.float()),
        "hyra, copied before": lambda: hyra.fsds(*copies),
    }
    job = f"fsds paper 3x1356x2040 uint8, {'interleaved' if interleaved else 'planar'}"
    result = contend(job, contender, contenders[contender], bytes=2 * preds.nbytes)
    torch.testing.assert_close(result.double(), contenders["hyra"](), rtol=0, atol=1e-5)


@pytest.mark.parametrize("contender", ["hyra", "the FFTs of both images", "plain torch"])
@pytest.mark.parametrize("library", ["auto", *hyra.fft_library_versions()])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def bench_shift_invariant(contend, use_library, library, contender, shape):
    use_library(library)
    job = f"fsds shift_invariant {'x'.join(map(str, shape))} float32, FFT {library}"
    chosen = hyra.fft_library(shape, torch.float32, "cpu")
    score(contend, job, contender, "shift_invariant", pair(shape), shape=shape, fft=chosen)


@pytest.mark.parametrize("contender", ["hyra", "plain torch"])
def bench_reference(contend, contender):
    target = torch.rand(1, 3, 1356, 2040)
    preds = target + 0.1 * torch.rand(PREDICTIONS, 3, 1356, 2040)
    reference = hyra.FSDSReference(target[0])
    contenders = {
        "hyra": lambda: reference(preds),
        "plain torch": lambda: [peers.fsds(one[None], target) for one in preds],
    }
    job = f"FSDSReference {PREDICTIONS} x 3x1356x2040 float32, the target prepared"
    contend(job, contender, contenders[contender], bytes=preds.nbytes)


@pytest.mark.parametrize("contender", ["hyra", "variant paper"])
def bench_radial(contend, contender):
    preds, target = pair((1, 3, 1356, 2040))
    contenders = {
        "hyra": lambda: hyra.fsds(preds, target, variant="radial"),
        "variant paper": lambda: hyra.fsds(preds, target),
    }
    contend("fsds radial 1x3x1356x2040 float32", contender, contenders[contender], bytes=2 * preds.nbytes)


@pytest.mark.parametrize("contender", ["hyra", "plain torch"])
@pytest.mark.parametrize("variant", PEERS)
@pytest.mark.parametrize("shape", [(1, 3, 1356, 2040), (16, 3, 192, 192)], ids=str)
def bench_loss(contend, contender, shape, variant):
    preds, target = pair(shape)
    preds.requires_grad_()
    loss = hyra.FSDSLoss(variant)

    def step(f):
        preds.grad = None
        f().backward()
        return preds.grad

    contenders = {
        "hyra": lambda: step(lambda: loss(preds, target)),
        "plain torch": lambda: step(lambda: -PEERS[variant](preds, target).mean()),
    }
    job = f"FSDSLoss {variant}, forward + backward {'x'.join(map(str, shape))} float32"
    gradient = contend(job, contender, contenders[contender], shape=shape, bytes=2 * preds.nbytes)
    if contender == "plain torch":
        torch.testing.assert_close(gradient, contenders["hyra"](), rtol=0, atol=1e-3 * gradient.abs().max().item())
