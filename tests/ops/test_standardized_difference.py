"""`standardized_difference` against its reference, and the digits it must not lose."""

import pytest
import torch

from hyra.ops import mean_std, standardized_difference
from tolerances import assert_close

# rows, columns: single, odd, even, around a vector and a block, several blocks of rows
SHAPES = [(1, 1), (1, 2), (2, 1), (3, 2), (31, 33), (32, 16), (5, 257), (129, 65), (300, 70)]


def planes(shape, dtype, device="cpu"):
    """Predictions, target and their moments; every plane its own image."""
    target = torch.rand(shape, dtype=dtype, device=device)
    preds = target + 0.1 * torch.rand(shape, dtype=dtype, device=device)
    moments = [
        torch.stack([x.double().mean((1, 2)), torch.rand(len(x), device=device).double() + 0.5], 1)
        for x in (preds, target)
    ]
    return preds, target, *moments


def reference(*args):
    with standardized_difference.set_kernel_enabled("cpu", enabled=False):
        return standardized_difference(*(x.cpu() if isinstance(x, torch.Tensor) else x for x in args))


@pytest.mark.parametrize("with_target", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_agrees_with_reference(backend, dtype, shape, with_target):
    args = planes((4, *shape), dtype, backend.device)
    out = standardized_difference(*args, with_target)
    assert out.dtype == dtype
    assert_close(out.cpu(), reference(*args, with_target), "standardized_difference")


@pytest.mark.parametrize(("preds_count", "target_count"), [(0, 0), (0, 3), (6, 3), (6, 1), (1, 1)])
def test_targets_repeat(backend, preds_count, target_count):
    preds, target, preds_moments, target_moments = planes((6, 5, 4), torch.float32, backend.device)
    args = preds[:preds_count], target[:target_count], preds_moments[:preds_count], target_moments[:target_count]
    for with_target in (False, True):
        out = standardized_difference(*args, with_target)
        assert_close(out.cpu(), reference(*args, with_target), "standardized_difference")


def test_moments_of_images_of_several_planes(backend):
    preds, target, *moments = planes((6, 5, 4), torch.float32, backend.device)
    out = standardized_difference(preds, target, moments[0][:2], moments[1][:3], True)
    expected = reference(preds, target, moments[0][[0, 0, 0, 1, 1, 1]], moments[1][[0, 0, 1, 1, 2, 2]], True)
    assert_close(out.cpu(), expected, "standardized_difference")


def test_strides(backend, dtype):
    preds, target, *moments = planes((4, 12, 18), dtype, backend.device)
    for view in (lambda x: x.mT, lambda x: x[:, ::2, 1:], lambda x: x[:1].expand(4, -1, -1)):
        out = standardized_difference(view(preds), view(target), *moments, True)
        expected = reference(view(preds).clone(), view(target).clone(), *moments, True)
        assert_close(out.cpu(), expected, "standardized_difference")


def test_equal_planes_give_exactly_zero(backend, dtype):
    # A fused multiply-add rounds one of the two products and not the other: the difference would not vanish.
    preds, _, moments, _ = planes((3, 40, 50), dtype, backend.device)
    assert not standardized_difference(preds, preds.clone(), moments, moments, False).any()


def test_rounded_once(backend):
    # Images that differ by 1e-6: standardised in float32 first, the difference would be wrong by a few per cent.
    target = torch.rand(3, 64, 64)
    preds = target + 1e-6 * torch.rand(3, 64, 64)
    moments = mean_std(preds), mean_std(target)
    images = [x.to(backend.device) for x in (preds, target, *moments)]
    out = standardized_difference(*images, False).cpu()
    exact = standardized_difference(preds.double(), target.double(), *moments, False)
    assert (out - exact).abs().max() <= 2**-24 * exact.abs().max()


def of_images(preds, target, channels, with_target):
    """Through the moments of images of several planes."""
    moments = [mean_std(x.detach().unflatten(0, (-1, channels))) for x in (preds, target)]
    return standardized_difference(preds, target, *moments, with_target)


@pytest.mark.parametrize(("targets", "channels", "with_target"), [(4, 1, True), (4, 2, False), (2, 2, True)])
def test_gradcheck(backend, targets, channels, with_target):
    images = [torch.rand(n, 3, 5, dtype=torch.float64, device=backend.device).requires_grad_() for n in (4, targets)]
    assert torch.autograd.gradcheck(lambda *x: of_images(*x, channels, with_target), images)


def test_opcheck(backend, dtype):
    preds, target, *moments = planes((2, 3, 4), dtype, backend.device)
    images = [preds.requires_grad_(), target.requires_grad_()]
    torch.library.opcheck(standardized_difference, (*images, *moments, True))


def test_refuses_shapes_that_do_not_match(backend):
    preds, target, *moments = planes((4, 3, 5), torch.float32, backend.device)
    with pytest.raises(ValueError, match=r"T must divide P, got T = 3 of target .* and preds"):
        standardized_difference(preds, target[:3], moments[0], moments[1][:3], True)
    with pytest.raises(ValueError, match="N must divide P, got N = 3 of preds_moments"):
        standardized_difference(preds, target, moments[0][:3], moments[1], True)


def test_refuses_moments_with_a_gradient_of_their_own(backend):
    preds, target, *moments = planes((2, 3, 5), torch.float32, backend.device)
    with pytest.raises(ValueError, match="moments must be detached"):
        standardized_difference(preds.requires_grad_(), target, moments[0].requires_grad_(), moments[1], True)
