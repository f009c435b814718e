"""ImpulseResponse: applying, cropping, measuring, saving."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hyra import HyRA, ImpulseResponse
from hyra.filters.response import border_energy


def bicubic(scale=4, size=33, dtype=torch.float64):
    return HyRA(lambda x: F.interpolate(x, scale_factor=scale, mode="bicubic"), dtype=dtype).impulse_response(size)


def zero_inserted(lr, response):
    """H(I) in the open: every LR pixel adds the response at its place, and the canvas beyond the image is cut off."""
    s, (oy, ox) = response.scale, response.origin
    kh, kw = response.response.shape[-2:]
    h, w = lr.shape[-2:]
    canvas = torch.zeros(lr.shape[0], s * h + 2 * kh, s * w + 2 * kw, dtype=lr.dtype)
    for j in range(h):
        for i in range(w):
            top, left = kh + s * j - oy, kw + s * i - ox
            canvas[:, top : top + kh, left : left + kw] += lr[:, j, i, None, None] * response.response
    return canvas[:, kh : kh + s * h, kw : kw + s * w]


@pytest.mark.parametrize("origin", [(0, 0), (4, 6), (5, 3)])
def test_apply_is_the_convolution(origin):
    torch.manual_seed(0)
    response = ImpulseResponse(torch.randn(2, 10, 13, dtype=torch.float64), 3, origin)
    lr = torch.rand(2, 4, 5, dtype=torch.float64)
    assert torch.allclose(response.apply(lr, "zeros"), zero_inserted(lr, response), atol=1e-14)


@pytest.mark.parametrize("boundary", ["reflect", "zeros", "replicate", "circular"])
@pytest.mark.parametrize("size", [(1, 1), (2, 5), (40, 3)], ids=str)
def test_apply_gives_exactly_the_size_for_images_smaller_than_the_response(boundary, size):
    response = bicubic(3, dtype=torch.float32)
    lr = torch.rand(2, 3, *size)
    out = response.apply(lr, boundary)
    assert out.shape == (2, 3, 3 * size[0], 3 * size[1])
    assert torch.equal(out[1], response.apply(lr[1], boundary))
    assert out.dtype == torch.float32
    assert response.apply(lr.double(), boundary).dtype == torch.float64


def test_apply_refuses():
    response = bicubic()
    with pytest.raises(TypeError, match="lr must have a floating-point dtype"):
        response.apply(torch.zeros(3, 4, 4, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"lr must have the response's 3 channels, got shape \[1, 4, 4\]"):
        response.apply(torch.zeros(1, 4, 4))
    with pytest.raises(ValueError, match="boundary must be one of 'zeros', 'replicate'"):
        response.apply(torch.zeros(3, 4, 4), "wrap")


@pytest.mark.parametrize(("change", "error", "message"), [
    ({"response": torch.zeros(4, 4)}, ValueError, r"response must be \[C, kh, kw\] or .*got shape \[4, 4\]"),
    ({"response": torch.zeros(1, 4, 4, dtype=torch.int32)}, TypeError, "response must have a floating-point dtype"),
    ({"scale": 0}, ValueError, "scale must be at least 1"),
    ({"origin": (1.5, 2)}, ValueError, r"origin must be two integers \(y, x\), got \(1.5, 2\)"),
    ({"form": "exact"}, ValueError, "form must be one of"),
    ({"mode": "exact"}, ValueError, "mode must be one of"),
    ({"amplitude": 0.0}, ValueError, "amplitude must be a finite number other than 0, got 0.0"),
    ({"amplitude": float("nan")}, ValueError, "amplitude must be a finite number other than 0, got nan"),
    ({"background": float("inf")}, ValueError, "background must be finite, got inf"),
], ids=["rank", "dtype", "scale", "origin", "form", "mode", "amplitude", "NaN", "background"])  # fmt: skip
def test_constructor_refuses(change, error, message):
    with pytest.raises(error, match=message):
        ImpulseResponse(**{"response": torch.zeros(1, 4, 4), "scale": 2, "origin": (2, 2), **change})


def test_center_lies_between_pixels_for_an_even_scale():
    plane = torch.zeros(1, 30, 30)
    assert ImpulseResponse(plane, 3, (9, 12)).center == (10, 13)
    assert ImpulseResponse(plane, 4, (8, 12)).center == (9.5, 13.5)


def test_white_of_a_matrix_is_the_joint_response_of_a_linear_network():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 12, 5, padding=2, bias=False), nn.PixelShuffle(2)).double()
    joint, matrix = (HyRA(net).impulse_response(16, channels) for channels in ("joint", "matrix"))
    assert torch.allclose(joint.white, matrix.white, atol=1e-15)
    assert joint.white.shape == (32, 32)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_lobes_and_profile_of_bicubic(scale):
    # The Keys kernel with a = -3/4 is t^3 (a + 2) - t^2 (a + 3) + 1 up to 1, then a (t^3 - 5 t^2 + 8 t - 4) up to 2.
    def keys(t):
        t, a = t.abs(), -0.75
        outer = a * (t**3 - 5 * t**2 + 8 * t - 4)
        return torch.where(t <= 1, (a + 2) * t**3 - (a + 3) * t**2 + 1, torch.where(t < 2, outer, 0))

    response = bicubic(scale)
    for axis in ("x", "y"):
        t, section = response.profile(axis)
        middle = keys(t[t.abs().argmin()])
        assert torch.allclose(section, middle * keys(t), atol=1e-15)
    assert response.main_lobe == pytest.approx(float(middle**2), rel=1e-12)
    lows = keys(t)[(t.abs() >= 1) & (t.abs() <= 2)].min()
    assert response.side_lobe == pytest.approx(float(middle * lows), rel=1e-12)


def test_profile_refuses_and_swaps_axes():
    plane = torch.zeros(1, 12, 12)
    plane[0, 4:6, 2] = 1
    response = ImpulseResponse(plane, 2, (4, 6))
    assert response.profile("x")[1].tolist() == plane[0, 4].tolist()
    assert response.profile("y")[1].abs().sum() == 0
    with pytest.raises(ValueError, match="axis must be one of 'x', 'y', got 'z'"):
        response.profile("z")


@pytest.mark.parametrize(("scale", "origin"), [(1, (-1, 1)), (1, (3, 1)), (2, (2, 0)), (Fraction(3, 2), (10**9, 0))])
def test_section_of_a_response_that_does_not_reach_its_centre(scale, origin):
    response = ImpulseResponse(torch.ones(1, 3, 4), scale, origin)
    assert response.profile("x")[1].isnan().all()
    assert math.isnan(response.side_lobe)


def test_border_energy_is_the_share_of_the_frame():
    plane = torch.ones(2, 12, 18)
    assert ImpulseResponse(plane, 3, (3, 3)).border_energy == pytest.approx(1 - 6 * 12 / (12 * 18))
    assert bicubic().border_energy == 0
    with pytest.warns(UserWarning, match="lies at the border of the canvas"):
        assert bicubic(size=3).border_energy > 1e-3
    assert ImpulseResponse(torch.zeros(1, 4, 4), 2, (2, 2)).border_energy == 0


def test_cropping_is_never_silent():
    whole = bicubic()
    with pytest.warns(UserWarning, match=r"cropping to 3x3 LR pixels discards 0\.\d+ of the response's energy"):
        small = whole.cropped(3)
    energy = whole.response.square().sum()
    assert small.response.shape == (3, 12, 12)
    assert small.origin == (4, 4)
    assert torch.equal(small.response, whole.response[:, 60:72, 60:72])
    assert small.discarded_energy == pytest.approx(float(1 - small.response.square().sum() / energy))
    assert "of the energy cropped" in repr(small)
    with pytest.warns(UserWarning, match="discards"):
        smaller = small.cropped(1)
    assert smaller.discarded_energy == pytest.approx(float(1 - smaller.response.square().sum() / energy))


@pytest.mark.parametrize("size", [4, 5, 8, 33])
@pytest.mark.filterwarnings("ignore:cropping")
def test_a_cropped_response_is_that_of_a_smaller_probe(size):
    whole = bicubic()
    cropped = whole.cropped(size)
    assert torch.equal(cropped.response, bicubic(size=size).response) or size == 4  # 4 cuts the kernel at the border
    assert cropped.origin == (4 * (size // 2),) * 2
    assert (cropped.discarded_energy == 0) == (size >= 5)


def test_cropping_without_loss_says_nothing(recwarn):
    assert bicubic().cropped(9).discarded_energy == 0
    assert not [warning for warning in recwarn if "crop" in str(warning.message)]


def test_cropping_refuses_what_is_not_there():
    with pytest.raises(ValueError, match="size must leave a part of the 33x33 LR pixels around the origin, got 40"):
        bicubic().cropped(40)


@pytest.mark.parametrize("background", [0.0, 0.5, "image"])
@pytest.mark.parametrize("channels", ["joint", "matrix"])
def test_saved_and_loaded_again(tmp_path, background, channels):
    net = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2))
    if background == "image":
        background = torch.rand(3, 9, 9)
    saved = HyRA(net).impulse_response(9, channels, background=background, amplitude=0.25)
    saved.save(tmp_path / "h.safetensors")
    loaded = ImpulseResponse.load(tmp_path / "h.safetensors")
    for name in ("scale", "origin", "amplitude", "form", "mode", "discarded_energy", "background_output", "provenance"):
        assert getattr(loaded, name) == getattr(saved, name), name
    assert torch.equal(loaded.response, saved.response)
    assert torch.equal(torch.as_tensor(loaded.background), torch.as_tensor(saved.background))
    assert loaded.provenance["model"] == "Sequential"
    assert {"hyra", "torch", "dtype", "device"} <= set(loaded.provenance)


def test_a_response_that_is_not_finite_survives_the_file(tmp_path):
    saved = ImpulseResponse(torch.tensor([[[math.nan, math.inf], [1, 2]]]), 2, (0, 0))
    saved.save(tmp_path / "h.safetensors")
    assert torch.equal(
        ImpulseResponse.load(tmp_path / "h.safetensors").response.nan_to_num(7), saved.response.nan_to_num(7)
    )
    assert not saved.is_finite


def test_loading_refuses(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*missing.safetensors"):
        ImpulseResponse.load(tmp_path / "missing.safetensors")
    (tmp_path / "text.safetensors").write_text("no tensors here, and long enough for a header")
    with pytest.raises(ValueError, match="is no safetensors file"):
        ImpulseResponse.load(tmp_path / "text.safetensors")
    HyRA(nn.Upsample(scale_factor=2)).decompose(torch.rand(3, 4, 4)).save(tmp_path / "split.safetensors")
    with pytest.raises(ValueError, match="must hold a result of kind ImpulseResponse, got 'Decomposition'"):
        ImpulseResponse.load(tmp_path / "split.safetensors")


def test_a_picture_is_accepted_with_a_warning(tmp_path):
    image = pytest.importorskip("PIL.Image")
    response = bicubic(2, 11)
    picture = (response.response.clamp(0, 1) * 255).round().byte().movedim(0, -1).contiguous()
    image.fromarray(picture.numpy()).save(tmp_path / "h.png")
    with pytest.warns(UserWarning, match="h.png: an 8-bit picture has lost the response's negative lobes"):
        loaded = ImpulseResponse.load(tmp_path / "h.png", scale=2)
    assert loaded.origin == response.origin
    assert torch.allclose(loaded.response.double(), response.response.clamp(0, 1), atol=0.5 / 255 + 1e-6)
    assert float(loaded.dc_gain[0]) > 1.05  # the clipped lobes are missing
    with pytest.raises(ValueError, match="scale must be given for a picture"):
        ImpulseResponse.load(tmp_path / "h.png")
    with pytest.raises(ValueError, match="scale must divide the picture's size, 22x22, got 3"):
        ImpulseResponse.load(tmp_path / "h.png", scale=3)
    with pytest.raises(FileNotFoundError, match=r"no such file: .*none.png"):
        ImpulseResponse.load(tmp_path / "none.png", scale=2)
    (tmp_path / "h.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"h.png cannot be read as an image"):
        ImpulseResponse.load(tmp_path / "h.png", scale=2)


def test_prints_well():
    assert repr(bicubic()) == "ImpulseResponse(3x132x132 at x4, literal, amplitude 1 on background 0, main lobe 0.9356)"
    jvp = HyRA(nn.Upsample(scale_factor=2)).impulse_response(8, background=torch.rand(3, 8, 8), mode="jvp")
    assert "affine, the limit of small amplitudes (jvp) on background an image" in repr(jvp)


def test_cross_channel_share():
    def mixed(x):  # each colour, and a third of the one before it
        y = torch.nn.functional.interpolate(x, scale_factor=2)
        return y + y.roll(1, 1) / 3

    model = HyRA(mixed, dtype=torch.float64)
    assert model.impulse_response(8, "matrix").cross_channel_share == pytest.approx(0.1)
    assert model.impulse_response(8).cross_channel_share is None
    plain = HyRA(torch.nn.Upsample(scale_factor=2)).impulse_response(8, "matrix")
    assert plain.cross_channel_share == 0


def test_border_energy_is_never_negative():
    planes = [F.pad(torch.rand(40, 40), (4, 4, 4, 4)) for _ in range(50)]
    energies = [border_energy(plane, 4) for plane in planes]
    assert min(energies) >= 0
    assert max(energies) < 1e-14


def test_integers_of_numpy_are_kept_as_those_of_python():
    response = ImpulseResponse(torch.rand(1, 8, 8), np.int64(2), [np.int32(4), np.uint8(4)])
    assert (response.scale, response.origin) == (2, (4, 4))
    assert {type(n) for n in (response.scale, *response.origin)} == {int}


def test_a_response_is_joint_or_a_matrix():
    assert ImpulseResponse(torch.rand(3, 8, 8), 2, (4, 4)).channels == "joint"
    assert ImpulseResponse(torch.rand(3, 3, 8, 8), 2, (4, 4)).channels == "matrix"


def test_filtering_compiles_without_graph_breaks():
    torch.compiler.reset()
    response = ImpulseResponse(torch.rand(3, 8, 8), scale=2, origin=(4, 4))
    compiled = torch.compile(response.apply, fullgraph=True, backend="aot_eager")
    for size in ((3, 12, 15), (3, 10, 13)):
        lr = torch.rand(size)
        torch.testing.assert_close(compiled(lr), response.apply(lr), rtol=0, atol=0)
