"""The operating point checks itself, says itself in words, and is the same however it is written."""

import numpy as np
import pytest
import torch

from hyra import HyRA, OperatingPoint

IMAGE = torch.rand(3, 8, 8)

WORDS = {
    "a pixel of 1 on black, all colours, literal form": {},
    "a pixel of 1 on black, all colours, affine form": {"form": "affine"},
    "a pixel of -0.25 on white, each colour, affine form": {
        "amplitude": -0.25,
        "background": 1,
        "channels": "matrix",
    },
    "a pixel of 0.1 on an image, all colours, affine form": {"amplitude": 0.1, "background": IMAGE},
    "derivative at grey 0.5, all colours": {"background": 0.5, "mode": "jvp"},
}


@pytest.mark.parametrize("words", WORDS)
def test_says_itself_in_words(words):
    assert str(OperatingPoint(**WORDS[words])) == words


@pytest.mark.parametrize("words", WORDS)
def test_a_response_knows_where_it_was_measured(words):
    point = OperatingPoint(**WORDS[words])
    size = None if isinstance(point.background, torch.Tensor) else 8
    response = HyRA(torch.nn.Upsample(scale_factor=2)).impulse_response(size, **vars(point))
    again = OperatingPoint.of(response)
    assert again == point
    assert hash(again) == hash(point)


def test_the_amplitude_of_a_limit_counts_for_nothing():
    points = {OperatingPoint(amplitude=amplitude, mode="jvp") for amplitude in (1, 0.5, 0)}
    assert [point.amplitude for point in points] == [0]


def test_points_that_differ_are_not_equal():
    points = {
        OperatingPoint(),
        OperatingPoint(form="affine"),
        OperatingPoint(channels="matrix"),
        OperatingPoint(0.5),
        OperatingPoint(background=0.5),
        OperatingPoint(background=IMAGE),
        OperatingPoint(background=IMAGE + 0.5),
        OperatingPoint(mode="jvp"),
    }
    assert len(points) == 8
    assert OperatingPoint() != "a pixel of 1 on black, all colours, literal form"


def test_numbers_of_numpy_are_those_of_python():
    point = OperatingPoint(np.float32(0.5), np.int64(1))
    assert point == OperatingPoint(0.5, 1.0)
    assert (type(point.amplitude), type(point.background)) == (float, float)


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"amplitude": 0}, ValueError, "amplitude must be a finite number other than 0, got 0"),
    ({"amplitude": float("inf")}, ValueError, "amplitude must be a finite number other than 0, got inf"),
    ({"amplitude": 1e300}, ValueError, r"amplitude must be within the range of float32, got 1e\+300"),
    ({"background": -1e39}, ValueError, r"background must be within the range of float32, got -1e\+39"),
    ({"amplitude": "high"}, ValueError, "amplitude must be a finite number other than 0, got 'high'"),
    ({"background": float("nan")}, ValueError, r"background must be a finite level or an image \[C, h, w\], got nan"),
    ({"background": None}, ValueError, r"background must be a finite level or an image \[C, h, w\], got None"),
    ({"background": IMAGE[0]}, ValueError, r"background must be a level or an image \[C, h, w\], got \[8, 8\]"),
    ({"background": IMAGE[:, :0]}, ValueError, r"background must be a level or an image \[C, h, w\], got \[3, 0, 8\]"),
    ({"background": IMAGE / 0}, ValueError, "background must be finite, got 192 NaN or infinite values"),
    ({"background": IMAGE.byte()}, TypeError, "background must have a floating-point dtype"),
    ({"form": "exact"}, ValueError, "form must be one of 'literal', 'affine', got 'exact'"),
    ({"form": "literal", "background": 0.5}, ValueError, "form='literal' needs a black background"),
    ({"form": "literal", "background": 0 * IMAGE}, ValueError, "form='literal' needs a black background"),
    ({"form": "literal", "mode": "jvp"}, ValueError, "form='literal' needs mode='finite'"),
    ({"mode": "limit"}, ValueError, "mode must be one of 'finite', 'jvp', got 'limit'"),
    ({"channels": "rgb"}, ValueError, "channels must be one of 'joint', 'matrix', got 'rgb'"),
])  # fmt: skip
def test_refuses(options, error, message):
    with pytest.raises(error, match=message):
        OperatingPoint(**options)
