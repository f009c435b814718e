"""Probing many positions: reach, period and packing are found; the moments are those of the responses one by one."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hyra import HyRA
from hyra.network.locality import Locality, measure_locality
from hyra.probing.packing import groups_apart
from hyra.probing.probe import Probe


def local(reach, scale=2):
    """A bias-free network with a known reach: every weight positive, so that nothing cancels."""
    conv = nn.Conv2d(1, scale**2, 2 * reach + 1, padding=reach, bias=False).double()
    nn.init.uniform_(conv.weight, 0.5, 1)
    return nn.Sequential(conv, nn.PixelShuffle(scale))


class Windowed(nn.Module):
    """Adds to each pixel the square of its 8x8 window's mean, as attention within windows does."""

    def forward(self, x):
        pooled = F.interpolate(F.avg_pool2d(x, 8).square(), scale_factor=8)
        return F.interpolate(x + 64 * pooled, scale_factor=2)


def pooled(x):
    """Adds the image's mean to each pixel, as global attention does."""
    return F.interpolate(x + x.mean((-2, -1), keepdim=True), scale_factor=2)


def locality(net):
    return measure_locality(HyRA(net).network, 1.0, 0.0)


@pytest.mark.parametrize("reach", [0, 1, 4, 9])
def test_a_known_receptive_field_gives_the_right_spacing(reach):
    found = locality(local(reach))
    assert found == Locality(reach, 1)
    assert found.spacing == found.receptive_field == 2 * reach + 1


def test_a_reach_beyond_the_first_canvas():
    def far(x):  # 40 pixels to the left and to the right
        return F.conv2d(x, torch.ones(1, 1, 1, 81).to(x), padding=(0, 40))

    network = HyRA(far, in_channels=1).network
    assert measure_locality(network, 1.0, 0.0).reach == 40


def test_a_window_is_found():
    found = locality(Windowed())
    assert found.period == 8
    assert 7 >= found.reach >= 4
    assert found.spacing % 8 == 0


def test_padding_does_not_hide_that_convolutions_repeat_everywhere():
    """Biases make hidden layers unlike near the border, and a response may look as far again as it reaches."""
    layers = [torch.nn.Conv2d(a, b, 9, padding=4) for a, b in ((3, 4), (4, 4), (4, 4), (4, 12))]
    for layer in layers:
        torch.nn.init.normal_(layer.weight, std=0.1)
        torch.nn.init.normal_(layer.bias, std=0.5)
    first, second, third, last = layers
    rectifier = torch.nn.LeakyReLU(0.1)
    net = torch.nn.Sequential(first, rectifier, second, rectifier, third, rectifier, last, torch.nn.PixelShuffle(2))
    assert locality(net) == Locality(16, 1)


def test_locality_is_measured_again_only_when_the_weights_have_changed():
    net, runs = local(4), []
    net.register_forward_hook(lambda *_: runs.append(1))
    model = HyRA(net)
    options = {"positions": torch.tensor([[32, 32]]), "canvas": 64}
    assert model.probe(**options).locality == Locality(4, 1)
    measured = len(runs)
    assert model.probe(**options).locality == Locality(4, 1)
    again = len(runs) - measured
    assert again < measured / 2
    net[0].weight.data[:, :, :, 6:] = 0  # past every version counter
    net[0].weight.data[:, :, :, :3] = 0
    net[0].weight.data[:, :, 6:] = 0
    net[0].weight.data[:, :, :3] = 0
    assert model.probe(**options).locality == Locality(1, 1)


def test_a_global_network_has_no_reach():
    assert locality(pooled) == Locality(None, None)
    assert locality(pooled).spacing is None


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=40),
    st.integers(1, 6),
    st.integers(1, 3),
)
def test_packing_keeps_distance_and_period(positions, steps, period):
    spacing = steps * period
    positions = torch.tensor(positions)
    groups = groups_apart(positions, spacing, period)
    assert sorted(i for group in groups for i in group) == list(range(len(positions)))
    for group in groups:
        for a in group:
            for b in group:
                if a != b:
                    offset = (positions[a] - positions[b]).abs()
                    assert offset.max() >= spacing
                    assert (offset % period == 0).all()


