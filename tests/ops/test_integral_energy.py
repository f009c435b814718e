"""`integral_energy` against its reference, and the facts that define it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import backends
from hyra.ops import integral_energy, integral_energy_backward, mean_std
from hyra.ops.integral_energy import _Planes, image_scores
from hyra.ops.integral_form import integral_form
from tolerances import assert_close

# rows, columns: single, odd, even, beside the vector width; one band of rows, one tile of columns and several
SHAPES = [
    (1, 1), (1, 5), (2, 1), (2, 2), (3, 2), (127, 64), (128, 65), (129, 257), (300, 33), (5, 1030),
]  # fmt: skip


def images(planes, targets, size, *, dtype=torch.float32, device="cpu"):
    """Predictions, targets and their moments; these need not fit."""
    preds, target = (torch.randn((count, *size), dtype=dtype, device=device) for count in (planes, targets))
    moments = (0.5 + torch.rand(count, 2, dtype=torch.float64, device=device) for count in (planes, targets))
    return preds, target, *moments


def as_they_are(planes):
    """The arguments that measure planes by themselves."""
    moments = torch.tensor([0.0, 1.0], device=planes.device).expand(len(planes), 2)
    return planes[:0], planes, moments[:0], moments, True


def reference(*args):
    with integral_energy.set_kernel_enabled("cpu", enabled=False):
        return integral_energy(*(x.cpu() if isinstance(x, torch.Tensor) else x for x in args))


def reference_gradient(planes, grad):
    with integral_energy_backward.set_kernel_enabled("cpu", enabled=False):
        return integral_energy_backward(planes.cpu(), grad.cpu())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_agrees_with_reference(backend, dtype, shape):
    args = images(1, 1, shape, dtype=dtype, device=backend.device)
    energy = integral_energy(*args, True)
    assert energy.dtype == torch.float64
    assert_close(energy.cpu(), reference(*args, True), "integral_energy")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradient_agrees_with_reference(backend, dtype, shape):
    planes = torch.randn(1, *shape, dtype=dtype, device=backend.device)
    grad = torch.randn(1, dtype=torch.float64, device=backend.device)
    gradient = integral_energy_backward(planes, grad)
    assert gradient.dtype == dtype
    assert_close(gradient.cpu(), reference_gradient(planes, grad), "integral_energy.grad")


@pytest.mark.parametrize("with_target", [True, False])
@pytest.mark.parametrize(("planes", "targets"), [(0, 0), (0, 3), (6, 3), (6, 1), (1, 1)])
def test_targets_repeat(backend, planes, targets, with_target):
    args = images(planes, targets, (6, 5), device=backend.device)
    assert_close(integral_energy(*args, with_target).cpu(), reference(*args, with_target), "integral_energy")


@pytest.mark.parametrize("planes", [0, 7])
def test_gradient_of_any_number_of_planes(backend, planes):
    args = torch.randn(planes, 6, 5, device=backend.device), torch.ones(planes, device=backend.device)
    assert_close(integral_energy_backward(*args).cpu(), reference_gradient(*args), "integral_energy.grad")


def test_strides_and_lazy_bits(backend, dtype):
    preds, target, *moments = images(4, 4, (11, 9), dtype=dtype, device=backend.device)
    negated = torch.complex(preds, preds).conj().imag
    assert negated.is_neg()
    views = ((preds.mT, target.mT), (preds[:, ::2, 1:], target[:, ::2, 1:]), (preds[:1].expand(4, -1, -1), negated))
    for x, y in views:
        expected = reference(x.clone(), y.clone(), *moments, True)
        assert_close(integral_energy(x, y, *moments, True).cpu(), expected, "integral_energy")


@pytest.mark.parametrize("size", [(4, 6), (3, 5), (1, 1)], ids=str)
def test_worked_example_from_numpy(backend, dtype, size):
    # Formed in NumPy with explicit loops over the definition, a row of zeros under an odd height.
    target = np.arange(size[0] * size[1], dtype=np.float64).reshape(size) ** 2 % 7
    preds = target[::-1, ::-1] + 1
    z = (preds - 2.0) / 0.5 - (target - 3.0) / 4.0
    X = np.fft.rfft2(np.pad(z, ((0, size[0] % 2), (0, 0))))
    half = len(X) // 2
    energy = 0.0
    for rows in (range(half), range(2 * half - 1, half - 1, -1)):
        for i in range(half):
            for j in range(X.shape[1]):
                energy += abs(sum(X[rows[m], n] for m in range(i + 1) for n in range(j + 1))) ** 2
    planes = [torch.from_numpy(x.copy())[None].to(dtype).to(backend.device) for x in (preds, target)]
    moments = torch.tensor([[2.0, 0.5]], device=backend.device), torch.tensor([[3.0, 4.0]], device=backend.device)
    assert integral_energy(*planes, *moments, False).item() == pytest.approx(energy, rel=1e-13)


def test_equal_planes_give_exactly_zero(backend, dtype):
    preds, _, moments, _ = images(3, 1, (40, 50), dtype=dtype, device=backend.device)
    assert not integral_energy(preds, preds.clone(), moments, moments, False).any()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 150), st.integers(1, 40), st.floats(-8, 8))
def test_is_a_quadratic_form(rows, columns, exponent):
    planes = torch.randn(2, rows, columns, dtype=torch.float64)
    energy = integral_energy(*as_they_are(planes))
    scaled = integral_energy(*as_they_are(planes * 10.0**exponent))
    assert_close(scaled, energy * 10.0 ** (2 * exponent), "integral_energy")
    gradient = integral_energy_backward(planes, torch.ones(2))
    assert_close((gradient * planes).sum((1, 2)), 2 * energy, "integral_energy")


@pytest.mark.parametrize("size", [(256, 256), (95, 161)], ids=str)
def test_checkerboard(backend, dtype, size):
    # The worst that we know: its spectrum lies where the weights are least, and the terms cancel.
    y, x = (torch.arange(n, device=backend.device) for n in size)
    args = as_they_are((1 - (y[:, None] + x) % 2 * 2).to(dtype)[None])
    assert_close(integral_energy(*args).cpu(), reference(*args), "integral_energy.checkerboard")


def test_batch_equals_loop_and_any_thread_count(backend):
    args = images(5, 5, (130, 131), device=backend.device)  # the planes are aligned each in another way
    grad = torch.randn(5, dtype=torch.float64, device=backend.device)
    energy, gradient = integral_energy(*args, False), integral_energy_backward(args[0], grad)
    loop = [integral_energy(*one, False) for one in zip(*(x.split(1) for x in args), strict=True)]
    assert torch.equal(energy, torch.cat(loop))
    loop = [integral_energy_backward(*one) for one in zip(args[0].split(1), grad.split(1), strict=True)]
    assert torch.equal(gradient, torch.cat(loop))
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            assert torch.equal(energy, integral_energy(*args, False))
            assert torch.equal(gradient, integral_energy_backward(args[0], grad))
    finally:
        torch.set_num_threads(threads)


def test_a_bad_pixel_spoils_its_own_plane_alone(backend):
    planes = torch.randn(3, 130, 40, device=backend.device)
    planes[1, 129, 39] = torch.nan
    assert integral_energy(*as_they_are(planes)).isnan().tolist() == [False, True, False]
    gradient = integral_energy_backward(planes, torch.ones(3, device=backend.device))
    assert gradient.isnan().flatten(1).any(1).tolist() == [False, True, False]


@pytest.mark.parametrize("size", [(1, 1), (3, 4), (4, 3)], ids=str)
def test_gradcheck(backend, size):
    def of_images(*planes):  # of two planes each, through their moments
        moments = (mean_std(x.detach().unflatten(0, (-1, 2))) for x in planes)
        return integral_energy(*planes, *moments, True)

    planes = [x.requires_grad_() for x in images(4, 2, size, dtype=torch.float64, device=backend.device)[:2]]
    assert torch.autograd.gradcheck(of_images, planes)


def test_opcheck(backend, dtype):
    args = images(2, 1, (5, 4), dtype=dtype, device=backend.device)
    torch.library.opcheck(integral_energy, (*(x.requires_grad_() for x in args[:2]), *args[2:], True))
    grad = torch.randn(2, dtype=torch.float64, device=backend.device)
    torch.library.opcheck(integral_energy_backward, (args[0].detach(), grad))


@pytest.mark.parametrize("pixels", [torch.uint8, torch.uint16], ids=str)
@pytest.mark.parametrize("size", [(5, 6), (131, 97), (130, 33)], ids=str)
def test_integers_are_read_as_they_are(backend, pixels, size):
    """The bits of float64 planes of the same values; planar, interleaved and cropped."""
    whole = torch.randint(torch.iinfo(pixels).max + 1, (2, size[0] + 3, size[1] + 4, 3), device=backend.device)
    preds, target = whole.to(pixels)
    moments = [mean_std(x.double()[None]) for x in (preds, target)]
    interleaved = [x.permute(2, 0, 1)[:, 2:-1, 1:-3] for x in (preds, target)]
    planar = [x.contiguous() for x in interleaved]
    expected = integral_energy(*(x.double() for x in planar), *moments, True)
    cropped = [x.permute(2, 0, 1).contiguous()[:, 2:-1, 1:-3] for x in (preds, target)]
    for p, t in (planar, interleaved, cropped, (planar[0], interleaved[1]), (interleaved[0], cropped[1])):
        assert torch.equal(integral_energy(p, t, *moments, True), expected)
        assert torch.equal(integral_energy(p[:0], t, moments[0][:0], moments[1], True), expected[3:])


def test_refuses_shapes_that_do_not_match(backend):
    preds, target, *moments = images(4, 4, (3, 5), device=backend.device)
    with pytest.raises(ValueError, match="T must divide P, got T = 3 "):
        integral_energy(preds, target[:3], moments[0], moments[1][:3], True)


@backends.native
def test_every_backend_is_really_used(backend):
    calls = []
    module = backends.MODULES[backend.device.type]
    kernel = module.integral_energy
    module.integral_energy = lambda *args: (calls.append(args), kernel(*args))
    try:
        integral_energy(*images(1, 1, (4, 3), device=backend.device), True)
    finally:
        module.integral_energy = kernel
    assert bool(calls) == (backend.name != "reference")


@pytest.fixture
def gpu(backend):
    """The backends of GPUs."""
    if backend.name not in ("cuda_on_cpu", "cuda"):
        pytest.skip("of GPUs alone")
    return backend


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (5, 7), (8, 6), (31, 16), (200, 251)], ids=str)
def test_tables_of_a_gpu_are_those_of_the_formulas(gpu, size):
    planes = torch.rand(1, *size, device=gpu.device)
    moments = torch.ones(1, 2, device=gpu.device)
    called = _Planes(planes[:0], planes, moments[:0], moments, with_target=True)
    called.call(called.new(), None)
    form, expected = called.form, integral_form(*size)
    assert form.features == expected.features
    shared = len(expected.tables)
    tables, scale = form.tables.cpu(), expected.tables.abs().clamp(min=1)
    assert_close(tables[:shared] / scale, expected.tables / scale, "integral_energy")
    assert torch.equal(form.weights.cpu(), expected.weights)
    turns = torch.polar(torch.ones(1).double(), -2 * torch.pi * torch.arange(size[1]).double() / size[1])
    first = shared + 1  # even: loads take two numbers
    assert_close(tables[first:].view(-1, 2), torch.view_as_real(turns), "integral_energy")


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 12, 16, 35, 67, 96, 251, 360, 1021, 1031])
def test_lines_of_any_length(gpu, columns):
    # A prime, a square, and lengths whose frequencies are no multiple of what a thread or a block takes together.
    args = images(1, 1, (2, columns), device=gpu.device)
    assert_close(integral_energy(*args, True).cpu(), reference(*args, True), "integral_energy")


@pytest.mark.parametrize(
    ("columns", "itself"), [(1, True), (1021, True), (1031, False), (2040, True), (4096, True), (8192, False)]
)
def test_a_gpu_leaves_dear_lines_to_a_transform(gpu, columns, itself):
    planes, moments = torch.ones(1, 1, columns, device=gpu.device), torch.ones(1, 2, device=gpu.device)
    assert _Planes(planes[:0], planes, moments[:0], moments, with_target=True).with_lines == itself


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8])
@pytest.mark.parametrize(
    "shape",
    [(0, 3, 8, 9), (1, 1, 1, 5), (2, 3, 17, 20), (2, 35, 3, 4), (1, 2, 130, 13), (0, 2, 2, 1031), (2, 2, 3, 1031)],
    ids=str,
)
def test_scores_of_images(gpu, dtype, shape):
    preds, target = (x.to(gpu.device) for x in (255 * torch.rand(2, *shape)).to(dtype))
    moments = mean_std(preds), mean_std(target)
    planes = preds.flatten(0, 1), target.flatten(0, 1)
    energies = integral_energy(*planes, *moments, True).view(2, *shape[:2]).sum(2)
    expected = -10 * torch.log10(energies[0] / energies[1])
    for wanted in (torch.float32, torch.float64):
        scores = image_scores(*planes, *moments, wanted)
        assert scores.dtype == wanted
        assert_close(scores.cpu(), expected.to(wanted).cpu(), "scores")


def test_scores_of_identical_and_of_constant_images(gpu):
    image = torch.rand(2, 3, 9, 8, device=gpu.device)
    constant = torch.ones_like(image)
    of_identical, of_constant = (
        image_scores(image.flatten(0, 1), target.flatten(0, 1), mean_std(image), mean_std(target), image.dtype)
        for target in (image, constant)
    )
    assert of_identical.tolist() == [torch.inf, torch.inf]
    assert of_constant.isnan().all()
