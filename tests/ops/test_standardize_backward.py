"""`standardize_backward` against its reference."""

import pytest
import torch

from hyra.ops import mean_std, standardize_backward
from tolerances import assert_close


# Around a vector and a warp, a block of groups of pixels, a chunk of 4096 pixels, several; an odd size leaves the
# second image at no multiple of 16 bytes.
@pytest.mark.parametrize("shape", [(5,), (33,), (3, 255), (1023,), (1025,), (4095,), (4097,), (3, 129, 130)], ids=str)
def test_agrees_with_reference(backend, dtype, shape):
    images = 3 + torch.randn((3, *shape), dtype=dtype, device=backend.device)
    grad = torch.randn((*shape, 3), dtype=dtype, device=backend.device).movedim(-1, 0)  # no contiguous one
    moments = mean_std(images)
    out = standardize_backward(grad, images, moments)
    with standardize_backward.set_kernel_enabled("cpu", enabled=False):
        expected = standardize_backward(grad.cpu(), images.cpu(), moments.cpu())
    assert_close(out.cpu(), expected, "standardize_backward")
    if backend.name != "reference":
        alone = [standardize_backward(*(x[i : i + 1] for x in (grad, images, moments))) for i in range(3)]
        assert torch.equal(out, torch.cat(alone))


def test_a_constant_image_has_no_gradient(backend):
    images = torch.ones(2, 5000, device=backend.device)
    images[1, 0] = 0
    out = standardize_backward(torch.rand_like(images), images, mean_std(images))
    assert not out[0].isfinite().any()
    assert out[1].isfinite().all()


def test_is_the_gradient_of_standardising(backend):
    images = torch.rand(2, 3, 5, dtype=torch.float64, device=backend.device)
    grad = torch.rand_like(images)
    points = images.clone().requires_grad_()
    mean, std = points.mean((1, 2), keepdim=True), points.std((1, 2), keepdim=True)
    ((points - mean) / std).backward(grad)
    out = standardize_backward(grad, images, mean_std(images))
    torch.testing.assert_close(out, points.grad, rtol=1e-12, atol=1e-13)


def test_number_of_images(backend):
    images = torch.randn(0, 3, 4, device=backend.device)
    assert standardize_backward(images, images, mean_std(images)).shape == (0, 3, 4)


def test_opcheck(backend, dtype):
    grad, images = torch.randn(2, 2, 3, 4, dtype=dtype, device=backend.device)
    torch.library.opcheck(standardize_backward, (grad, images, mean_std(images)))
