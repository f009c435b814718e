"""FSDSLoss: its value is -FSDS, its gradient is right, and it goes wherever a loss goes."""

import os
import subprocess
import sys

import pytest
import torch
from torch.autograd import gradcheck

import backends
import hyra
from hyra import FSDSLoss
from hyra.ops.radial_moments import _hermitian_weight, _ring_map


@pytest.fixture
def pair():
    return torch.rand(2, 3, 17, 20), torch.rand(2, 3, 17, 20)


@pytest.mark.parametrize("variant", ["paper", "shift_invariant", "radial"])
def test_is_minus_fsds(pair, variant):
    expected = -hyra.fsds(*pair, variant=variant, reduction="mean")
    torch.testing.assert_close(FSDSLoss(variant)(*pair), expected, rtol=1e-5, atol=0)
    ratio = FSDSLoss(variant, form="ratio")(*pair)
    torch.testing.assert_close(ratio, (10 ** (-hyra.fsds(*pair, variant=variant) / 10)).mean(), rtol=1e-5, atol=0)


@pytest.mark.parametrize("variant", ["paper", "shift_invariant", "radial"])
@pytest.mark.parametrize("form", ["db", "ratio"])
def test_identical_images_are_finite(pair, variant, form):
    preds = pair[0].clone().requires_grad_()
    loss = FSDSLoss(variant, form=form)(preds, pair[0])
    loss.backward()
    assert loss.item() == pytest.approx(-120 if form == "db" else 0)
    assert preds.grad.isfinite().all()


@pytest.mark.parametrize("variant", ["paper", "shift_invariant", "radial"])
@pytest.mark.parametrize("size", [(3, 4), (4, 5)], ids=str)
def test_gradcheck(backend, variant, size):
    images = [torch.rand(2, 2, *size, dtype=torch.float64, device=backend.device).requires_grad_() for _ in range(2)]
    assert gradcheck(FSDSLoss(variant), images)


@pytest.mark.parametrize("variant", ["paper", "shift_invariant", "radial"])
def test_gradient_of_the_target_alone(monkeypatch, pair, variant):
    monkeypatch.setattr("hyra.scores.planes._GROUP", 1)  # planes by themselves, where no gradient is wanted
    preds, target = (x.requires_grad_() for x in pair)
    for score in (FSDSLoss(variant), lambda *images: hyra.fsds(*images, variant=variant).sum()):
        (expected,) = torch.autograd.grad(score(preds, target), target)
        (alone,) = torch.autograd.grad(score(preds.detach(), target), target)
        assert torch.equal(alone, expected)


@pytest.mark.parametrize("library", ["auto", "torch", "scipy", "ducc0"])
@pytest.mark.parametrize("variant", ["paper", "shift_invariant", "radial"])
@pytest.mark.parametrize("size", [(64, 64), (40, 16), (192, 192)], ids=str)
def test_gradients_are_the_same_on_any_number_of_threads(use_library, library, variant, size, dtype):
    use_library(library)
    preds, target = torch.rand(2, 3, 3, *size, dtype=dtype)
    gradients = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        gradients.append(torch.autograd.grad(FSDSLoss(variant)(preds.requires_grad_(), target), preds)[0])
    assert torch.equal(gradients[0], gradients[1])
    assert torch.equal(gradients[0], gradients[2])


def test_the_paper_variant_trains_the_frame():
    # The share of the gradient's energy in the outermost two pixels of a 64x64 image.
    shares = {}
    for variant in ("paper", "shift_invariant"):
        preds = torch.rand(8, 3, 64, 64).requires_grad_()
        FSDSLoss(variant)(preds, torch.rand(8, 3, 64, 64)).backward()
        energy = preds.grad.square()
        shares[variant] = 1 - (energy[..., 2:-2, 2:-2].sum() / energy.sum()).item()
    assert shares["paper"] > 0.98
    assert shares["shift_invariant"] < 0.2  # the frame has 12 % of the pixels


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_images_and_autocast(pair, dtype):
    expected = FSDSLoss()(*(x.to(dtype).float() for x in pair))
    with torch.autocast("cpu", torch.bfloat16):
        loss = FSDSLoss()(*(x.to(dtype) for x in pair))
    assert loss.dtype == torch.float32
    assert loss.item() == expected.item()


