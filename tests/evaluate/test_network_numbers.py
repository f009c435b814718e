"""What a network is beside its scores: parameters, multiply-adds, its filter and linear share, in the tables."""

from __future__ import annotations

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
