"""Networks that draw random numbers: means over seeds, and how far these are known, whatever is measured."""

import json

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import hyra
from hyra import HyRA, images
from hyra.cli import main
from hyra.probing.seeds import jackknife, mean_and_error
from hyra.track import History, Tracker

quiet = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")

SIZE, NOISE = 17, 0.05

NET = """
import torch
import torch.nn.functional as F

def net(x):
    y = F.interpolate(x, scale_factor=2, mode="bicubic")
    return y * (1 + {noise} * torch.randn_like(y))
"""


def bicubic(x):
    return F.interpolate(x, scale_factor=2, mode="bicubic")


def shaken(x):
    """Noise that depends on the image, so that no difference takes it away."""
    return bicubic(x) * (1 + NOISE * torch.randn(x.shape[0], 1, 2 * x.shape[2], 2 * x.shape[3]))


class Shaken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        y = self.conv(x)
        return bicubic(y * (1 + NOISE * torch.randn_like(y)))


def test_mean_and_error_are_the_definition():
    draws = torch.randn(5, 3, 4, dtype=torch.float64)
    mean, error = mean_and_error(draws)
    assert torch.allclose(mean, draws.mean(0))
    assert torch.allclose(error, draws.std(0) / 5**0.5)
    first = draws[0]
    one, unknown = mean_and_error([first])
    assert one is first
    assert unknown is None


def test_the_jackknife_of_a_mean_is_its_standard_error():
    draws = torch.randn(7, dtype=torch.float64).tolist()
    mean, twice = jackknife(draws, lambda some: [sum(some) / len(some), 2 * sum(some) / len(some)])
    assert mean == pytest.approx(float(torch.tensor(draws).double().std()) / 7**0.5)
    assert twice == pytest.approx(2 * mean)


@pytest.mark.parametrize("measure", ["impulse_response", "decompose"])
def test_what_one_seed_alone_warns_of_is_told_once(measure):
    def broken_at_times(x):
        y = shaken(x)
        return y if torch.initial_seed() == 0 else y * torch.nan

    net, given = HyRA(broken_at_times), [torch.rand(3, 9, 9)] if measure == "decompose" else [9]
    with pytest.warns(RuntimeWarning) as told:
        getattr(net, measure)(*given, seeds=3)
    assert sum("is not finite" in str(warning.message) for warning in told) == 1
    assert sum("draws random numbers" in str(warning.message) for warning in told) == 1


@quiet
@pytest.mark.parametrize("channels", ["joint", "matrix"])
def test_deviations_of_a_probe_are_noise_and_said_to_be(channels):
    positions = torch.tensor([[8, 8], [10, 20], [20, 11], [1, 30]])  # the last window reaches beyond the canvas
    options = {"canvas": 33, "size": 9, "form": "affine", "pack": False, "channels": channels, "progress": False}
    one = HyRA(shaken).probe(positions, **options)
    several = HyRA(shaken).probe(positions, seeds=16, keep_responses=True, **options)
    assert one.standard_error is None
    assert several.deviation.mean() < 0.5 * one.deviation.mean()
    others = several.deviation > 0  # but for the reference itself
    assert int(others.sum()) == 3
    ratio = several.deviation[others] / several.standard_error[others]
    assert 0.3 < float(ratio.min()) < float(ratio.max()) < 2
    exact = HyRA(bicubic).probe(positions, **options)
    assert float((several.mean.response - exact.mean.response).norm() / exact.mean.response.norm()) < NOISE
    assert several.mean.standard_error.shape == several.mean.response.shape
    assert several.responses.shape[0] == 4
    assert HyRA(shaken).probe(positions, seeds=2, **options).responses is None


@quiet
def test_one_mean_is_that_of_the_responses():
    """Without noise, seeds change nothing: not at the border, where samples count nowhere, nor in the moments."""
    positions = torch.tensor([[4, 4], [2, 28], [16, 11]])
    net = HyRA(lambda x: bicubic(x * torch.linspace(0.5, 1, x.shape[-1])))
    one, several = (net.probe(positions, canvas=33, size=9, seeds=seeds, progress=False) for seeds in (1, 3))
    for name in ("deviation", "peak_deviation", "variance"):
        assert torch.allclose(getattr(one, name), getattr(several, name), rtol=1e-4, atol=1e-9), name
    assert torch.allclose(one.mean.response, several.mean.response, atol=1e-6)
    assert float(several.standard_error.max()) < 1e-6


@quiet
def test_a_sweep_has_errors():
    sweep = HyRA(shaken).amplitude_sweep([0.1, 0.5], SIZE, seeds=9)
    assert len(sweep.ring_cosine_errors) == 2
    assert all(0 < error < NOISE for error in sweep.ring_cosine_errors)
    exact = HyRA(bicubic).amplitude_sweep([0.1, 0.5], SIZE)
    for fit, expected, error in zip(sweep.fits, exact.fits, sweep.ring_cosine_errors, strict=True):
        assert abs(fit.ring_cosine - expected.ring_cosine) < 4 * error
    assert 0 < sweep.linearity_error < 0.01
    assert sweep.local.standard_error is not None
    assert HyRA(shaken).amplitude_sweep([0.1], SIZE).linearity_error is None


@quiet
def test_layers_have_errors():
    layers = HyRA(Shaken()).layer_responses(size=SIZE, seeds=4)
    known, drawn = (layers[name].relative_error for name in ("conv", "(output)"))
    assert known < 1e-6 < drawn < NOISE
    head, *lines = layers.table().splitlines()
    assert head.split()[-1] == "error"
    assert len(lines) == 2
    assert "error" not in HyRA(Shaken()).layer_responses(size=SIZE).table()


