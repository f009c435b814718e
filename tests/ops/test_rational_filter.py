"""`rational_filter` against its definition, and against zero insertion, a filter and each q-th sample of it."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyra.ops.boundary import BOUNDARIES, source_index
from hyra.ops.polyphase_filter import polyphase_filter
from hyra.ops.rational_filter import rational_filter
from tolerances import RELATIVE

SCALES = [Fraction(3, 2), Fraction(12, 5)]


def line(length, response, *, scale, origin, boundary, size):
    """`[size, length]`: the matrix of the definition along one axis, entry by entry."""
    p, q = scale.numerator, scale.denominator
    matrix = torch.zeros(size, length, dtype=torch.float64)
    for Y in range(size):
        for t, tap in enumerate(response.tolist()):
            if (q * Y + origin - t) % p == 0:
                j = int(source_index(boundary, (q * Y + origin - t) // p, 1, length, torch.device("cpu")))
                matrix[Y, j] += tap if j >= 0 else 0
    return matrix


@pytest.mark.parametrize(("scale", "boundary"), [*zip(SCALES, ("reflect", "zeros"), strict=True)])
def test_definition(backend, dtype, scale, boundary):
    size, origins = (4, 5), (5, -3)
    lines = [torch.randn(k, dtype=dtype) for k in (7, 12)]
    image = torch.randn(2, 1, *size, dtype=dtype)
    out = tuple(int(scale * n) for n in size)
    rows, columns = (
        line(n, h, scale=scale, origin=o, boundary=boundary, size=m)
        for n, h, o, m in zip(size, lines, origins, out, strict=True)
    )
    response = (lines[0][:, None] * lines[1])[None]
    placed = (x.to(backend.device) for x in (image, response))
    found = rational_filter(*placed, scale, origins, boundary, out).cpu().double()
    expected = rows @ image.double() @ columns.mT
    assert float((found - expected).abs().max()) <= RELATIVE["polyphase_filter"][dtype] * float(expected.abs().max())


@settings(max_examples=25)
@given(
    st.tuples(st.integers(2, 9), st.integers(2, 7)),
    st.tuples(st.integers(1, 9), st.integers(-20, 20)),
    st.sampled_from(BOUNDARIES),
    st.booleans(),
)
def test_each_qth_sample_of_a_filter_at_p(fraction, place, boundary, matrix):
    (p, q), (side, origin) = fraction, place
    scale = Fraction(p, q)
    p, q = scale.numerator, scale.denominator
    image = torch.randn(2, 2, side, side + 1, dtype=torch.float64)
    response = torch.randn(*((3, 2) if matrix else (2,)), 9, 13, dtype=torch.float64)
    dense = polyphase_filter(image, response, p, (origin, 4), boundary)[..., ::q, ::q]
    found = rational_filter(image, response, scale, (origin, 4), boundary, dense.shape[-2:])
    assert torch.allclose(found, dense, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("origin", "boundary"), [(2**31 - 1, "reflect"), (1 - 2**31, "circular"), (10**9, "zeros")])
def test_response_far_from_its_pixel(origin, boundary):
    image, response = torch.randn(1, 1, 3, 4, dtype=torch.float64), torch.randn(1, 5, 7, dtype=torch.float64)
    size = (6, 6)
    rows = line(3, response[0, :, 0], scale=Fraction(5, 3), origin=origin, boundary=boundary, size=6)
    columns = line(4, response[0, 0], scale=Fraction(5, 3), origin=-origin, boundary=boundary, size=6)
    response = (response[0, :, 0, None] * response[0, 0])[None]
    filtered = rational_filter(image, response, Fraction(5, 3), (origin, -origin), boundary, size)
    assert torch.allclose(filtered, rows @ image @ columns.mT, rtol=0, atol=1e-12)


def test_no_image():
    for response in (torch.rand(2, 5, 5), torch.rand(3, 2, 5, 5)):
        filtered = rational_filter(torch.zeros(0, 2, 4, 3), response, Fraction(3, 2), (2, 2), "reflect", (6, 4))
        assert filtered.shape == (0, len(response), 6, 4)


def test_one_image_has_the_same_bits_in_a_batch(dtype):
    images, response = torch.randn(3, 2, 9, 12, dtype=dtype), torch.randn(2, 30, 30, dtype=dtype)
    arguments = (response, Fraction(5, 3), (15, 15), "reflect", (15, 20))
    assert torch.equal(rational_filter(images, *arguments)[1:2], rational_filter(images[1:2], *arguments))


def test_gradients():
    image = torch.randn(1, 1, 4, 6, dtype=torch.float64, requires_grad=True)
    response = torch.randn(1, 7, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, h: rational_filter(x, h, Fraction(3, 2), (3, 4), "replicate", (6, 9)), (image, response)
    )
