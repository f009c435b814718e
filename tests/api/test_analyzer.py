"""HyRA on networks whose impulse response is known."""

import warnings

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hyra import HyRA

BOUND = {torch.float32: 1e-5, torch.float64: 1e-12}
SCALES = [2, 3, 4]


class Upsample(nn.Module):
    """torch's interpolation, which continues the image by its edge pixels."""

    def __init__(self, mode, scale):
        super().__init__()
        self.options = {"mode": mode, "scale_factor": scale}

    def forward(self, x):
        return F.interpolate(x, **self.options)


def linear_network(scale, padding_mode="zeros", in_channels=3, out_channels=3):
    """Three bias-free convolutions and a sub-pixel step, in float64."""
    return nn.Sequential(
        nn.Conv2d(in_channels, 8, 3, padding=1, bias=False, padding_mode=padding_mode),
        nn.Conv2d(8, 4 * scale**2, 5, padding=2, bias=False, padding_mode=padding_mode),
        nn.PixelShuffle(scale),
        nn.Conv2d(4, out_channels, 3, padding=1, bias=False, padding_mode=padding_mode),
    ).double()


def relative(part, whole):
    return float(part.abs().max() / whole.abs().max())


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (17, 40), (128, 96)], ids=str)
def test_linear_upsamplers_leave_nothing_for_G(dtype, mode, scale, size):
    model = HyRA(Upsample(mode, scale), dtype=dtype)
    split = model.decompose(torch.rand(2, 3, *size, dtype=dtype), boundary="replicate")
    assert split.output.shape == split.linear.shape == (2, 3, scale * size[0], scale * size[1])
    assert split.output.dtype == dtype
    assert relative(split.nonlinear, split.output) <= BOUND[dtype]


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_any_number_of_colours(channels):
    split = HyRA(Upsample("bilinear", 2)).decompose(torch.rand(channels, 6, 7, dtype=torch.float64), "replicate")
    assert relative(split.nonlinear, split.output) <= 1e-12


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("colours", [(3, 3), (1, 3), (3, 1)], ids=str)
def test_convolutional_networks_are_their_response_matrix(scale, colours):
    lr = torch.rand(colours[0], 12, 15, dtype=torch.float64)
    for padding_mode, boundary in (("zeros", "zeros"), ("circular", "circular")):
        model = HyRA(linear_network(scale, padding_mode, *colours), in_channels=colours[0])
        response = model.impulse_response(24, "matrix")
        assert response.response.shape == (colours[1], colours[0], 24 * scale, 24 * scale)
        split = model.decompose(lr, boundary, response)
        inside = slice(None) if boundary == "circular" else slice(5 * scale, -5 * scale)
        assert relative(split.nonlinear[..., inside, inside], split.output) <= 1e-5
    # With zero padding the second and third layers see zeros that are no continuation of their input: G is not zero.
    assert relative(HyRA(linear_network(2)).decompose(torch.rand(3, 9, 9), "zeros").nonlinear, split.output) > 1e-3


def test_joint_is_not_enough_for_a_network_that_mixes_colours():
    split = HyRA(linear_network(2, "circular")).decompose(torch.rand(3, 9, 9, dtype=torch.float64), "circular")
    assert relative(split.nonlinear, split.output) > 1e-2


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("amplitude", [1.0, 0.5, -2.0])
def test_the_response_of_H_is_the_response_of_N(dtype, scale, amplitude):
    torch.manual_seed(scale)
    net = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 3 * scale**2, 3, padding=1))
    model = HyRA(nn.Sequential(net, nn.PixelShuffle(scale)).to(dtype))
    white = torch.zeros(3, 13, 13, dtype=dtype)
    white[:, 6, 6] = amplitude
    probes = {"joint": [white], "matrix": [white * colour[:, None, None] for colour in torch.eye(3, dtype=dtype)]}
    for channels, images in probes.items():
        response = model.impulse_response(13, channels, amplitude=amplitude)
        for image in images:
            split = model.decompose(image, "zeros", response)
            assert torch.equal(split.linear, split.output)
            assert not split.nonlinear.any()


def test_affine_form_is_exact_at_the_background_and_at_the_impulse():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.PixelShuffle(2)).double()
    model = HyRA(net)
    lit = torch.full((3, 16, 16), 0.25, dtype=torch.float64)
    lit[:, 8, 8] += 0.5
    for background in (0.25, torch.full((3, 16, 16), 0.25)):
        response = model.impulse_response(
            None if isinstance(background, torch.Tensor) else 16, amplitude=0.5, background=background
        )
        assert response.form == "affine"
        for image in (lit, torch.full_like(lit, 0.25)):
            split = model.decompose(image, "zeros", response)
            assert relative(split.nonlinear, split.output) <= 1e-15
    with pytest.raises(ValueError, match=r"shape of the response's background, \[3, 16, 16\], got \[1, 3, 9, 16\]"):
        model.decompose(torch.rand(3, 9, 16), "zeros", response)