def dimmed(x):
    """All that it draws is one gain, so that what is linear in the image has a mean and an error that are known."""
    return bicubic(x) * (1 + NOISE * torch.randn(1, dtype=x.dtype))


def gains(count):
    draws = [
        torch.randn(1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in range(count)
    ]
    return 1 + NOISE * torch.cat(draws)


IMAGE = torch.rand(3, 12, 14, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


@quiet
def test_an_attribution_has_errors():
    options = {"window": [(8, 8, 6), (12, 14, 6)], "sigma": 1.0, "tolerance": 0.1, "batch_size": 8}
    exact = HyRA(bicubic).attribution(IMAGE, **options)
    found = HyRA(dimmed).attribution(IMAGE, seeds=3, **options)
    mean, error = mean_and_error(gains(3))
    assert torch.allclose(found.maps, mean * exact.maps)
    assert torch.allclose(found.standard_error, error * exact.maps.abs())
    assert torch.allclose(found.detail, mean * exact.detail)
    assert float(found.index_errors.max()) < 1e-9  # no gain changes how a map spreads
    assert "±" in found.table()
    assert (exact.standard_error, exact.index_errors) == (None, None)
    assert "±" not in exact.table()
    shaken_index = HyRA(shaken).attribution(IMAGE, seeds=3, **options).index_errors
    assert 0 < float(shaken_index.min()) < float(shaken_index.max()) < 10


@quiet
def test_a_receptive_field_has_errors():
    exact = HyRA(bicubic).erf(IMAGE, support=False)
    found = HyRA(dimmed).erf(IMAGE, seeds=4)
    mean, error = mean_and_error(gains(4).square())
    assert torch.allclose(found.energy, mean * exact.energy)
    assert torch.allclose(found.standard_error, error * exact.energy)
    assert found.radius_errors == pytest.approx([0, 0, 0], abs=1e-9)
    assert found.response.standard_error is not None
    assert (exact.standard_error, exact.radius_errors) == (None, None)
    assert HyRA(shaken).erf(IMAGE, seeds=3, support=False).radius_errors[-1] > 0


@quiet
def test_a_tracker_has_errors(tmp_path):
    exact = Tracker(bicubic, IMAGE, out=tmp_path / "exact", size=12)(1)
    found = Tracker(dimmed, IMAGE, out=tmp_path / "found", size=12, seeds=4)(1)
    mean, error = (float(each) for each in mean_and_error(gains(4)))
    assert found.main_lobe == pytest.approx(mean * exact.main_lobe, rel=1e-5)
    assert found.standard_errors["main_lobe"] == pytest.approx(error * exact.main_lobe, rel=1e-4)
    assert found.standard_errors["dc_gain"] == pytest.approx(error * exact.dc_gain, rel=1e-4)
    assert found.standard_errors["ring_cosine"] < 1e-6 < found.standard_errors["side_lobe"]
    assert found.linear_share == pytest.approx(exact.linear_share, rel=1e-4)  # response and output share their draws
    assert exact.standard_errors == {}
    assert History.load(tmp_path / "found").records == [found]
    assert found.scalars()["standard_error/dc_gain"] == found.standard_errors["dc_gain"]
    assert main(["track", str(tmp_path / "found")]) == 0


@quiet
@pytest.mark.parametrize(
    "measure", ["impulse_response", "amplitude_sweep", "layer_responses", "probe", "attribution", "erf"]
)
def test_seeds_are_at_least_one(measure):
    with pytest.raises(ValueError, match="seeds must be at least 1"):
        getattr(HyRA(Shaken()), measure)(*[IMAGE] * (measure in ("attribution", "erf")), seeds=0)


@pytest.fixture
def net(tmp_path):
    (tmp_path / "nets.py").write_text(NET.format(noise=NOISE))
    return f"{tmp_path / 'nets.py'}:net"


def test_a_report_gives_means_and_errors(tmp_path, capsys, net):
    images.write(torch.rand(3, 16, 16), tmp_path / "lr.png")
    out = tmp_path / "out"
    arguments = ["analyze", net, "--image", str(tmp_path / "lr.png"), "--size", "16", "--form", "affine"]
    assert main([*arguments, "--seeds", "2", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.err.count("draws random numbers") == 1
    assert "--seeds K" in said.err
    assert " ± " in said.out
    summary = json.loads((out / "summary.json").read_text())
    assert 0 < summary["standard_errors"]["ring_cosine"] < NOISE
    assert summary["operating_points"][0]["standard_errors"]["ring_cosine"] > 0
    assert hyra.ImpulseResponse.load(out / "response.safetensors").standard_error is not None
    assert hyra.Decomposition.load(out / "decomposition.safetensors").standard_error is not None
    page = (out / "report.html").read_text()
    assert "± is their standard error" in page
    assert page.count(" ± ") > 10


@quiet
def test_commands_take_seeds(tmp_path, capsys, net):
    probe = ["probe", net, "--canvas", "24", "--size", "9", "--positions", "8,8", "12,12", "--amplitudes", "0.1"]
    assert main([*probe, "--no-pack", "--form", "affine", "--seeds", "3", "--out", str(tmp_path / "probe")]) == 0
    out = capsys.readouterr().out
    assert "as much of a deviation is the network's random numbers" in out
    assert out.count(" ± ") == 2
    models = ["compare-models", net, "--size", "24", "--seeds", "3"]
    assert main([*models, "--out", str(tmp_path / "models")]) == 0
    head, row, _ = capsys.readouterr().out.splitlines()
    assert head.split()[-1] == "error"
    assert 0 < float(row.split()[-1]) < NOISE