def nonlinear(dtype=torch.float64):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 12, 3, padding=1), nn.PixelShuffle(2))
    return net.to(dtype)


@pytest.mark.parametrize("options", [{}, {"form": "affine", "amplitude": 0.5}, {"background": 0.25}], ids=str)
@pytest.mark.parametrize("packed", [True, False])
def test_moments_are_those_of_single_impulses(options, packed):
    model = HyRA(nonlinear())
    positions = torch.tensor([[3, 4], [30, 31], [31, 9], [16, 17], [47, 40], [9, 40]])
    found = model.probe(positions, pack=packed, canvas=48, size=5, batch_size=2, **options)
    assert found.packed == packed
    assert found.images < len(positions) if packed else found.images == len(positions)
    windows = []
    for y, x in positions.tolist():
        whole = F.pad(model.impulse_response(48, position=(y, x), **options).response, (4,) * 4, value=torch.nan)
        windows.append(whole[:, 2 * y : 2 * y + 10, 2 * x : 2 * x + 10])
    inside = torch.stack(windows)
    assert torch.allclose(found.reference.response, windows[3], atol=1e-14)
    assert torch.allclose(found.mean.response, inside.nanmean(0), atol=1e-13)
    variance = (inside - inside.nanmean(0)).square().nanmean(0)
    assert torch.allclose(found.variance, variance, atol=1e-13)
    off = (inside - windows[3]).nan_to_num(0)
    norm = torch.where(inside.isnan(), 0, windows[3]).square().sum((1, 2, 3)).sqrt()
    assert torch.allclose(found.deviation, off.square().sum((1, 2, 3)).sqrt() / norm, atol=1e-12)
    assert torch.allclose(found.peak_deviation, off.abs().amax((1, 2, 3)) / windows[3].abs().max(), atol=1e-12)
    assert found.reference.origin == found.mean.origin == (4, 4)


@pytest.mark.parametrize(
    ("channels", "packed", "mode"),
    [("joint", True, "finite"), ("joint", False, "finite"), ("matrix", True, "finite"), ("matrix", True, "jvp")],
)
def test_over_an_image_the_responses_are_those_of_single_impulses(channels, packed, mode):
    model = HyRA(nonlinear())
    image = torch.rand(3, 40, 56, dtype=torch.float64)
    options = {"channels": channels, "background": image, "amplitude": 0.5, "mode": mode}
    found = model.probe(size=5, pack=packed, batch_size=2, keep_responses=True, **options)
    assert found.packed == packed
    assert found.canvas == (40, 56)
    windows = []
    for y, x in found.positions.tolist():
        whole = model.impulse_response(position=(y, x), **options).response
        windows.append(whole[..., 2 * y - 4 : 2 * y + 6, 2 * x - 4 : 2 * x + 6])
    windows = torch.stack(windows)
    assert torch.allclose(found.responses, windows, atol=1e-14)
    assert torch.allclose(found.mean.response, windows.mean(0), atol=1e-13)
    assert torch.allclose(found.variance, windows.var(0, correction=0), atol=1e-13)
    assert found.variance.max() > 1e-6
    off = (windows - found.reference.response).flatten(1).norm(dim=1) / found.reference.response.norm()
    assert torch.allclose(found.deviation, off, atol=1e-12)


def test_a_matrix_is_that_of_single_impulses():
    """A linear network that mixes colours, with three in and two out so that no transposed matrix passes."""
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 8, 5, padding=2, padding_mode="circular", bias=False).double()
    model = HyRA(nn.Sequential(conv, nn.PixelShuffle(2)))
    expected = model.impulse_response(32, channels="matrix").cropped(5)
    packed, single = (model.probe(channels="matrix", canvas=32, size=5, pack=pack) for pack in (True, False))
    assert expected.response.shape == (2, 3, 10, 10)
    for found in (packed, single):
        assert torch.allclose(found.reference.response, expected.response, atol=1e-14)
        assert torch.allclose(found.mean.response, expected.response, atol=1e-14)
        assert found.variance.shape == (2, 3, 10, 10)
        assert found.deviation.max() < 1e-14
    assert packed.packed
    assert packed.images == 3
    assert single.images == 3 * len(single.positions)


