"""Every kind of result is written, read back the same, and drawn."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import get_type_hints

import pytest
import torch
import torch.nn.functional as F

import hyra
from hyra import Decomposition, HyRA, ImpulseResponse, spectrum
from hyra.results.result import Result

pytest.importorskip("matplotlib").use("agg")


def curved(x):
    y = F.interpolate(x, scale_factor=2, mode="bilinear")
    return y + 0.1 * y.square()


def compared_spectra(lr):
    statistics = spectrum.SpectrumStatistics(["a", "b"], bins=8)
    statistics.update("a", lr, lr)
    statistics.update("b", lr.square(), lr)
    return statistics.compute()


@pytest.fixture(scope="module")
def results():
    torch.manual_seed(0)
    model, lr = HyRA(curved), torch.rand(3, 20, 24)
    split = model.decompose(lr)
    response = model.impulse_response(16)
    found = (
        split,
        response.fit_sinc(),
        response.transfer_function(),
        model.impulse_response(background=lr),
        split.band_shares(),
        split.copy_compensation(),
        split.spectra(),
        model.probe(canvas=48),
        model.amplitude_sweep([-0.5, 0.5], 16),
        spectrum.radial_power(lr),
        spectrum.band_psnr(lr, lr.square()),
        spectrum.fourier_ring_correlation(lr, lr.flip(0)),
        compared_spectra(lr),
        HyRA(torch.nn.Sequential(torch.nn.Conv2d(3, 5, 1), torch.nn.Upsample(scale_factor=2))).layer_responses(size=16),
        hyra.scale_sweep(
            lambda s: HyRA(lambda x: torch.nn.functional.interpolate(x, scale_factor=float(s)), s), ["3/2"], 8
        ),
        hyra.compare_models({"curved": model, "nearest": HyRA(torch.nn.Upsample(scale_factor=2))}, lr),
    )
    return {type(result): result for result in found}


def same(a, b):
    """Equal in every field, and of the same types all the way down."""
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a.nan_to_num(7), b.nan_to_num(7))
    if is_dataclass(a):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, Mapping):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and (a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b)))


WITH_TESTS_OF_THEIR_OWN = {
    "LowpassSweep", "Attribution", "AttributionComparison", "EffectiveReceptiveField", "LayerSpectra",
}  # fmt: skip


def test_all_kinds_are_tested(results):
    pytest.importorskip("torchmetrics")  # for the sweep
    assert {kind.__name__ for kind in Result.__subclasses__()} == {
        kind.__name__ for kind in results
    } | WITH_TESTS_OF_THEIR_OWN


def test_saved_loaded_and_drawn(results, tmp_path):
    for kind, result in results.items():
        file = tmp_path / f"{kind.__name__}.safetensors"
        result.save(file)
        loaded = kind.load(file)
        assert same(loaded, result), kind
        assert get_type_hints(kind)
        fig, axes = loaded.plot()
        assert axes is not None
        fig.savefig(tmp_path / f"{kind.__name__}.png")


def test_numbers_that_json_lacks_come_back(tmp_path):
    for value in (math.inf, -math.inf, math.nan):
        response = ImpulseResponse(torch.ones(1, 2, 2), 2, (0, 0), discarded_energy=value)
        response.save(tmp_path / "r.safetensors")
        assert repr(ImpulseResponse.load(tmp_path / "r.safetensors").discarded_energy) == repr(value)


def test_loading_another_kind_is_refused(results, tmp_path):
    results[ImpulseResponse].save(tmp_path / "r.safetensors")
    with pytest.raises(ValueError, match="must hold a result of kind Decomposition, got 'ImpulseResponse'"):
        Decomposition.load(tmp_path / "r.safetensors")


def test_band_shares_and_copies_are_drawn_as_they_are(results):
    shares, copies = results[hyra.BandShares], results[hyra.CopyCompensation]
    _, axes = shares.plot()
    drawn = {line.get_label(): line.get_xydata() for line in axes.lines}
    assert drawn["H"][:, 1] == pytest.approx(shares.linear.numpy())
    assert drawn["H"][:, 0] == pytest.approx(shares.frequency.numpy() * 2)
    assert drawn["2 H·G"][:, 1] == pytest.approx(shares.cross.numpy())
    _, (opposition, _) = copies.plot()
    assert [text.get_text() for text in opposition.texts] == [f"{x:.2g}" for x in copies.opposition.flatten()[1:]]


def test_spectra_are_drawn_as_in_the_decomposition(results):
    _, panels = results[hyra.Spectra].plot()
    _, expected = results[Decomposition].plot()
    for drawn, other in zip(panels.flat, expected[1:].flat, strict=True):
        a, b = (torch.tensor(panel.images[0].get_array()) for panel in (drawn, other))
        close = torch.isclose(a, b, atol=1e-2) if "amplitude" in drawn.get_ylabel() else (a - b).cos() > 0.99
        assert close.double().mean() > 0.98  # where next to nothing is, neither is its phase
    assert [panel.get_title() for panel in panels[0]] == ["LR", "H", "G", "SR"]


def test_psnr_of_bands_is_drawn_as_steps():
    found = spectrum.BandPSNR((0.0, 0.2, 0.5), torch.tensor([[20.0, torch.inf], [30.0, 40.0]]))
    _, axes = found.plot()
    assert [patch.get_data().edges.tolist() for patch in axes.patches] == [[0, 0.2, 0.5]] * 2
    assert axes.patches[1].get_data().values.tolist() == [30, 40]
    assert axes.patches[0].get_data().values[0] == 20


def test_deviations_of_a_probe_are_drawn_where_they_are(results):
    found = results[hyra.Probe]
    _, axes = found.plot()
    (points,) = axes[1, 0].collections
    assert points.get_offsets().tolist() == found.positions.flip(1).tolist()
    assert points.get_array().data.tolist() == found.deviation.tolist()


def test_where_nothing_deviates_the_colour_is_that_of_zero():
    found = HyRA(torch.nn.Upsample(scale_factor=2)).probe(canvas=48)
    assert not found.deviation.any()
    _, axes = found.plot()
    for shown in (axes[0, 1].images[0], axes[1, 0].collections[0]):
        assert (shown.norm.vmin, shown.norm.vmax) == (0, 1)
    assert axes[1, 1].get_ylim() == (0, 1.05)


def test_deviations_are_drawn_over_what_they_depend_on(results):
    """The place in the window of a network that has one, the distance from the border otherwise."""
    found = results[hyra.Probe]
    (points,) = found.plot()[1][1, 1].lines
    assert points.get_xdata().tolist() == [min(y, x, 47 - y, 47 - x) for y, x in found.positions.tolist()]
    assert points.get_ydata().tolist() == found.deviation.tolist()
    windowed = replace(found, locality=hyra.Locality(3, 4))
    (image,) = windowed.plot()[1][1, 1].images
    assert image.get_array().shape == (4, 4)


def test_a_fit_is_drawn_by_itself(results):
    fit = results[hyra.SincFit]
    _, (section, families) = fit.plot(radius=3)
    drawn = next(line for line in section.lines if fit.window in line.get_label())
    t, values = drawn.get_data()
    middle = fit.gain * float(fit.kernel(torch.zeros(1, dtype=torch.float64))) ** 2
    assert values[abs(t).argmin()] == pytest.approx(middle)
    lengths = sorted(bar.get_width() for bar in families.patches)
    assert lengths == pytest.approx(sorted(fit.residuals.values()))
