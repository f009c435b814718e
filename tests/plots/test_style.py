"""Figures look the same whatever the user's own settings are."""

import io
import os
import subprocess
import sys
from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import torch

import hyra
from hyra import plots
from hyra.plots import style


@pytest.fixture(scope="module")
def response():
    return hyra.HyRA(torch.nn.Upsample(scale_factor=2, mode="bicubic")).impulse_response(16)


def png(fig):
    plots.save(fig, file := io.BytesIO(), dpi=100)
    return file.getvalue()


def test_the_users_settings_do_not_reach_a_figure(response):
    usual = png(response.plot()[0])
    foreign = {"image.origin": "lower", "image.cmap": "jet", "font.size": 20, "axes.grid": True, "lines.linewidth": 9}
    with mpl.rc_context(foreign):
        assert png(response.plot()[0]) == usual


@pytest.mark.parametrize("gain", [1e-4, 0.05, 1, 1e4])
def test_labels_of_a_response_lie_inside_its_figure(response, gain):
    fig, _ = replace(response, response=gain * response.response).plot()
    for axes in fig.axes:
        box = axes.get_tightbbox()
        assert box.x0 >= 0, box
        assert box.y0 >= 0, box
        assert box.x1 <= fig.bbox.x1, box
        assert box.y1 <= fig.bbox.y1, box
    plt.close(fig)


@pytest.mark.parametrize("name", [r"$\frac$", "a$b", "100% \\sin$$", "{x}^_$"])
def test_a_name_is_no_formula(response, name):
    png(plots.impulse_response(response, title=name)[0])
    models = {name: hyra.HyRA(torch.nn.Upsample(scale_factor=2)) for name in (name, "other")}
    fig, axes = hyra.compare_models(models, size=24).plot()
    titles = [panel.get_title() for panel in axes[0]]
    png(fig)
    assert any(style.plain(name) in title for title in titles)


def test_offscreen_gives_the_users_backend_back():
    before = mpl.get_backend()
    try:
        plt.switch_backend("svg")
        with style.offscreen():
            assert type(plt.figure().canvas).__name__ == "FigureCanvasAgg"
        assert mpl.get_backend() == "svg"
        assert type(plt.figure().canvas).__name__ == "FigureCanvasSVG"  # a notebook goes on showing its figures
    finally:
        plt.close("all")
        plt.switch_backend(before)


@pytest.mark.once
def test_a_command_runs_under_a_backend_that_is_not_installed(tmp_path):
    environment = {**os.environ, "MPLBACKEND": "module://nowhere_to_be_found"}
    command = [sys.executable, "-m", "hyra", "layers", "demo-x2", "--size", "24", "--out", str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "layers.png").stat().st_size > 1000


@pytest.mark.once
def test_a_report_is_written_under_a_backend_that_is_not_installed(tmp_path):
    program = (
        "import sys, torch, hyra, hyra.report;"
        "model = hyra.HyRA(torch.nn.Upsample(scale_factor=2, mode='bicubic'));"
        "hyra.report.write(model, torch.rand(3, 24, 32), sys.argv[1])"
    )
    environment = {**os.environ, "MPLBACKEND": "module://nowhere_to_be_found"}
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