def test_packing_and_batches_change_nothing():
    model = HyRA(nonlinear(torch.float32))
    found = [model.probe(canvas=64, size=9, pack=p, batch_size=b) for p, b in ((True, 1), (True, 3), (False, 16))]
    for other in found[1:]:
        assert torch.allclose(other.deviation, found[0].deviation, atol=1e-6)
        assert torch.allclose(other.mean.response, found[0].mean.response, atol=1e-6)
    assert found[0].images < found[2].images / 10


@pytest.mark.parametrize(("net", "why"), [
    (pooled, "one impulse changes the output everywhere"),
    (lambda x: F.interpolate(x * torch.linspace(1, 2, x.shape[-1]), scale_factor=2), "differs at every position"),
], ids=["global", "no period"])  # fmt: skip
def test_falls_back_to_one_impulse_an_image_and_says_so(net, why):
    with pytest.warns(UserWarning, match=f"probing one impulse an image, which takes longer: .*{why}"):
        found = HyRA(net).probe(torch.tensor([[8, 8], [40, 8], [8, 40]]), canvas=64)
    assert not found.packed
    assert found.images == 3


def test_positions_too_close_to_share_an_image_are_told():
    model = HyRA(nn.Upsample(scale_factor=2, mode="bicubic"))
    with pytest.warns(UserWarning, match="takes longer: no two positions lie 5 LR pixels apart, by whole windows"):
        found = model.probe(torch.tensor([[20, 20], [24, 22]]), canvas=48)
    assert (found.packed, found.packing_error, found.images) == (False, 0, 2)


def test_packing_that_changes_responses_is_noticed():
    def crowded(x):  # local for one impulse; with more than one in the image, everything is halved
        return F.interpolate(x, scale_factor=2) / (1 + ((x > 0.9).sum((1, 2, 3), keepdim=True) > 3))

    with pytest.warns(UserWarning, match=r"impulses in one image change each other's responses by 0\.5 of the peak"):
        found = HyRA(crowded).probe(canvas=64)
    assert not found.packed
    assert found.packing_error == 0.5
    assert found.deviation.max() == 0


def test_deviation_per_phase_shows_the_window():
    found = HyRA(Windowed()).probe(torch.cartesian_prod(torch.arange(16, 40), torch.arange(16, 40)), canvas=64)
    assert found.packed
    phases = found.deviation_per_phase()
    assert phases.shape == (8, 8)
    middle = found.positions[(found.positions - 32).square().sum(1).argmin()]
    assert float(phases[tuple(middle % 8)]) == pytest.approx(0, abs=1e-7)
    assert int((phases > 1e-2).sum()) == 63
    assert found.deviation_per_phase(3).shape == (3, 3)
    assert found.deviation_per_phase(100).isnan().any()


def test_a_linear_upsampler_is_the_same_everywhere():
    found = HyRA(nn.Upsample(scale_factor=4, mode="bicubic"), dtype=torch.float64).probe(canvas=64)
    assert found.deviation.max() < 1e-12
    assert found.variance.abs().max() < 1e-24


@pytest.mark.parametrize("form", ["literal", "affine"])
def test_what_the_window_leaves_out_is_reported(form):
    def net(x):  # two pixels, 3 : 1 in amplitude, and a background that is no part of the response
        return F.interpolate(0.9 * x + 0.3 * x.roll(6, -1), scale_factor=2) + 0.25

    model = HyRA(net, dtype=torch.float64)
    with pytest.warns(
        UserWarning, match=r"window of 9x9 LR pixels discards 0\.1 of the response's energy: use a larger"
    ):
        found = model.probe(canvas=64, size=9, form=form)
    assert found.reference.discarded_energy == found.mean.discarded_energy == pytest.approx(0.1)
    assert model.probe(canvas=64, form=form).reference.discarded_energy == pytest.approx(0, abs=1e-14)


