"""The rule of the rings against Python's integers, up to the limit of pixels, without a spectrum of that size."""

import math
import random

import pytest
import torch

import backends
from cuda_on_cpu import build
from hyra.ops.radial_moments import SIDES, _squares, ring_count

LIMIT = SIDES.stop - 1
SIZES = [(4, 433857215), (65536, 32768), (46340, 46341), (23170, 92682), (9, 7)]
SIZES += [(side, LIMIT // side) for side in (1, 2, 3)]
SIZES += [(width, height) for height, width in SIZES]

needs_engine = pytest.mark.skipif(not build.available(), reason="the engine cannot be built")


def ring(height, width, ky, kx):
    """By integers of any size: the last ring whose inner edge ``(2 r - 1)^2 max(H, W)^2`` is not beyond the bin."""
    root = math.isqrt(4 * (ky**2 * width**2 + kx**2 * height**2) // max(height, width) ** 2)
    return (root + 1) // 2


def bins(height, width):
    """The corner, the ends of the axes, some at random, and those beside the edges of rings in their row or column."""
    last = height // 2, width // 2
    draw = random.Random(0)
    places = {last, (0, 0), (last[0], 0), (0, last[1])}
    places |= {(draw.randint(0, last[0]), draw.randint(0, last[1])) for _ in range(300)}
    longest, rings = max(height, width), ring_count(height, width)
    for ky, kx in list(places):
        edge = (2 * draw.randrange(rings) + 1) ** 2 * longest**2
        for axis, k, side, other in ((0, kx, height, width), (1, ky, width, height)):
            rest = edge - 4 * k**2 * side**2
            if rest > 0:
                nearest = math.isqrt(rest // (4 * other**2))
                beside = {min(max(nearest + step, 0), last[axis]) for step in (-1, 0, 1)}
                places |= {(b, k) if axis == 0 else (k, b) for b in beside}
    return sorted(places)


@needs_engine
@backends.native
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_native_rule_is_that_of_integers(size):
    module = backends.built("cuda_on_cpu")
    places = bins(*size)
    expected = [ring(*size, *place) for place in places]
    assert [module.ring_of(*size, *place) for place in places] == expected
    assert [module.ring_of_sum(*size, *place) for place in places] == expected


@needs_engine
@backends.native
@pytest.mark.parametrize("size", [(433857215, 4), (65536, 32768), (46340, 46341), (23170, 92682), (9, 7)], ids=str)
def test_walk_of_a_cpu_is_that_of_integers(size):
    columns = size[1] // 2 + 1
    rows = range(size[0] // 2 - 7, size[0] // 2 + 1) if size[0] > 16 else range(8)
    out = torch.empty(columns, 8, dtype=torch.int32)
    backends.built("cuda_on_cpu").walk_rings(*size, rows[0], columns, out.data_ptr())
    places = [*range(0, columns, max(columns // 500, 1)), columns - 1]
    assert out[places].tolist() == [[ring(*size, ky, kx) for ky in rows] for kx in places]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_reference_is_that_of_integers(size):
    places = bins(*size)
    ky, kx = torch.tensor(places).unbind(1)
    height, width = size
    root = (_squares(ky, height, width) + _squares(kx, width, height)).tolist()
    assert [(math.isqrt(square) + 1) // 2 for square in root] == [ring(*size, *place) for place in places]


def test_one_pixel_more_is_refused():
    assert ring_count(1, LIMIT) == 2
    with pytest.raises(ValueError, match=r"height and width must give at most 2\^31 pixels, got 1 x 2147483649"):
        ring_count(1, LIMIT + 1)
