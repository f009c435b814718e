"""What a network is beside its scores: parameters, multiply-adds, its filter and linear share, in the tables."""

from __future__ import annotations

import csv
import json

import pytest
import torch
from networks_in_a_file import lr_of, named

import hyra
from hyra.cli import main
from hyra.evaluate.inputs.network_numbers import network_numbers
from hyra.evaluate.inputs.networks import network_methods
from hyra.evaluate.inputs.running import NetworkSpec


def test_numbers(folder):
    spec = named(folder, "Linear")
    (method,) = network_methods([spec], folder / "hr")
    numbers = network_numbers(method)
    pixels = [lr_of(hr, 2)[0].numel() for hr in (folder / "hr").iterdir()]
    mean = sum(pixels) / 3
    assert numbers.parameters == 3 * 12 * 9
    assert numbers.pixels == mean
    assert numbers.multiply_adds == pytest.approx(3 * 12 * 9 * mean)
    of_output = 4 * 12 * mean
    assert 2 * of_output <= numbers.memory <= 3 * of_output  # the convolution's, as an image, and scaled
    assert numbers.seconds > 0
    torch.manual_seed(0)
    model = hyra.HyRA(hyra.models.load(spec.model).network)
    assert model.impulse_response().fit_sinc().ring_cosine == pytest.approx(numbers.ring_cosine, rel=1e-4)
    (nearest,) = network_methods([NetworkSpec.find("nearest", 2)], folder / "hr")
    assert network_numbers(nearest).linear_shares == pytest.approx([1.0] * 4, abs=1e-5)


def test_numbers_are_those_of_hyra(folder):
    (method,) = network_methods([NetworkSpec.find("demo-x2")], folder / "hr")
    numbers, model = network_numbers(method), hyra.HyRA(hyra.models.load("demo-x2").network)
    fit = model.impulse_response().fit_sinc()
    assert (numbers.ring_cosine, numbers.cutoff) == pytest.approx((fit.ring_cosine, fit.cutoff), rel=1e-4)
    splits = [model.decompose(lr_of(folder / "hr" / f"{name}.png", 2) / 255).band_shares(0.25) for name in "abc"]
    energy = sum(shares.energy for shares in splits)
    expected = sum(shares.linear * shares.energy for shares in splits) / energy
    assert numbers.linear_shares == pytest.approx(expected.tolist(), rel=1e-4)


def test_a_network_that_clamps_is_measured_where_nothing_is_cut(folder):
    (clamped,) = network_methods([named(folder, "clamped")], folder / "hr")
    numbers = network_numbers(clamped)
    expected = network_numbers(network_methods([NetworkSpec.find("bicubic-torch", 2)], folder / "hr")[0])
    assert numbers.ring_cosine == pytest.approx(expected.ring_cosine, abs=1e-3)
    assert numbers.cutoff == pytest.approx(expected.cutoff, abs=1e-3)
    assert numbers.linear_shares == pytest.approx(expected.linear_shares, abs=0.05)
    assert expected.bounds == ""
    assert numbers.bounds == "kept within 0..1"
    assert numbers.operating_point == "derivative at grey 0.5, all colours"


def test_a_network_at_x1(folder):
    (blur,) = network_methods([named(folder, "blur")], folder / "hr")
    numbers = network_numbers(blur)
    assert (numbers.ring_cosine, numbers.cutoff, numbers.bounds) == (None, None, "")
    assert numbers.noise_gain == pytest.approx(1 / 3, rel=1e-3)
    assert numbers.mtf50 == pytest.approx(0.21, abs=1e-3)


def test_the_table_says_where_it_was_measured(folder, capsys):
    models = [word for name in ("clamped", "Linear") for word in ("--model", f"{folder / 'nets.py'}:{name}")]
    command = ["evaluate", "--hr", str(folder / "hr"), "--modcrop", "--scores", "psnr", *models, "--network-columns"]
    files = [folder / "t.csv", folder / "t.json"]
    assert main([*command, *(word for file in files for word in ("--out", str(file)))]) == 0
    out = capsys.readouterr().out
    assert "measured at" in out
    assert "grey: output is kept within 0..1" in out
    assert "white on black" in out
    assert "MTF50 " not in out.partition("\nOf the impulse response")[0]
    rows = {row["method"]: row for row in csv.DictReader(files[0].read_text().splitlines())}
    assert rows["nets.py:clamped"]["network_bounds"] == "kept within 0..1"
    assert float(rows["nets.py:clamped"]["network_ring_cosine"]) == pytest.approx(0.77, abs=0.02)
    assert rows["nets.py:Linear"]["network_operating_point"].startswith("a pixel of 1 on black")
    assert json.loads(files[1].read_text())["rows"][0]["network"]["mtf50"] is None


def test_a_table_of_networks_in_markdown_and_latex(folder):
    command = ["evaluate", "--hr", str(folder / "hr"), "--modcrop", "--scores", "psnr", "--model", "demo-x2"]
    files = [folder / "t.md", folder / "t.tex"]
    assert main([*command, "--network-columns", *(word for file in files for word in ("--out", str(file)))]) == 0
    for file in files:
        text = file.read_text()
        assert "ring cosine" in text
        assert "multiply-adds (G)" in text
        assert "fitted sinc" in text
        assert text.count("demo-x2") >= 2
    assert main([*command, "--out", str(files[0])]) == 0
    assert "ring cosine" not in files[0].read_text()