def test_batches_are_halved_when_memory_runs_out():
    sizes = []

    def net(x):
        sizes.append(len(x))
        if len(x) > 3:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte")
        return F.interpolate(x, scale_factor=2)

    positions = torch.tensor([[8, 8 + i] for i in range(9)])
    found = HyRA(net).probe(positions, canvas=32, size=5, pack=False, batch_size=16)
    assert found.deviation.max() == 0
    assert [n for n in sizes if n > 1] == [9, 8, 4, 2, 2, 2, 2]

    def full(x):
        raise torch.OutOfMemoryError("full")

    with pytest.raises(torch.OutOfMemoryError):
        HyRA(full, scale=2, in_channels=1).probe(canvas=32)


@pytest.mark.parametrize(("seconds", "batches"), [
    (lambda n: 0.01, [1, 2, 4, 8, 5]),
    (lambda n: 0.01 * n, [1, 2] + [1] * 17),
    (lambda n: 0.01 + 0.03 * (n > 4), [1, 2, 4, 8, 4, 1]),
    (lambda n: 0.2, [1] * 20),
], ids=["cost of a call", "cost of an image", "slower from some size on", "long calls"])  # fmt: skip
def test_a_batch_size_is_found(seconds, batches, monkeypatch):
    clock, sizes = [0.0], []
    monkeypatch.setattr("hyra.probing.batching.perf_counter", lambda: clock[0])

    def net(x):
        if x.shape[-1] == 32:  # the canvas
            clock[0] += seconds(len(x))
            sizes.append(len(x))
        return F.interpolate(x, scale_factor=2)

    model, positions = HyRA(net, scale=2, in_channels=3), torch.tensor([[8, 6 + i] for i in range(20)])
    model.probe(positions, canvas=32, size=5, pack=False, progress=False)
    assert sizes[-len(batches) :] == batches
    assert sum(sizes) == 20 + 2  # the background's and the middle's


def test_a_batch_size_is_found_within_the_memory():
    sizes = []

    def net(x):
        sizes.append(len(x))
        if len(x) > 1:
            raise torch.OutOfMemoryError("full")
        return F.interpolate(x, scale_factor=2)

    positions = torch.tensor([[8, 6 + i] for i in range(5)])
    HyRA(net, scale=2, in_channels=3).probe(positions, canvas=32, size=5, pack=False, progress=False)
    assert sizes.count(2) == 1


def test_saved_and_loaded_again(tmp_path):
    saved = HyRA(nonlinear()).probe(canvas=32)
    saved.save(tmp_path / "probe.safetensors")
    loaded = Probe.load(tmp_path / "probe.safetensors")
    for name in ("positions", "deviation", "peak_deviation", "variance"):
        assert torch.equal(getattr(loaded, name), getattr(saved, name))
    for name in ("canvas", "locality", "packed", "packing_error", "images"):
        assert getattr(loaded, name) == getattr(saved, name)
    for name in ("mean", "reference"):
        assert torch.equal(getattr(loaded, name).response, getattr(saved, name).response)
    assert repr(loaded) == repr(saved)


def test_likeness_to_the_sinc_of_every_response():
    image = torch.rand(3, 40, 40, dtype=torch.float64)
    model = HyRA(nonlinear())
    found = model.probe(torch.tensor([[12, 13], [28, 20]]), background=image, mode="jvp", keep_responses=True, size=9)
    expected = [found.response(i).fit_sinc().ring_cosine for i in range(2)]
    assert found.ring_cosine.tolist() == expected
    assert found.response(1).mode == "jvp"
    assert found.response(1).response.equal(found.responses[1])
    without = model.probe(torch.tensor([[16, 16]]), canvas=32)
    with pytest.raises(ValueError, match="keep_responses must be true for responses of single positions, got False"):
        without.response(0)


