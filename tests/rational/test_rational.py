"""Networks of a scale p/q: what is known of them comes back, and what takes an integer takes them or says why not."""

import math
from fractions import Fraction
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import hyra
from hyra import models
from hyra.adapters import at_scale, implicit
from hyra.filters import transfer
from hyra.images.resampling import check_size, degrade, enlarge
from hyra.ops.rational_filter import rational_filter

DECIMALS = [1.5, 2.4, 3.7]


def interpolation(scale, mode="bicubic"):
    return partial(F.interpolate, scale_factor=scale, mode=mode, recompute_scale_factor=False)


def cubic(t, a=-0.75):
    """torch's kernel of bicubic interpolation."""
    t = t.abs()
    near, far = ((a + 2) * t - (a + 3)) * t * t + 1, a * (((t - 5) * t + 8) * t - 4)
    return torch.where(t <= 1, near, torch.where(t < 2, far, 0))


def filtering(response, scale, origin, boundary="replicate"):
    """A network that is a filter of that scale."""

    def network(x):
        size = [math.floor(scale * n) for n in x.shape[-2:]]
        return rational_filter(x, response.to(x), scale, origin, boundary, size)

    return network


@pytest.mark.parametrize("scale", DECIMALS)
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_of_an_interpolation_nothing_is_left(dtype, scale, mode):
    model = hyra.HyRA(interpolation(scale, mode), scale, in_channels=1, dtype=dtype)
    q = model.scale.denominator
    split = model.decompose(torch.rand(1, 5 * q, 3 * q, dtype=dtype), "replicate", model.impulse_response(3 * q + 8))
    assert split.output.shape[-2:] == (5 * model.scale.numerator, 3 * model.scale.numerator)
    assert float(split.nonlinear.abs().max()) <= (1e-5 if dtype == torch.float32 else 1e-13)


@pytest.mark.parametrize("scale", DECIMALS)
def test_the_response_of_bicubic_is_its_kernel(scale):
    response = hyra.HyRA(interpolation(scale), scale, in_channels=1, dtype=torch.float64).impulse_response(30)
    t, section = response.profile()
    row = (math.ceil(response.center[0]) - response.center[0]) / response.density
    expected = cubic(torch.tensor(row, dtype=torch.float64)) * cubic(t)
    assert float((section - expected).abs().max()) < 1e-13
    assert response.scale == Fraction(scale).limit_denominator(20)
    assert response.density == response.scale.numerator
    assert response.dc_gain.item() == pytest.approx(1)
    assert response.shift == pytest.approx((0, 0), abs=1e-12)


def test_figures_are_those_of_the_same_kernel_at_integers():
    """With q odd, the samples at p/q lie where those at p lie."""
    fraction, integer = (
        hyra.HyRA(interpolation(s), s, in_channels=1, dtype=torch.float64).impulse_response(39) for s in (5 / 3, 5)
    )
    assert (fraction.center[0] % 1, fraction.density) == (integer.center[0] % 1, integer.density)
    fits = [response.fit_sinc() for response in (fraction, integer)]
    for name in ("cutoff", "ring_cosine", "similarity", "residual", "gain"):
        assert getattr(fits[0], name) == pytest.approx(getattr(fits[1], name), abs=1e-9)
    for name in ("passband_ripple_db", "stopband_db", "main_lobe", "side_lobe"):
        assert getattr(fraction, name) == pytest.approx(getattr(integer, name), abs=1e-3)


@settings(max_examples=12)
@given(st.integers(2, 9), st.integers(2, 6), st.integers(0, 3), st.booleans())
def test_a_filter_comes_back(p, q, offset, matrix):
    scale = Fraction(p, q)
    if scale <= 1 or scale.denominator == 1:
        return
    known = torch.randn(*((2, 3) if matrix else (3,)), 2 * p + 1, 3 * p, dtype=torch.float64)
    net = filtering(known, scale, (p + offset, p))
    model = hyra.HyRA(net, scale, in_channels=3, dtype=torch.float64)
    size = 6 + 2 * scale.denominator
    response = model.impulse_response(size, "matrix" if matrix else "joint")
    top, left = response.origin[0] - p - offset, response.origin[1] - p
    found = response.response[..., top : top + known.shape[-2], left : left + known.shape[-1]]
    assert float((found - known).abs().max()) < 1e-13
    assert float(response.response.square().sum()) == pytest.approx(float(known.square().sum()))