def test_literal_form_keeps_the_black_output_in_the_response_and_affine_takes_it_out():
    torch.manual_seed(2)
    model = HyRA(nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.PixelShuffle(2)).double())
    literal, affine = (model.impulse_response(9, form=form, amplitude=0.5) for form in ("literal", "affine"))
    black = model.network(torch.zeros(1, 1, 9, 9, dtype=torch.float64))[0]
    assert torch.allclose(literal.response - affine.response, black / 0.5, atol=1e-15)
    assert literal.background_output.mean == pytest.approx(float(black.mean()))
    # A linear network with biases is an affine map: the affine form leaves nothing for G, wherever it is padded alike.
    split = model.decompose(torch.rand(1, 7, 8, dtype=torch.float64), "zeros", affine)
    assert relative(split.nonlinear, split.output) <= 1e-12


def test_jvp_is_the_limit_of_small_amplitudes():
    torch.manual_seed(3)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Softplus(), nn.Conv2d(8, 12, 3, padding=2), nn.PixelShuffle(2))
    model = HyRA(net.double(), input_range=255)
    for channels in ("joint", "matrix"):
        local = model.impulse_response(9, channels, background=0.5, mode="jvp")
        small = model.impulse_response(9, channels, background=0.5, amplitude=1e-6)
        assert (local.form, local.mode, local.amplitude) == ("affine", "jvp", 0.0)
        assert relative(local.response - small.response, local.response) <= 1e-4
        assert not local.response.requires_grad


@pytest.mark.parametrize("position", [(0, 0), (3, 7), (9, 9)])
@pytest.mark.filterwarnings("ignore:.*border of the canvas")
def test_position_moves_the_origin(position):
    model = HyRA(linear_network(2, "circular"))
    moved, middle = (model.impulse_response(10, "matrix", position=p) for p in (position, None))
    assert moved.origin == (2 * position[0], 2 * position[1])
    shift = [2 * (a - 5) for a in position]
    assert torch.allclose(moved.response, middle.response.roll(shift, (-2, -1)), atol=1e-14)


def test_input_range_is_multiplied_in_and_divided_out():
    seen = []

    def net(x):
        seen.append(float(x.max()))
        return F.interpolate(x, scale_factor=2) + 255 / 4

    model = HyRA(net, input_range=255)
    model.decompose(torch.full((3, 4, 4), 0.5))  # what a network is like is found once, on wide noise
    seen.clear()
    split = model.decompose(torch.full((3, 4, 4), 0.5))
    assert max(seen) == 255
    assert torch.allclose(split.output, torch.tensor(0.75))


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(["reflect", "zeros", "replicate", "circular"]),
    st.sampled_from(["literal", "affine"]),
)
def test_the_parts_add_up(scale, height, width, boundary, form):
    net = nn.Sequential(nn.Conv2d(2, 4 * scale**2, 3, padding=1), nn.Tanh(), nn.PixelShuffle(scale), nn.Conv2d(4, 2, 1))
    model = HyRA(net)
    lr = torch.rand(2, height, width)
    split = model.decompose(lr, boundary, model.impulse_response(8, form=form) if form else None)
    assert torch.allclose(split.linear + split.nonlinear, split.output, atol=1e-6)
    assert split.output.shape == (2, scale * height, scale * width)
    assert torch.equal(split.input, lr)


def test_output_of_half_precision_networks_is_analysed_in_float32():
    model = HyRA(linear_network(2).to(torch.bfloat16))
    split = model.decompose(torch.rand(3, 8, 8))
    assert split.output.dtype == split.response.response.dtype == torch.float32
    assert torch.allclose(split.linear + split.nonlinear, split.output, atol=1e-6)


class Window(nn.Module):
    """Takes multiples of 12 from 24 pixels on."""

    def forward(self, x):
        if x.shape[-1] < 24 or x.shape[-1] % 12 or x.shape[-2] % 12:
            raise ValueError("not a multiple of the window")
        return F.interpolate(x, scale_factor=2)


def test_size_is_found_or_the_error_says_what_works():
    model = HyRA(Window())
    assert model.input_sizes().smallest == 24
    assert model.input_sizes().multiple == 12
    assert model.impulse_response().response.shape == (3, 144, 144)
    assert model.impulse_response(64).response.shape == (3, 128, 128)
    assert model.decompose(torch.rand(3, 30, 35)).output.shape == (3, 60, 70)


@pytest.mark.parametrize(("net", "warning", "message"), [
    (lambda x: F.interpolate(x, scale_factor=2) / (1 - x.amax()), RuntimeWarning, "not finite"),
    (lambda x: F.interpolate(x, scale_factor=2) * 1e6, RuntimeWarning, r"explodes, with a peak of 1e\+06 at amplitude"),
    (lambda x: F.interpolate(x, scale_factor=2) + x.amax(), UserWarning, "border of the canvas: use a larger size"),
], ids=["nan", "explosion", "border"])  # fmt: skip
def test_odd_responses_are_results_with_a_warning(net, warning, message):
    model = HyRA(net)
    with pytest.warns(warning, match=message):
        response = model.impulse_response(8)
    for measure in ("passband_ripple_db", "stopband_db", "shift", "border_energy", "main_lobe", "side_lobe"):
        getattr(response, measure)
    assert str(response)
    response.fit_sinc()