def test_deviation_per_subpixel():
    class Uneven(nn.Module):
        """Nearest neighbour whose lower right sub-pixels are the brighter the farther right they lie."""

        def forward(self, x):
            out = F.interpolate(x, scale_factor=2)
            out[..., 1::2, 1::2] *= 1 + torch.arange(x.shape[-1]).to(x)
            return out

    found = HyRA(Uneven()).probe(torch.tensor([[8, 4], [8, 6]]), canvas=16, size=3, pack=False)
    expected = torch.tensor([[0, 0], [0, 1 / 6]], dtype=torch.float64)  # heights 5 and 7: 6 on average, 1 off
    assert torch.allclose(found.deviation_per_subpixel, expected)


def test_a_network_of_one_size_and_one_that_returns_nothing_finite():
    def only(x):
        if x.shape[-1] != 24:
            raise RuntimeError("only 24x24")
        return F.interpolate(x, scale_factor=2)

    with pytest.warns(UserWarning, match="one impulse an image"):
        assert HyRA(only).probe(size=9).canvas == (24, 24)
    broken = HyRA(lambda x: F.interpolate(x, scale_factor=2) / 0)
    with pytest.warns(RuntimeWarning, match="the response at amplitude 1 on background 0 is not finite"):
        assert not broken.probe(canvas=16, size=5, pack=False).deviation.isfinite().any()


@pytest.mark.parametrize(("options", "message"), [
    ({"positions": "random"}, "positions must be 'grid' or a tensor of integers .P, 2., got str 'random'"),
    ({"positions": torch.rand(4, 2)}, r"positions must be integers \[P, 2\], got torch.float32 \[4, 2\]"),
    ({"positions": torch.tensor([[0, 64]])}, r"positions must lie inside the 64x64 canvas, got \[0, 64\]"),
    ({"positions": torch.tensor([[3, 4], [5, -1]])}, r"inside the 64x64 canvas, got \[5, -1\]"),
    ({"size": 0}, "size must be at least 1, got 0"),
    ({"amplitude": 0}, "amplitude must be a finite number other than 0, got 0"),
    ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
    ({"canvas": 0}, "canvas must be at least 1, got 0"),
    ({"background": torch.nan}, "background must be a finite level or an image"),
    ({"background": torch.zeros(3, 64, 64)}, "canvas must be left out when background is an image, got 64"),
    ({"background": torch.zeros(2, 64, 64)}, r"background must be a level or an image \[3, h, w\], got \[2, 64, 64\]"),
], ids=lambda x: "-".join(x) if isinstance(x, dict) else None)  # fmt: skip
def test_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        HyRA(nn.Upsample(scale_factor=2)).probe(**{"canvas": 64, "pack": False, **options})


def test_positions_that_are_not_finite_are_counted_and_left_out():
    def net(x):
        holes = torch.zeros_like(x)
        holes[..., 20, 20], holes[..., 40, 33] = 1, 1
        return F.interpolate(torch.where((holes > 0) & (x > 0.5), torch.nan, x), scale_factor=2, mode="bicubic")

    places = torch.tensor([[20, 20], [30, 30], [32, 30], [40, 33], [10, 40]])
    with pytest.warns(RuntimeWarning, match="responses at 2 of 5 positions are not finite and left out"):
        found = HyRA(net).probe(places, canvas=64, pack=False, keep_responses=True)
    assert found.left_out == 2
    assert found.deviation.isnan().tolist() == [True, False, False, True, False]
    assert found.mean_deviation < 1e-6
    assert found.mean.is_finite
    assert torch.allclose(found.mean.response.float(), found.reference.response, atol=1e-6)
    assert "2 not finite and left out" in repr(found)


def test_a_network_of_a_fixed_batch_is_probed_one_by_one():
    def net(x):
        if len(x) != 1:
            raise RuntimeError("expected a batch of 1")
        return F.interpolate(x, scale_factor=2)

    for options in ({}, {"batch_size": 4}):
        assert HyRA(net).probe(canvas=48, pack=False, **options).deviation.max() == 0
    assert HyRA(lambda x: F.interpolate(x[:1], scale_factor=2)).probe(canvas=48, pack=False).deviation.max() == 0