def test_the_same_wherever_it_is_measured():
    model = hyra.HyRA(interpolation(2.4), 2.4, in_channels=1, dtype=torch.float64)
    one, other = (model.impulse_response(20, position=position) for position in ((10, 10), (6, 14)))
    assert other.origin == (12 * 5, 12 * 10)
    parts = (
        h.response[0, h.origin[0] - 30 : h.origin[0] + 30, h.origin[1] - 30 : h.origin[1] + 30] for h in (one, other)
    )
    assert torch.allclose(*parts, rtol=0, atol=1e-14)


class Batches(torch.nn.Module):
    """Bicubic that keeps how many images it was given at a time, and takes so many at most."""

    def __init__(self, most):
        super().__init__()
        self.most, self.log = most, ([],)  # a list of its own would be put back after a derivative
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        if len(x) > self.most:
            raise RuntimeError("too many")
        self.log[0].append(len(x))
        return self.weight * interpolation(2.4)(x)


@pytest.mark.parametrize("options", [{}, {"channels": "matrix"}, {"mode": "jvp", "background": 0.5}], ids=str)
def test_impulses_of_a_block_share_runs_where_the_network_allows(options, monkeypatch):
    for name, value in (
        ("_WORTHWHILE", 0.0),
        ("_LONG_CALL", math.inf),
    ):  # how long a run takes is not the question here
        monkeypatch.setattr(f"hyra.probing.batching.{name}", value)
    alone, three, many = (Batches(most) for most in (1, 3, 100))
    responses = [hyra.HyRA(net, 2.4, in_channels=2).impulse_response(20, **options) for net in (alone, three, many)]
    for response in responses[1:]:
        assert torch.allclose(response.response, responses[0].response, rtol=0, atol=1e-6)
        assert response.origin == responses[0].origin
    one, few, more = (net.log[0] for net in (alone, three, many))
    assert (max(one), max(few)) == (1, 2)
    assert max(more) >= 8
    assert len(more) < len(few) < len(one)


def test_too_small_a_canvas_is_told():
    model = hyra.HyRA(interpolation(3.7), 3.7, in_channels=1)
    with pytest.warns(
        UserWarning, match="of the response's energy lies at the border of the canvas: use a larger size"
    ):
        model.impulse_response(20)


def test_affine_and_the_derivative():
    def net(x):
        return 0.25 + 2 * interpolation(1.5)(x) ** 2

    model = hyra.HyRA(net, "3/2", in_channels=1, dtype=torch.float64)
    assert model.impulse_response(16, background=0.5, mode="jvp").dc_gain.item() == pytest.approx(2)
    image = torch.full((1, 9, 8), 0.3, dtype=torch.float64)
    split = model.decompose(image, "replicate", model.impulse_response(16, form="affine"))
    assert split.padding == (1, 0)
    assert split.output.shape == (1, 13, 12)
    assert torch.equal(split.linear + split.nonlinear, split.output)


def liif(x, coord, cell):
    """LIIF's local ensemble of the four nearest pixels, with their values for its network: bilinear interpolation."""
    return F.grid_sample(x, coord.flip(-1)[:, None], mode="bilinear", padding_mode="border", align_corners=False)[
        :, :, 0
    ].mT


@pytest.mark.parametrize("scale", [1.5, 2.4, 3])
def test_implicit_networks(scale):
    model = hyra.HyRA(implicit(liif, scale), scale, dtype=torch.float64)
    expected = hyra.HyRA(interpolation(scale, "bilinear"), scale, dtype=torch.float64).impulse_response(16)
    assert torch.allclose(model.impulse_response(16).response, expected.response, rtol=0, atol=1e-13)
    image = torch.rand(1, 3, 11, 13, dtype=torch.float64)
    split = model.decompose(image, "replicate", expected)
    assert float(split.nonlinear[..., :-6, :-6].abs().max()) < 1e-13


