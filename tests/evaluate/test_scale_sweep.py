"""The sweep over scales: what it holds is what each response says, and what is drawn is what it holds."""

import math
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F

import hyra
from hyra.cli import main


def at(scale):
    return hyra.HyRA(lambda x: F.interpolate(x, scale_factor=float(scale), mode="bicubic"), scale, in_channels=1)


@pytest.fixture(scope="module")
def sweep():
    return hyra.scale_sweep(at, [2, "3/2", 1.5, 2.0], size=16)


def test_scales_ascend_and_have_their_responses(sweep):
    assert sweep.scales == (Fraction(3, 2), 2)
    for scale, fit, lobe, gain in zip(sweep.scales, sweep.fits, sweep.main_lobes, sweep.dc_gains, strict=True):
        response = at(scale).impulse_response(16)
        assert (response.fit_sinc(), response.main_lobe, response.dc_gain.item()) == (fit, lobe, gain)
    assert sweep.table().splitlines()[1].split()[:2] == ["x3/2", f"{sweep.fits[0].cutoff:.3f}"]
    assert repr(sweep).startswith("ScaleSweep(2 scales from x3/2 to x2, cut-off 0.4")


def test_the_figure_has_a_point_for_each(sweep):
    _, (cutoff, ring) = sweep.plot()
    for panel, name in ((cutoff, "cutoff"), (ring, "ring_cosine")):
        points = {line.get_label(): line.get_xydata().tolist() for line in panel.lines if line.get_marker() == "o"}
        assert points == {
            "fraction": [[1.5, getattr(sweep.fits[0], name)]],
            "integer scale": [[2.0, getattr(sweep.fits[1], name)]],
        }


def test_a_restoration_has_no_ring_cosine():
    sweep = hyra.scale_sweep(at, [1], size=16)
    assert sweep.fits[0].ring_cosine is None
    assert sweep.table().split()[-4] == "nan"
    _, (_, ring) = sweep.plot()
    assert all(math.isfinite(limit) for limit in ring.get_ylim())


def test_refusals(sweep):
    with pytest.raises(ValueError, match="scales must hold at least one scale, got none"):
        hyra.scale_sweep(at, [])
    with pytest.raises(ValueError, match=r"scales must be at least 1, got 0\.5"):
        hyra.scale_sweep(at, [0.5])
    with pytest.raises(ValueError, match="at must return a network at x3, got one at x2"):
        hyra.scale_sweep(lambda _: at(2), [3])
    with pytest.raises(TypeError, match=r"at must be a hyra\.HyRA"):
        hyra.scale_sweep(lambda _: torch.nn.Identity(), [1])
    with pytest.raises(ValueError, match="scales must ascend, got 2, 3/2"):
        hyra.ScaleSweep(sweep.scales[::-1], sweep.fits, sweep.main_lobes, sweep.dc_gains)
    with pytest.raises(ValueError, match="fits must be as many as the scales, 2, got 1"):
        hyra.ScaleSweep(sweep.scales, sweep.fits[:1], sweep.main_lobes, sweep.dc_gains)


@pytest.fixture
def networks(tmp_path):
    file = tmp_path / "any.py"
    file.write_text(
        "import torch.nn.functional as F\n"
        "def any_scale(x, scale):\n"
        "    return F.interpolate(x, scale_factor=scale, mode='bilinear')\n"
        "def liif(x, coord, cell):\n"
        "    grid = coord.flip(-1)[:, None]\n"
        "    return F.grid_sample(x, grid, padding_mode='border', align_corners=False)[:, :, 0].mT\n"
    )
    return file


@pytest.mark.parametrize(("name", "adapter"), [("any_scale", "at_scale"), ("liif", "implicit")])
def test_the_command(networks, tmp_path, capsys, name, adapter):
    options = ["--adapter", adapter, "--scales", "3/2", "2", "--size", "12", "--out", str(tmp_path / "out")]
    assert main(["scale-sweep", f"{networks}:{name}", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["x3/2", "x2"]
    loaded = hyra.ScaleSweep.load(tmp_path / "out" / "scales.safetensors")
    assert loaded.scales == (Fraction(3, 2), 2)
    assert loaded.dc_gains == pytest.approx((1, 1))
    assert (tmp_path / "out" / "scales.png").stat().st_size > 0


def test_analyze_at_a_fraction(networks, tmp_path, capsys):
    hyra.images.write(picture(), tmp_path / "hr.png")
    options = [
        "--adapter",
        "at_scale",
        "--size",
        "12",
        "--hr",
        str(tmp_path / "hr.png"),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(["analyze", f"{networks}:any_scale", "--scale", "3/2", *options]) == 0
    split = hyra.Decomposition.load(tmp_path / "out" / "decomposition.safetensors")
    assert split.response.scale == Fraction(3, 2)
    assert split.output.shape == (3, 33, 36)
    assert "×3/2" in (tmp_path / "out" / "report.html").read_text()
    assert main(["analyze", f"{networks}:any_scale", *options]) == 2
    assert "scale must be given with the adapter at_scale" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["analyze", "bicubic", "--scale", "1.2345", *options])
    assert "argument --scale: must be an integer or a fraction p/q" in capsys.readouterr().err


def picture():
    return torch.rand(3, 34, 38)
