"""`polyphase_filter` against its reference, the definition written as loops, and the filters that it must equal."""

import functools
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import backends
from hyra.ops import polyphase_filter
from hyra.ops.polyphase_fft import filter_by_fft, prefers_fft
from tolerances import RELATIVE, assert_close

BOUNDARIES = ["zeros", "replicate", "reflect", "circular"]
# image (N, C, h, w), response (its channels first), scale, origin
CASES = [
    ((1, 1, 1, 1), (1, 1, 1), 1, (0, 0)),
    ((1, 2, 1, 1), (2, 9, 7), 2, (4, 3)),
    ((2, 3, 5, 7), (3, 8, 8), 2, (4, 4)),
    ((1, 2, 31, 33), (2, 11, 5), 3, (5, 2)),
    ((1, 1, 9, 70), (1, 44, 44), 4, (20, 20)),
    ((2, 2, 4, 5), (2, 33, 20), 4, (16, 8)),
    ((1, 2, 6, 40), (3, 2, 12, 15), 2, (6, 7)),
    ((2, 3, 13, 17), (3, 3, 10, 10), 5, (3, 9)),
    ((1, 1, 12, 19), (2, 1, 7, 6), 7, (-3, 14)),
    ((1, 3, 26, 35), (1, 3, 6, 6), 1, (0, 5)),
    ((1, 1, 3, 66), (1, 5, 13), 6, (30, -25)),
    ((3, 1, 50, 3), (1, 12, 24), 8, (8, 8)),
    # more taps than a GPU block holds at a time, on one axis alone
    ((1, 1, 6, 5), (1, 37, 5), 1, (20, 2)),
    ((1, 1, 5, 6), (1, 5, 37), 1, (2, 20)),
]


def random_case(case, dtype, device="cpu"):
    image, response, scale, origin = case
    return (
        torch.randn(image, dtype=dtype, device=device),
        torch.randn(response, dtype=dtype, device=device),
        scale,
        origin,
    )


def reference(image, response, scale, origin, boundary):
    with polyphase_filter.set_kernel_enabled("cpu", enabled=False):
        return polyphase_filter(image.cpu(), response.cpu(), scale, origin, boundary)


def by_definition(image, response, scale, origin, boundary):
    """One LR channel through one response, as loops over the definition; NumPy's padding is the boundary."""
    (h, w), (kh, kw) = image.shape, response.shape
    mode = {"zeros": "constant", "replicate": "edge", "reflect": "reflect", "circular": "wrap"}[boundary]
    margin = max(kh, kw) // scale + max(abs(o) for o in origin) // scale + 2
    extended = np.pad(image, margin, mode=mode)
    out = np.zeros((scale * h, scale * w))
    Y, X = np.indices(out.shape)
    for j, i in np.ndindex(*extended.shape):
        y, x = Y - scale * (j - margin) + origin[0], X - scale * (i - margin) + origin[1]
        inside = (y >= 0) & (y < kh) & (x >= 0) & (x < kw)
        out[inside] += extended[j, i] * response[y[inside], x[inside]]
    return out


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize(
    "case",
    [
        ((1, 1), (3, 4), 2, (1, 2)),
        ((4, 4), (4, 4), 2, (2, 2)),
        ((3, 5), (11, 8), 3, (6, 3)),
        ((2, 3), (9, 14), 2, (-1, 15)),
    ],
)
def test_definition_as_loops(backend, dtype, case, boundary):
    size, kernel, scale, origin = case
    rng = np.random.default_rng(0)
    image, response = rng.standard_normal(size), rng.standard_normal(kernel)
    expected = torch.from_numpy(by_definition(image, response, scale, origin, boundary)).to(dtype)
    image, response = (torch.from_numpy(x).to(backend.device, dtype) for x in (image, response))
    out = polyphase_filter(image[None, None], response[None], scale, origin, boundary)
    assert_close(out[0, 0].cpu(), expected, "polyphase_filter")


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_agrees_with_reference(backend, dtype, case, boundary):
    args = (*random_case(case, dtype, backend.device), boundary)
    assert_close(polyphase_filter(*args).cpu(), reference(*args), "polyphase_filter")


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 7])
def test_impulse_reproduces_the_response(backend, dtype, scale):
    n, i = 6, 3
    image = torch.zeros(1, 2, n, n, dtype=dtype, device=backend.device)
    image[:, :, i, i] = 1
    response = torch.randn(2, scale * n, scale * n, dtype=dtype, device=backend.device)
    out = polyphase_filter(image, response, scale, (scale * i, scale * i), "zeros")
    assert torch.equal(out[0], response)