def test_a_network_that_is_told_its_scale():
    told = []

    def any_scale(x, scale):
        told.append(scale)
        return interpolation(scale)(x)

    model = hyra.HyRA(at_scale(any_scale, Fraction(5, 2)), 2.5, in_channels=1)
    assert model.impulse_response(16).main_lobe > 0.8
    assert set(told) == {2.5}


def test_a_probe_finds_all_places_alike_and_packs():
    model = hyra.HyRA(interpolation(2.4), 2.4, in_channels=1, dtype=torch.float64)
    probe = model.probe(canvas=64, size=15, keep_responses=True)
    assert probe.canvas == (65, 65)
    assert probe.packed
    assert probe.packing_error < 1e-6
    assert probe.locality.period == 5
    assert bool((probe.positions % 5 == 0).all())
    assert probe.largest_deviation < 1e-12
    assert probe.images % 25 == 0
    alone = model.impulse_response(65)
    y, x = (a - b for a, b in zip(alone.origin, probe.mean.origin, strict=True))
    height, width = probe.mean.response.shape[1:]
    part = alone.response[:, y : y + height, x : x + width]
    assert torch.allclose(probe.mean.response.to(part), part, rtol=0, atol=1e-13)
    assert torch.allclose(probe.ring_cosine, probe.ring_cosine[0].expand(len(probe.positions)))
    assert probe.deviation_per_subpixel.shape == (12, 12)
    assert probe.deviation_per_phase().shape == (1, 1)
    with pytest.raises(ValueError, match="period must be a multiple of 5 at x12/5, got 8"):
        probe.deviation_per_phase(8)


