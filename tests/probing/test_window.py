"""Windows are crops of the output around an impulse, with zeros beyond it."""

import pytest
import torch
import torch.nn.functional as F

from hyra.network.locality import Locality
from hyra.probing.window import Window


@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("side", [1, 2, 5, 8])
@pytest.mark.parametrize("position", [(0, 0), (2, 3), (5, 6), (5, 0), (1, 6)])
def test_a_cut_is_a_part_of_the_padded_output(scale, side, position):
    output = torch.rand(4, 6 * scale, 7 * scale)
    margin = 8 * scale
    padded = F.pad(output, (margin,) * 4)
    window = Window(scale, side)
    y, x = (scale * index + margin - origin for index, origin in zip(position, window.origin, strict=True))
    cut = window.cut(output, position)
    assert torch.equal(cut, padded[:, y : y + scale * side, x : x + scale * side])
    if side > 1:
        assert torch.equal(
            cut[:, window.origin[0], window.origin[1]], output[:, position[0] * scale, position[1] * scale]
        )


def test_a_cut_is_no_view():
    output = torch.zeros(1, 4, 4)
    Window(1, 3).cut(output, (1, 1)).fill_(1)
    assert not output.any()


@pytest.mark.parametrize(("locality", "largest", "side"), [
    (None, 128, 33),
    (Locality(None, None), 128, 33),
    (Locality(1, 1), 128, 9),
    (Locality(10, 1), 128, 21),
    (Locality(90, 1), 256, 65),
    (Locality(10, 1), 16, 16),
])  # fmt: skip
def test_the_side_is_the_receptive_field_within_reason(locality, largest, side):
    assert Window.for_locality(2, locality, largest) == Window(2, side)
