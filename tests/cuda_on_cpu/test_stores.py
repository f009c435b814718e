"""Which threads store, and how the stores of a warp lie in memory: a GPU moves sectors of 32 bytes."""

from __future__ import annotations

from collections import Counter, defaultdict
from unittest import mock

import pytest
import torch

import backends
from hyra._native.modules import MODULES
from hyra.ops import polyphase_filter, quadrant_energy_backward

SECTOR = 32
DTYPES = (torch.float32, torch.float64)

pytestmark = pytest.mark.skipif("cuda_on_cpu" not in map(str, backends.available()), reason="the engine is not built")


def recorded(call) -> list[tuple[int, int, int, int, int]]:
    module = backends.built("cuda_on_cpu")
    with mock.patch.dict(MODULES, cpu=module):
        module.record_stores()
        try:
            call()
        finally:
            stores = module.recorded_stores()
    return stores


def stores_of_warps(call) -> list[tuple[int, int]]:
    """Of each store of each warp: the sectors that it touches, and the bytes that it writes.

    The n-th stores of its threads are taken for one, so none of them may have left out an earlier one.
    """
    made: Counter[tuple[int, int]] = Counter()
    together: defaultdict[tuple[int, int, int], list[range]] = defaultdict(list)
    for block, thread, _, address, count in recorded(call):
        number = made[block, thread]
        made[block, thread] += 1
        together[block, thread // 32, number].append(range(address, address + count))
    return [
        (len({at // SECTOR for store in of_warp for at in (store[0], store[-1])}), sum(map(len, of_warp)))
        for of_warp in together.values()
    ]


@pytest.mark.parametrize(
    ("scale", "width", "dtype"),
    [
        *((scale, width, dtype) for scale, width in ((1, 64), (2, 64), (3, 64), (2, 37), (3, 41)) for dtype in DTYPES),
        (4, 64, torch.float32),
    ],
    ids=str,
)
def test_the_filter_stores_whole_sectors(scale, width, dtype):
    image, response = torch.rand(1, 1, 9, width, dtype=dtype), torch.rand(1, 2 * scale, 2 * scale, dtype=dtype)
    stores = stores_of_warps(lambda: polyphase_filter(image, response, scale, (scale, scale), "zeros"))
    assert sum(count for _, count in stores) == image.nbytes * scale**2
    ragged = 0 if width % 32 == 0 else 1  # rows of the output then start within a sector
    assert all(sectors <= -(-count // SECTOR) + ragged for sectors, count in stores)


def test_pieces_of_output_rows_are_seen():
    """At scale 5 a thread's four phases lie apart from its neighbour's."""
    image, response = torch.rand(1, 1, 9, 64), torch.rand(1, 10, 10)
    stores = stores_of_warps(lambda: polyphase_filter(image, response, 5, (5, 5), "zeros"))
    assert max(sectors * SECTOR / count for sectors, count in stores) >= 4


@pytest.mark.parametrize("width", [65, 97, 128, 129, 257])
def test_narrow_spectra_take_small_blocks(width):
    """Of a scan over a row; a patch 192 wide has 97 frequencies."""
    spectrum, grad = torch.randn(1, 5, width, dtype=torch.complex64), torch.ones(1)
    stores = recorded(lambda: quadrant_energy_backward(spectrum, grad, "integral"))
    (threads,) = {threads for _, _, threads, _, _ in stores}
    assert len({thread for _, thread, _, _, _ in stores}) >= threads / 4 + (threads < 256) * threads / 4