def test_a_probe_of_a_network_that_differs_from_place_to_place():
    gain = 1 + torch.rand(60, 60, dtype=torch.float64)

    def net(x):
        return interpolation(1.5)(x) * (gain[: 3 * x.shape[2] // 2, : 3 * x.shape[3] // 2])

    probe = hyra.HyRA(net, 1.5, in_channels=1, dtype=torch.float64).probe(canvas=40, size=10, pack=False)
    assert probe.mean_deviation > 0.05


def test_tiles_are_the_whole():
    net = torch.nn.Conv2d(2, 2, 5, padding=2).double()
    model = hyra.HyRA(lambda x: interpolation(2.4)(net(x)), 2.4, in_channels=2, dtype=torch.float64)
    image = torch.rand(2, 63, 51, dtype=torch.float64)
    response = model.impulse_response(20, form="affine")
    whole, tiled = (model.decompose(image, response=response, tile=tile) for tile in (None, 15))
    assert whole.output.shape == (2, 151, 122)
    assert float((whole.output - tiled.output).abs().max()) < 1e-13


@pytest.mark.parametrize(
    ("size", "rounded"), [(math.floor, [76, 78, 79]), (round, [77, 78, 79]), (math.ceil, [77, 79, 79])]
)
def test_sides_are_those_of_the_network(size, rounded):
    def net(x):
        return F.interpolate(x, [size(x.shape[2] * 12 / 5), size(x.shape[3] * 12 / 5)])

    model = hyra.HyRA(net, 2.4, in_channels=1)
    found = [model.network.run(torch.rand(1, 1, n, n)).shape[-1] for n in (32, 33, 33)]
    assert [model.network.enlarged(n) for n in (32, 33)] == found[:2]
    assert found[0] == size(32 * 2.4)
    assert found[1] == size(33 * 2.4)


def test_a_pixel_lost_to_rounding_is_no_fault():
    assert math.floor(27 * (13 / 3)) == 116  # and not 117
    model = hyra.HyRA(interpolation(13 / 3), 13 / 3, in_channels=1)
    split = model.decompose(torch.rand(1, 27, 12), "replicate", model.impulse_response(24))
    assert split.output.shape == (1, 116, 52)
    assert float(split.nonlinear.abs().max()) < 1e-5


def test_seeds_over_positions():
    def net(x):
        return interpolation(1.5)(x) + 0.01 * torch.randn(*x.shape[:2], *(3 * n // 2 for n in x.shape[-2:]))

    model = hyra.HyRA(net, 1.5, in_channels=1)
    with pytest.warns(RuntimeWarning, match="draws random numbers"):
        probe = model.probe(torch.tensor([[6, 8], [12, 12]]), canvas=24, size=10, pack=False, seeds=2)
    assert probe.mean.standard_error.shape == probe.mean.response.shape


def test_files(tmp_path):
    model = hyra.HyRA(interpolation(1.5), 1.5, in_channels=1)
    split = model.decompose(torch.rand(1, 8, 10))
    split.save(tmp_path / "split")
    loaded = hyra.Decomposition.load(tmp_path / "split")
    assert loaded.response.scale == Fraction(3, 2)
    assert torch.equal(loaded.linear, split.linear)
    shares = split.band_shares(0.25)
    shares.save(tmp_path / "shares")
    assert hyra.BandShares.load(tmp_path / "shares").scale == Fraction(3, 2)


@pytest.mark.parametrize(
    ("scale", "copies"), [(Fraction(3, 2), 3), (Fraction(12, 5), 3), (Fraction(37, 10), 5), (3, 3)]
)
def test_copies_that_begin_below_the_highest_frequency(scale, copies):
    model = hyra.HyRA(interpolation(float(scale), "nearest"), scale, in_channels=1, dtype=torch.float64)
    q = scale.denominator
    split = model.decompose(torch.rand(1, 4 * q, 4 * q, dtype=torch.float64), "circular", model.impulse_response(30))
    remaining = split.copy_compensation().remaining
    assert remaining.shape == (copies, copies)
    assert torch.allclose(remaining.flatten()[1:], torch.ones(copies**2 - 1, dtype=torch.float64))  # G is zero


def test_copies_are_drawn_from_one_side_to_the_other_at_a_fraction():
    pytest.importorskip("matplotlib")
    values = torch.tensor([[math.nan, 0.1, 0.2], [0.3, 0.4, 0.5], [0.6, 0.7, 0.8]])  # of the copies 0, 1 and -1
    for scale, names, first in ((Fraction(3, 2), ["−1", "0", "1"], [0.8, 0.6, 0.7]), (3, ["0", "1", "2"], [0.1, 0.2])):
        figure, (axes, _) = hyra.CopyCompensation(values, values, scale).plot()
        figure.canvas.draw()
        for axis in (axes.xaxis, axes.yaxis):
            assert [label.get_text() for label in axis.get_ticklabels()] == names
        drawn = sorted((text.get_position()[::-1], text.get_text()) for text in axes.texts)
        assert [text for _, text in drawn][: len(first)] == [f"{value:.2g}" for value in first]
        assert len(drawn) == 8


def test_bands_and_their_sums():
    split = hyra.HyRA(interpolation(2.4), 2.4, in_channels=1).decompose(torch.rand(1, 20, 25), "replicate")
    shares = split.band_shares(0.25)
    assert (shares.frequency * 2.4).tolist() == pytest.approx([0.125, 0.375, 0.625, 0.875, 1.125])
    assert shares.linear.tolist() == pytest.approx([1.0] * 5, abs=1e-5)


def test_energy_of_the_copies_of_a_large_plane(monkeypatch):
    plane = torch.randn(50, 43, dtype=torch.float64)
    direct = transfer.copy_energy(plane, 7)
    monkeypatch.setattr(transfer, "_MOST_PAIRS", 0)
    assert torch.allclose(transfer.copy_energy(plane, 7), direct, rtol=0, atol=1e-14)


def test_transfer_function_in_cycles_per_hr_pixel():
    found = (
        hyra.HyRA(interpolation(1.5), 1.5, in_channels=1, dtype=torch.float64).impulse_response(40).transfer_function()
    )
    nyquist = int((found.frequency_x - 1 / 3).abs().argmin())  # of the LR image, 1 / (2 s)
    middle = len(found.frequency_y) // 2
    assert float(found.frequency_x[-1]) == pytest.approx(1, abs=0.02)
    assert float(found.white[middle, nyquist].abs()) == pytest.approx(0.5, abs=0.02)
    assert float(found.white[middle, middle].real) == pytest.approx(1)


def test_images_and_references():
    hr = torch.rand(3, 50, 41)
    lr, cut = degrade(hr, Fraction(12, 5))
    assert lr.shape == (3, 20, 15)
    assert cut.shape == (3, 48, 36)
    assert enlarge(lr, Fraction(12, 5)).shape == (3, 48, 36)
    check_size("hr", cut, "lr", lr, Fraction(12, 5))
    with pytest.raises(ValueError, match="hr must have 12/5 times the size of lr, 48x36, got 50x41"):
        check_size("hr", hr, "lr", lr, Fraction(12, 5))


@pytest.mark.parametrize(("call", "message"), [
    (lambda m: m.erf(torch.rand(1, 8, 8)), "of an effective receptive field must have an integer scale, got 3/2"),
    (lambda m: m.probe(canvas=16, size=9), "size must be a multiple of 2 at x3/2, got 9"),
    (lambda m: m.impulse_response(background=torch.rand(1, 9, 8)), "sides that are multiples of 2 at x3/2, got 9x8"),
    (lambda m: m.network(torch.rand(1, 1, 9, 8)), "a network of scale 3/2 is run on multiples of 2 pixels, got 9x8"),
    (lambda m: hyra.HyRA(m.network._once._net).impulse_response(16), "or scale to say which fraction it is"),
    (lambda m: hyra.HyRA(m.network._once._net, 2.5).impulse_response(16), "is not of the scale 5/2"),
    (lambda m: hyra.lowpass_upsample(torch.rand(1, 1, 8, 8), 1.01), "must be an integer or a fraction p/q with p"),
])  # fmt: skip
def test_refusals(call, message):
    model = hyra.HyRA(interpolation(1.5), 1.5, in_channels=1)
    with pytest.raises((ValueError, TypeError, hyra.NetworkError), match=message):
        call(model)


@pytest.mark.parametrize("options", [{"taps": 6}, {"taps": None}, {"taps": 6, "centred": False}], ids=str)
@pytest.mark.parametrize("scale", [Fraction(12, 5), Fraction(3, 2)])
def test_lowpass_by_its_definition(scale, options):
    """Tap by tap (of the larger image) and by a matrix for each axis."""
    p, q = scale.numerator, scale.denominator
    for h, w in ((9, 11), (30, 44)):
        lr = torch.rand(2, h, w, dtype=torch.float64)
        out = hyra.lowpass_upsample(lr, scale, normalize=False, boundary="zeros", **options)
        assert out.shape == (2, p * h // q, p * w // q)
        lines = []
        for n, length in zip((h, w), out.shape[1:], strict=True):
            taps = options["taps"] or n // 2 * 2
            place = torch.arange(length, dtype=torch.float64) - (
                float(scale - 1) / 2 if options.get("centred", True) else 0
            )
            t = place[:, None] / float(scale) - torch.arange(n)
            lines.append(torch.sinc(t) * torch.cos(math.pi * t / taps).square() * (t.abs() <= taps / 2))
        assert torch.allclose(out, lines[0] @ lr @ lines[1].T, rtol=0, atol=1e-12)


def test_lowpass_keeps_a_constant_and_is_linear():
    split = hyra.HyRA(models.load("lowpass", Fraction(12, 5)).network, 2.4, in_channels=1).decompose(
        torch.rand(1, 20, 30)
    )
    assert split.output.shape == (1, 48, 72)
    assert float(split.nonlinear.abs().max()) < 1e-5
    ones = hyra.lowpass_upsample(torch.ones(1, 7, 9), "3/2")
    assert torch.allclose(ones, torch.ones(1, 10, 13))


def test_layers_are_probed_at_integers():
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3, padding=1), torch.nn.Upsample(scale_factor=1.5))
    with pytest.raises(ValueError, match="a network whose layers are probed must have an integer scale, got 3/2"):
        hyra.HyRA(net, 1.5).layer_responses()


def test_attribution():
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3, padding=1), torch.nn.Upsample(scale_factor=1.5, mode="bicubic"))
    found = hyra.HyRA(net, 1.5).attribution(torch.rand(1, 15, 16), (6, 6, 4), progress=False)
    assert found.output.shape == (1, 22, 24)
    assert float(found.completeness_error.max()) < 0.05
