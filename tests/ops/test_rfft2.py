"""`rfft2` with every library: values, bits, gradients."""

import pytest
import torch

import hyra
from hyra.ops import rfft2, rfft2_adjoint
from tolerances import assert_close

LIBRARIES = list(hyra.fft_library_versions())
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
SHAPES = [(1, 1), (1, 2), (2, 1), (3, 5), (8, 8), (31, 33), (64, 30), (17, 258), (530, 520)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_agrees_with_reference(device, dtype, library, shape):
    x = torch.randn(2, 3, *shape, dtype=dtype, device=device)
    spectrum = rfft2(x, library)
    assert_close(torch.view_as_real(spectrum).cpu(), torch.view_as_real(torch.fft.rfft2(x.cpu())), "rfft2")


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_adjoint_is_the_transpose(device, dtype, library, shape):
    x = torch.randn(3, *shape, dtype=dtype, device=device)
    spectrum = torch.randn_like(torch.fft.rfft2(x))
    out = rfft2_adjoint(spectrum, shape[1], library)
    assert out.dtype == dtype
    wide = x.double().requires_grad_()
    torch.fft.rfft2(wide).backward(spectrum.to(torch.complex128))
    assert_close(out.cpu(), wide.grad.to(dtype).cpu(), "rfft2")


BATCHED = [*SHAPES, (192, 192), (55, 32), (46, 16), (25, 128), (100, 64), (5, 8), (1000, 300)]


@pytest.mark.once
@pytest.mark.parametrize("transform", [rfft2, rfft2_adjoint])
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("shape", BATCHED, ids=str)
def test_batch_equals_loop_and_any_thread_count(use_library, dtype, library, shape, transform):
    x, rest = torch.randn(5, *shape, dtype=dtype), (library,)
    if transform is rfft2_adjoint:
        x, rest = torch.fft.rfft2(x), (shape[1], library)
    batch = transform(x, *rest)
    assert torch.equal(batch, torch.stack([transform(plane, *rest) for plane in x]))
    for count in (1, 3):
        torch.set_num_threads(count)  # the fixture puts it back
        assert torch.equal(batch, transform(x, *rest))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_strides(device, library):
    base = torch.randn(4, 11, 9, device=device)
    for view in (base.mT, base[::2, 1:, ::3], base[:1].expand(3, -1, -1), base[0]):
        spectrum = rfft2(view, library)
        assert spectrum.shape == (*view.shape[:-1], view.shape[-1] // 2 + 1)
        expected = torch.fft.rfft2(view.contiguous())  # torch 2.6 itself refuses an expanded plane
        assert_close(torch.view_as_real(spectrum), torch.view_as_real(expected), "rfft2")
    conjugate = torch.randn(2, 6, 4, dtype=torch.complex64, device=device).conj()
    assert torch.equal(rfft2_adjoint(conjugate, 6, library), rfft2_adjoint(conjugate.resolve_conj(), 6, library))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("shape", [(1, 1), (4, 6), (5, 7)], ids=str)
def test_gradcheck(device, library, shape):
    x = torch.randn(2, *shape, dtype=torch.float64, device=device, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: rfft2(x, library), x)
    assert torch.autograd.gradgradcheck(lambda x: rfft2(x, library), x)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_opcheck(device, dtype, library):
    x = torch.randn(2, 4, 5, dtype=dtype, device=device, requires_grad=True)
    torch.library.opcheck(rfft2, (x, library))
    torch.library.opcheck(rfft2_adjoint, (rfft2(x.detach(), library).requires_grad_(), 5, library))


@pytest.mark.parametrize("library", LIBRARIES)
def test_inference_mode(library):
    with torch.inference_mode():
        spectrum = rfft2(torch.randn(2, 300, 300), library)
        out = rfft2_adjoint(spectrum, 300, library)
    assert torch.equal(out.clone(), rfft2_adjoint(spectrum.clone(), 300, library))