@pytest.mark.parametrize("variant", ["paper", "shift_invariant", "radial"])
def test_compiles_without_graph_breaks_and_once_per_shape(pair, variant):
    torch.compiler.reset()
    loss = FSDSLoss(variant)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    for _ in range(2):
        preds = [pair[0].clone().requires_grad_() for _ in range(2)]
        values = [f(x, pair[1]) for f, x in zip((compiled, loss), preds, strict=True)]
        for value in values:
            value.backward()
        assert values[0].item() == pytest.approx(values[1].item(), rel=1e-6)
        torch.testing.assert_close(preds[0].grad, preds[1].grad)
        with torch.compiler.set_stance("fail_on_recompile"):
            compiled(pair[0].clone().requires_grad_(), pair[1])


def test_forward_mode_raises(pair):
    with pytest.raises(NotImplementedError, match="preds must carry no forward-mode tangent"):
        torch.func.jvp(lambda x: FSDSLoss()(x, pair[1]), (pair[0],), (torch.ones_like(pair[0]),))
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(pair[0], torch.ones_like(pair[0]))
        with pytest.raises(NotImplementedError, match="preds must carry no forward-mode tangent"):
            hyra.fsds(dual, pair[1])


def test_vmap(pair):
    batch = torch.func.vmap(FSDSLoss())(*pair)
    torch.testing.assert_close(batch, torch.stack([FSDSLoss()(*images) for images in zip(*pair, strict=True)]))


def test_derivatives_of_torch_func_raise(pair):
    with pytest.raises(RuntimeError, match="functorch"):
        torch.func.grad(FSDSLoss())(*pair)


def test_bad_input(pair):
    with pytest.raises(ValueError, match="variant must be one of"):
        FSDSLoss("median")
    with pytest.raises(ValueError, match="form must be one of"):
        FSDSLoss(form="log")
    with pytest.raises(ValueError, match="target"):
        FSDSLoss()(pair[0], pair[1][..., :-1])


def test_second_derivatives_raise(pair):
    preds = pair[0].requires_grad_()
    (gradient,) = torch.autograd.grad(FSDSLoss()(preds, pair[1]), preds, create_graph=True)
    with pytest.raises(RuntimeError, match="no autograd formula was registered"):
        gradient.sum().backward()


def plain_energies(variant, preds, target):
    """Of the difference and of the target, from their spectra, by torch's own functions alone."""
    if variant == "radial":
        height, width = 37, 42
        ring, weight = _ring_map(height, width, target.device), _hermitian_weight(width, target.device)
        inside = weight * (ring == torch.arange(ring.max() + 1)[:, None, None])
        below = [(inside * x.abs().square().sum((0, 1))).sum((1, 2)).cumsum(0) for x in (preds, target)]
        return [x.square().sum() for x in (below[0] - below[1], below[1])]
    energies = []
    for x in (preds - target, target):
        middle = (x.shape[-2] + 1) // 2
        quadrants = x[..., :middle, :], x[..., middle:, :].flip(-2)
        if variant == "paper":
            energies.append(sum(q.cumsum(-1).cumsum(-2).abs().square().sum() for q in quadrants))
        else:
            sizes = [(torch.arange(n, 0, -1) for n in q.shape[-2:]) for q in quadrants]
            weights = [rows[:, None] * columns for rows, columns in sizes]
            energies.append(sum((w * q.abs().square()).sum() for w, q in zip(weights, quadrants, strict=True)))
    return energies


