"""Decomposition: spectra, spectral copies, files."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hyra import Decomposition, HyRA, ImpulseResponse


def split_of(linear, nonlinear, scale):
    lr = torch.zeros(*linear.shape[:-2], linear.shape[-2] // scale, linear.shape[-1] // scale)
    response = ImpulseResponse(torch.ones(1, scale, scale), scale, (0, 0))
    return Decomposition(lr, linear + nonlinear, linear, nonlinear, response, "reflect")


def test_spectra_are_centred_transforms_that_add_up():
    model = HyRA(nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.Tanh(), nn.PixelShuffle(2)).double())
    split = model.decompose(torch.rand(2, 3, 7, 10, dtype=torch.float64))
    spectra = split.spectra()
    assert spectra.input.shape == (2, 3, 7, 10)
    assert spectra.output.shape == (2, 3, 14, 20)
    assert torch.allclose(spectra.linear + spectra.nonlinear, spectra.output, atol=1e-12)
    assert torch.allclose(spectra.output[..., 7, 10].real, split.output.sum((-2, -1)), atol=1e-12)
    back = torch.fft.ifft2(torch.fft.ifftshift(spectra.output, dim=(-2, -1)))
    assert torch.allclose(back.real, split.output, atol=1e-12)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_copies_cancelled_to_a_share(scale, share):
    # H repeats pixels without filtering, so that its copies are as strong as the image; G removes a share of them.
    lr = torch.randn(2, 6, 10, dtype=torch.float64)
    inserted = torch.zeros(2, 6 * scale, 10 * scale, dtype=torch.float64)
    inserted[..., ::scale, ::scale] = lr
    spectrum = torch.fft.fft2(inserted)
    fy, fx = (torch.fft.fftfreq(n, dtype=torch.float64).abs() * 2 * scale for n in inserted.shape[-2:])
    copies = torch.fft.ifft2(torch.where((fy[:, None] <= 1) & (fx <= 1), 0, spectrum)).real
    compensation = split_of(inserted, -share * copies, scale).copy_compensation()
    assert compensation.opposition.shape == (scale, scale)
    assert compensation.opposition[0, 0].isnan()
    assert compensation.remaining[0, 0].isnan()
    if scale == 3:  # 18 and 30 frequencies fall into cells whole; of an even number, some lie between two cells
        inner = compensation.remaining.flatten()[1:]
        assert torch.allclose(inner, torch.full_like(inner, (1 - share) ** 2), atol=0.2)
    opposition = compensation.opposition.flatten()[1:]
    assert opposition.isnan().all() if share == 0 else (opposition < -0.9).all()


def test_copies_by_their_definition():
    torch.manual_seed(0)
    h, g = torch.randn(2, 3, 9, 15, dtype=torch.float64).unbind()
    compensation = split_of(h, g, 3).copy_compensation()
    H, G = torch.fft.fft2(h), torch.fft.fft2(g)
    for k in range(3):
        for m in range(3):
            if (k, m) == (0, 0):
                continue
            rows, columns = [(3 * k + d) % 9 for d in (-1, 0, 1)], [(5 * m + d) % 15 for d in (-2, -1, 0, 1, 2)]
            a, b = H[:, rows][..., columns], G[:, rows][..., columns]
            cross = (a * b.conj()).real.sum()
            opposition = cross / (a.abs().square().sum() * b.abs().square().sum()).sqrt()
            assert compensation.opposition[k, m] == pytest.approx(float(opposition), rel=1e-12)
            remaining = (a + b).abs().square().sum() / a.abs().square().sum()
            assert compensation.remaining[k, m] == pytest.approx(float(remaining), rel=1e-12)


def test_band_shares_by_their_definition():
    torch.manual_seed(0)
    h, g = torch.randn(2, 2, 3, 8, 12, dtype=torch.float64).unbind()
    shares = split_of(h, g, 4).band_shares()
    ky, kx = (torch.fft.fftfreq(n, dtype=torch.float64) for n in (8, 12))
    ring = (8 * (ky[:, None] ** 2 + kx**2).sqrt() + 0.5).floor()
    H, G, N = (torch.fft.fft2(x) for x in (h, g, h + g))
    for r in range(len(shares.energy)):
        inside = ring == r
        energy = N[..., inside].abs().square().sum()
        assert float(shares.frequency[r]) == r / 8
        assert float(shares.energy[r]) == pytest.approx(float(energy))
        assert float(shares.linear[r]) == pytest.approx(float(H[..., inside].abs().square().sum() / energy))
        assert float(shares.nonlinear[r]) == pytest.approx(float(G[..., inside].abs().square().sum() / energy))
    assert torch.allclose(shares.linear + shares.nonlinear + shares.cross, torch.ones_like(shares.energy), atol=1e-13)


@pytest.mark.parametrize(("scale", "width", "count"), [(3, 0.25, 6), (2, 0.25, 4), (2, 0.7, 2)])
def test_wide_bands_are_sums_of_rings(scale, width, count):
    torch.manual_seed(0)
    h, g = torch.randn(2, 3, 7 * 4 * scale, 40 * scale, dtype=torch.float64).unbind()
    split = split_of(h, g, scale)
    rings, bands = split.band_shares(), split.band_shares(width)
    assert len(bands.energy) == count
    for index in range(count):
        low, high = (28 * width * i - 1e-9 for i in (index, index + 1))
        ring = torch.arange(len(rings.energy))
        inside = (ring >= low) & ((ring < high) | (index == count - 1))
        assert float(bands.energy[index]) == pytest.approx(float(rings.energy[inside].sum()))
        for name in ("linear", "nonlinear", "cross"):
            expected = (getattr(rings, name) * rings.energy)[inside].sum() / rings.energy[inside].sum()
            assert float(getattr(bands, name)[index]) == pytest.approx(float(expected))
        assert float(bands.frequency[index]) == pytest.approx((index + 0.5) * width / scale)
    with pytest.raises(ValueError, match="width must be a finite number above 0, got 0"):
        split.band_shares(width=0)


def test_a_linear_network_gives_every_band_to_H():
    model = HyRA(lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"), dtype=torch.float64)
    shares = model.decompose(torch.rand(3, 16, 20), "replicate").band_shares()
    assert torch.allclose(shares.linear, torch.ones_like(shares.linear), atol=1e-10)
    assert shares.cross.abs().max() < 1e-10


def test_plots_are_those_of_hyra_plots():
    pytest.importorskip("matplotlib").use("agg")
    split = HyRA(nn.Upsample(scale_factor=2)).decompose(torch.rand(3, 16, 16))
    for result, axes in ((split, (3, 4)), (split.response, ())):
        fig, drawn = result.plot()
        assert getattr(drawn, "shape", ()) == axes
        assert fig.axes


@pytest.mark.parametrize("batched", [False, True])
def test_saved_and_loaded_again(tmp_path, batched):
    model = HyRA(lambda x: F.interpolate(x, scale_factor=2, mode="bilinear").square())
    lr = torch.rand(2, 3, 5, 6) if batched else torch.rand(3, 5, 6)
    saved = model.decompose(lr, "circular", model.impulse_response(16, background=0.5))
    saved.save(tmp_path / "split.safetensors")
    loaded = Decomposition.load(tmp_path / "split.safetensors")
    for name in ("input", "output", "linear", "nonlinear"):
        assert torch.equal(getattr(loaded, name), getattr(saved, name))
    assert loaded.boundary == "circular"
    assert torch.equal(loaded.response.response, saved.response.response)
    assert loaded.response.background == 0.5
    assert loaded.response.origin == saved.response.origin
    assert repr(loaded) == repr(saved)


def test_loading_refuses(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .* to load the Decomposition from"):
        Decomposition.load(tmp_path / "none.safetensors")


def test_prints_well():
    split = HyRA(nn.Upsample(scale_factor=2)).decompose(torch.ones(3, 4, 4))
    assert repr(split) == "Decomposition(3x8x8 at x2, reflect boundary; rms of linear 1, nonlinear 0, output 1)"