def test_what_the_network_makes_of_black_is_told_where_it_is_part_of_the_response():
    """A border that a network colours is counted once for every pixel of an image that H is applied to."""

    def network(x):
        return F.interpolate(x, scale_factor=2) + F.pad(x.new_full((1, 3, 14, 14), -0.02), (1, 1, 1, 1), value=0.1)

    model = HyRA(network, scale=2, in_channels=3)
    with pytest.warns(UserWarning, match=r"black alone changes .* DC gain by up to 0.52: use form='affine'"):
        response = model.impulse_response(8)
    assert float(response.dc_gain[0]) == pytest.approx(1 + (60 * 0.1 - 14**2 * 0.02) / 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.impulse_response(8, form="affine").dc_gain.tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_decompose_measures_the_response_that_is_asked_for():
    model, lr = HyRA(linear_network(2, "zeros", 3, 3)), torch.rand(3, 20, 24, dtype=torch.float64)
    for options in ({}, {"channels": "matrix"}, {"form": "affine"}, {"channels": "matrix", "form": "affine"}):
        response = model.impulse_response(**options)
        split, again = model.decompose(lr, **options), model.decompose(lr, response=response, **options)
        assert split.response.form == options.get("form", "literal")
        assert torch.equal(split.response.response, response.response)
        assert torch.equal(split.linear, again.linear)


REFUSED = {
    "dtype": ({"lr": torch.zeros(3, 4, 4, dtype=torch.uint8)}, TypeError, "lr must have a floating-point dtype"),
    "rank": ({"lr": torch.zeros(4, 4)}, ValueError, r"lr must be an image \[C, H, W\] or a batch"),
    "nan": ({"lr": torch.full((3, 4, 4), torch.nan)}, ValueError, "lr must be finite, got 48 NaN"),
    "boundary": ({"lr": torch.zeros(3, 4, 4), "boundary": "mirror"}, ValueError, "boundary must be one of 'zeros'"),
    "channels": ({"lr": torch.zeros(3, 4, 4), "channels": "rgb"}, ValueError, "channels must be one of"),
    "form": ({"lr": torch.zeros(3, 4, 4), "form": "exact"}, ValueError, "form must be one of"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_decompose_refuses(case):
    options, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        HyRA(Upsample("nearest", 2)).decompose(**options)


PROBES_REFUSED = {
    "size": ({"size": 0}, "size must be at least 1, got 0"),
    "channels": ({"channels": "rgb"}, "channels must be one of"),
    "amplitude": ({"amplitude": 0.0}, "amplitude must be a finite number other than 0, got 0.0"),
    "background": ({"background": float("nan")}, "background must be a finite level or an image"),
    "background shape": ({"size": 8, "background": torch.zeros(3, 4, 4)}, r"image \[C, 8, 8\], got \[3, 4, 4\]"),
    "form": ({"form": "exact"}, "form must be one of 'literal', 'affine', got 'exact'"),
    "literal on grey": ({"form": "literal", "background": 0.5}, "form='literal' needs a black background"),
    "literal jvp": ({"form": "literal", "mode": "jvp"}, "form='literal' needs mode='finite'"),
    "mode": ({"mode": "limit"}, "mode must be one of 'finite', 'jvp'"),
    "position type": ({"size": 8, "position": (1.5, 0)}, "position must be an integer, got float 1.5"),
    "position": ({"size": 8, "position": (8, 0)}, r"position must be \(y, x\) inside the 8x8 canvas, got \(8, 0\)"),
}


@pytest.mark.parametrize("case", PROBES_REFUSED)
def test_impulse_response_refuses(case):
    options, message = PROBES_REFUSED[case]
    with pytest.raises((ValueError, TypeError), match=message):
        HyRA(Upsample("nearest", 2)).impulse_response(**options)


def test_other_mismatches():
    model = HyRA(Upsample("nearest", 2))
    for asked, message in (
        ({"form": "affine"}, "form must be that of the response, 'literal', or left out, got 'affine'"),
        ({"channels": "matrix"}, "channels must be that of the response, 'joint', or left out, got 'matrix'"),
    ):
        with pytest.raises(ValueError, match=message):
            model.decompose(torch.zeros(3, 4, 4), response=model.impulse_response(8), **asked)
    with pytest.raises(ValueError, match="response must have the network's scale, 2, got 3"):
        model.decompose(torch.zeros(3, 4, 4), response=HyRA(Upsample("nearest", 3)).impulse_response(8))
    with pytest.raises(ValueError, match=r"3 colours to the network's 1, got 1 to 1: use channels=.matrix."):
        HyRA(linear_network(2, "zeros", 3, 1)).decompose(torch.zeros(3, 4, 4))
    with pytest.warns(UserWarning, match="lr is expected in 0..1 and reaches 255"):
        model.decompose(torch.full((3, 4, 4), 255.0))
    with pytest.raises(ValueError, match=r"lr must hold at least one image, got shape \(0, 3, 4, 4\)"):
        model.decompose(torch.zeros(0, 3, 4, 4))