@pytest.mark.parametrize("variant", ["paper", "shift_invariant", "radial"])
@pytest.mark.parametrize("library", ["torch", "scipy", "ducc0"])
def test_gradient_is_that_of_the_plain_definition(use_library, library, variant):
    use_library(library)
    preds, target = torch.rand(2, 1, 3, 37, 42, dtype=torch.float64)
    preds.requires_grad_()
    FSDSLoss(variant)(preds, target).backward()
    single, loss = preds.detach().float().requires_grad_(), FSDSLoss(variant)
    loss(single, target.float()).backward()
    reference = preds.detach().clone().requires_grad_()
    z = [(x - x.mean()) / x.std() for x in (reference, target)]
    spectra = [torch.fft.rfft2(torch.nn.functional.pad(x, (0, 0, 0, 1)) if variant == "paper" else x) for x in z]
    difference, total = plain_energies(variant, *spectra)
    (10 * torch.log10(difference / total + 1e-12)).backward()
    scale = reference.grad.abs().max()
    assert (preds.grad - reference.grad).abs().max() <= 1e-12 * scale
    assert (single.grad - reference.grad).abs().max() <= 1e-5 * scale


MEMORY = """
import re, sys, torch, hyra

def peak():  # of this process alone; ru_maxrss would start from that of the parent
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])

def plain(preds, target):  # the paper's algorithm as torch's autograd takes it
    integrals = []
    for x in (preds, target):
        first, second = torch.fft.rfft2((x - x.mean()) / x.std()).chunk(2, dim=-2)
        integrals.append(torch.cat([first.cumsum(-2).cumsum(-1), second.flip(-2).cumsum(-2).cumsum(-1)], -2))
    difference, total = (x.abs().square().sum() for x in (integrals[0] - integrals[1], integrals[1]))
    return 10 * torch.log10(difference / total + 1e-12)

torch.set_num_threads(1)
preds, target = torch.rand(1, 3, 1200, 1600, requires_grad=True), torch.rand(1, 3, 1200, 1600)
loss = plain if sys.argv[1] == "plain" else hyra.FSDSLoss(sys.argv[1])
loss(preds[..., :80, :80], target[..., :80, :80]).sum().backward()
preds.grad = None
before = peak()
loss(preds, target).backward()
print((peak() - before) / (3 * 1200 * 801 * 8 / 1024))
"""


def peak_of_a_training_step(loss):
    """In spectra of the image."""
    # glibc then returns what is freed, so that the peak is that of the blocks in use and not of its heap.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}
    command = [sys.executable, "-c", MEMORY, loss]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)


@backends.native
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.once
def test_peak_memory_of_a_training_step_is_at_most_three_spectra():
    plain = peak_of_a_training_step("plain")
    for variant in ("paper", "shift_invariant", "radial"):
        # One of them is the gradient that is handed out; a tenth of one is what the interpreter allocates besides.
        assert 1 <= peak_of_a_training_step(variant) <= min(3.1, plain / 2)


def _step(network, images):
    FSDSLoss()(network(images[0]), images[1]).backward()
    return [parameter.grad for parameter in network.parameters()]


def _one_of_two_processes(rank, file):
    torch.distributed.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    torch.manual_seed(0)
    network, images = torch.nn.Conv2d(3, 3, 3, padding=1), torch.rand(2, 4, 3, 16, 20)
    expected = [grad.clone() for grad in _step(network, images)]
    network.zero_grad()
    shared = torch.nn.parallel.DistributedDataParallel(network)
    for actual, grad in zip(_step(shared, images[:, rank::2]), expected, strict=True):
        torch.testing.assert_close(actual, grad, rtol=1e-5, atol=1e-6)
    torch.distributed.destroy_process_group()


def test_two_processes_have_the_gradients_of_one_over_the_joint_batch(tmp_path):
    torch.multiprocessing.spawn(_one_of_two_processes, (str(tmp_path / "rendezvous"),), nprocs=2)
