"""FSDSLoss: its value is -FSDS, its gradient is right, and it goes wherever a loss goes."""

import pytest
import torch
from torch.autograd import gradcheck

import hyra
from hyra import FSDSLoss


@pytest.fixture
def pair():
    return torch.rand(2, 3, 17, 20), torch.rand(2, 3, 17, 20)


@pytest.mark.parametrize("variant", ["paper", "shift_invariant"])
def test_is_minus_fsds(pair, variant):
    expected = -hyra.fsds(*pair, variant=variant, reduction="mean")
    torch.testing.assert_close(FSDSLoss(variant)(*pair), expected, rtol=1e-5, atol=0)
    ratio = FSDSLoss(variant, form="ratio")(*pair)
    torch.testing.assert_close(ratio, (10 ** (-hyra.fsds(*pair, variant=variant) / 10)).mean(), rtol=1e-5, atol=0)


@pytest.mark.parametrize("variant", ["paper", "shift_invariant"])
@pytest.mark.parametrize("form", ["db", "ratio"])
def test_identical_images_are_finite(pair, variant, form):
    preds = pair[0].clone().requires_grad_()
    loss = FSDSLoss(variant, form=form)(preds, pair[0])
    loss.backward()
    assert loss.item() == pytest.approx(-120 if form == "db" else 0)
    assert preds.grad.isfinite().all()


@pytest.mark.parametrize("variant", ["paper", "shift_invariant"])
@pytest.mark.parametrize("size", [(5, 6), (6, 7)], ids=str)
def test_gradcheck(backend, variant, size):
    images = [torch.rand(2, 2, *size, dtype=torch.float64, device=backend.device).requires_grad_() for _ in range(2)]
    assert gradcheck(FSDSLoss(variant), images)


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


@pytest.mark.parametrize("variant", ["paper", "shift_invariant"])
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


def test_torch_func_raises(pair):
    with pytest.raises(RuntimeError, match="functorch"):
        torch.func.grad(FSDSLoss())(*pair)


def test_bad_input(pair):
    with pytest.raises(ValueError, match="variant must be one of"):
        FSDSLoss("radial")
    with pytest.raises(ValueError, match="form must be one of"):
        FSDSLoss(form="log")
    with pytest.raises(ValueError, match="target"):
        FSDSLoss()(pair[0], pair[1][..., :-1])