@pytest.mark.parametrize(("scale", "n"), [(2, 7), (3, 8), (4, 7)])
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_replicate_boundary_equals_interpolation_everywhere(backend, dtype, mode, scale, n):
    def upsample(x):
        return F.interpolate(x, scale_factor=scale, mode=mode)

    impulse = torch.zeros(1, 1, n, n, dtype=dtype, device=backend.device)
    impulse[..., n // 2, n // 2] = 1
    origin = (scale * (n // 2),) * 2
    for size in ((64, 48), (33, 17), (1, 1), (2, 5)):
        image = torch.rand(2, 3, *size, dtype=dtype, device=backend.device)
        response = upsample(impulse)[0].expand(3, -1, -1)
        error = polyphase_filter(image, response, scale, origin, "replicate") - upsample(image)
        bound = {torch.float32: 1e-5, torch.float64: 1e-12}[dtype]
        assert error.abs().max() <= bound * upsample(image).abs().max()


def test_matrix_of_diagonal_responses_equals_one_per_channel(backend, dtype):
    image, response, scale, origin = random_case(((2, 3, 9, 20), (3, 8, 12), 2, (4, 6)), dtype, backend.device)
    matrix = torch.diag_embed(response.permute(1, 2, 0)).permute(2, 3, 0, 1)
    out = polyphase_filter(image, matrix, scale, origin, "reflect")
    assert_close(out, polyphase_filter(image, response, scale, origin, "reflect"), "polyphase_filter")


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 5), st.integers(1, 30), st.sampled_from(BOUNDARIES))
def test_linear_in_the_image(h, w, scale, kernel, boundary):
    a, b = torch.randn(2, 1, 1, h, w, dtype=torch.float64)
    response = torch.randn(1, kernel, kernel, dtype=torch.float64)
    args = (response, scale, (kernel // 2, kernel // 2), boundary)
    together = polyphase_filter(2 * a - 3 * b, *args)
    parts = 2 * polyphase_filter(a, *args), -3 * polyphase_filter(b, *args)
    size = sum(part.abs().max() for part in parts)  # not that of their sum, in which they may cancel
    assert (sum(parts) - together).abs().max() <= RELATIVE["polyphase_filter"][torch.float64] * size


def test_circular_boundary_commutes_with_rolling(backend, dtype):
    image, response, scale, origin = random_case(((1, 2, 11, 18), (2, 20, 9), 3, (9, 3)), dtype, backend.device)
    rolled = polyphase_filter(image.roll((2, -5), (-2, -1)), response, scale, origin, "circular")
    straight = polyphase_filter(image, response, scale, origin, "circular")
    assert_close(rolled, straight.roll((2 * scale, -5 * scale), (-2, -1)), "polyphase_filter")


def test_strides(backend, dtype):
    image = torch.randn(3, 8, 9, 4, dtype=dtype, device=backend.device)
    response = torch.randn(9, 12, 8, dtype=dtype, device=backend.device)
    views = [
        (image.permute(0, 3, 1, 2), response[1::2].transpose(1, 2)),
        (image[:, ::2], response[:4, ::3]),
        (image[:1].expand(2, -1, -1, -1), response[:1].expand(8, -1, -1)),
    ]
    for x, h in views:
        args = (2, (3, 4), "reflect")
        expected = reference(x.clone(), h.clone(), *args)
        assert_close(polyphase_filter(x, h, *args).cpu(), expected, "polyphase_filter")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_batch_equals_loop_and_any_thread_count(backend, case):
    (_, *rest), *others = case
    image, *args = random_case(((3, *rest), *others), torch.float32, backend.device)
    batch = polyphase_filter(image, *args, "reflect")
    loop = torch.cat([polyphase_filter(one[None], *args, "reflect") for one in image])
    if backend.name != "reference":  # what torch's convolution does is its own
        assert torch.equal(batch, loop)
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            again = polyphase_filter(image, *args, "reflect")
            assert backend.name == "reference" or torch.equal(batch, again)
    finally:
        torch.set_num_threads(threads)


def test_no_images(backend):
    empty = torch.empty(0, 2, 5, 6, device=backend.device)
    assert polyphase_filter(empty, torch.ones(2, 4, 4, device=backend.device), 3, (0, 0), "zeros").shape == (
        0,
        2,
        15,
        18,
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_one_bad_pixel_stays_where_its_taps_reach(backend, value):
    image = torch.zeros(1, 1, 9, 40, device=backend.device)
    image[..., 4, 20] = value
    out = polyphase_filter(image, torch.ones(1, 6, 6, device=backend.device), 2, (2, 2), "zeros")
    bad = torch.zeros_like(out, dtype=torch.bool)
    bad[..., 6:12, 38:44] = True
    assert torch.equal(~out.isfinite(), bad)


@backends.native  # whose route it is
@pytest.mark.parametrize("case", CASES, ids=str)
def test_fft_agrees_with_taps(backend, dtype, case):
    image, response, scale, origin = random_case(case, dtype, backend.device)
    module = sys.modules["hyra.ops.polyphase_filter"]
    plan = module._plan(image, response, scale, origin, "reflect")
    by_fft = filter_by_fft(module._extend(image, plan), module._taps(response, plan), scale)
    assert_close(by_fft.cpu(), reference(image, response, scale, origin, "reflect"), "polyphase_filter")


LARGE = ((1, 2, 190, 205), (2, 256, 250), 4, (128, 124))


@functools.cache  # seconds, and the same for all backends and dtypes
def large_case(boundary):
    """Image, response, scale and origin in float32, and what becomes of them in float64."""
    image, response, *args = random_case(LARGE, torch.float32)
    return image, response, *args, reference(image.double(), response.double(), *args, boundary)


@pytest.mark.once
@pytest.mark.parametrize("boundary", ["zeros", "reflect"])
def test_large_response_on_a_large_image(backend, dtype, boundary):
    assert prefers_fft(2, 16, (190, 205), (64, 63))
    image, response, scale, origin, exact = large_case(boundary)
    image, *args = image.to(backend.device, dtype), response.to(backend.device, dtype), scale, origin, boundary
    out = polyphase_filter(image, *args)
    assert_close(out.cpu(), exact.to(dtype), "polyphase_filter.large")
    if backend.name.startswith("cpu"):
        both = polyphase_filter(torch.cat([image.flip(-1), image]), *args)
        assert torch.equal(both[1:], out)


def test_small_images_are_filtered_tap_by_tap():
    # An impulse image of 64 x 64 must give back the response bit for bit, with a 3 x 3 matrix of responses too.
    assert not prefers_fft(9, 16, (64, 64), (64, 64))
    assert not prefers_fft(3, 16, (339, 510), (11, 11))
    assert prefers_fft(3, 16, (339, 510), (64, 64))


GRADIENT_CASES = [
    ((2, 2, 3, 4), (2, 5, 6), 2, (2, 3)),
    ((1, 2, 1, 3), (3, 2, 4, 7), 3, (4, -1)),
    ((1, 1, 1, 1), (1, 3, 3), 2, (1, 1)),
]


@pytest.mark.parametrize(("case", "boundary"), [*zip([*GRADIENT_CASES, GRADIENT_CASES[0]], BOUNDARIES, strict=True)])
def test_gradcheck(backend, case, boundary):
    image, response, scale, origin = random_case(case, torch.float64, backend.device)
    assert torch.autograd.gradcheck(
        lambda x, h: polyphase_filter(x, h, scale, origin, boundary),
        (image.requires_grad_(), response.requires_grad_()),
    )


@pytest.mark.parametrize(("case", "needs_image"), [(GRADIENT_CASES[0], True), (GRADIENT_CASES[1], False)], ids=str)
def test_opcheck(backend, case, needs_image):
    image, response, scale, origin = random_case(case, torch.float32, backend.device)
    image.requires_grad_(needs_image)
    response.requires_grad_()
    torch.library.opcheck(polyphase_filter, (image, response, scale, origin, "reflect"))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"image": torch.ones(3, 4, 4)}, ValueError, r"image must have shape \[N, C_in, h, w\].*\(3, 4, 4\)"),
        ({"image": torch.ones(1, 3, 0, 4)}, ValueError, r"h, w at least 1.*\(1, 3, 0, 4\)"),
        ({"response": torch.ones(4, 4)}, ValueError, r"response must have shape \[C_in, kh, kw\] or .*\(4, 4\)"),
        ({"response": torch.ones(2, 4, 4)}, ValueError, r"C_in = 3 .*\(2, 4, 4\)"),
        (
            {"response": torch.ones(3, 4, 4).double()},
            TypeError,
            "response must be torch.float32, .* got torch.float64",
        ),
        ({"scale": 0}, ValueError, "scale must be at least 1, got 0"),
        ({"origin": (1,)}, ValueError, r"origin must be 2 integers, got \(1,\)"),
        ({"boundary": "mirror"}, ValueError, "boundary must be one of 'zeros', .*, got 'mirror'"),
    ],
)
def test_bad_input_is_named(backend, change, error, message):
    args = {"image": torch.ones(1, 3, 4, 4), "response": torch.ones(3, 4, 4)}
    args |= {"scale": 2, "origin": (2, 2), "boundary": "zeros"}
    args = {k: v.to(backend.device) if isinstance(v, torch.Tensor) else v for k, v in (args | change).items()}
    with pytest.raises(error, match=message):
        polyphase_filter(**args)


def test_autocast_changes_no_bit(backend):
    image, response, *rest = random_case(CASES[2], torch.float32, backend.device)

    def value_and_gradients():
        leaves = image.clone().requires_grad_(), response.clone().requires_grad_()
        out = polyphase_filter(*leaves, *rest, "reflect")
        return out.detach(), *torch.autograd.grad(out.square().sum(), leaves)

    expected = value_and_gradients()
    with torch.autocast(backend.device.type, torch.bfloat16):
        actual = value_and_gradients()
    assert all(torch.equal(x, y) for x, y in zip(actual, expected, strict=True))
