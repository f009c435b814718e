"""The whole way on real photographs: networks to a table, whose every cell is what plain programs compute."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from skimage.metrics import peak_signal_noise_ratio
from torchmetrics.functional.image import structural_similarity_index_measure

import definition
from hyra.evaluate import Plan, evaluate
from hyra.evaluate.inputs.networks import network_methods
from hyra.evaluate.inputs.running import NetworkSpec

PHOTOGRAPHS = ("astronaut", "coffee", "chelsea")
NETWORKS = {
    2: ("nearest", "bicubic", "lowpass", "demo-x2"),
    3: ("bicubic", "lowpass"),
    4: ("bilinear", "bicubic", "demo"),
}


@pytest.fixture
def one_thread():
    """As workers have: torch's convolutions round otherwise on two, and a pixel may become another integer."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.once
@pytest.mark.parametrize("scale", NETWORKS)
def test_every_cell_is_the_plain_number(tmp_path, scale, one_thread):
    for name in PHOTOGRAPHS:
        picture = getattr(data, name)()
        side = 24 * scale
        Image.fromarray(picture[100 : 100 + side, 150 : 150 + side]).save(tmp_path / f"{name}.png")
    specs = [NetworkSpec.find(name, scale) for name in NETWORKS[scale]]
    methods = network_methods(specs, tmp_path)
    result = evaluate(methods, Plan(("psnr", "ssim:torchmetrics", "fsds")), progress=False)
    cells = {}
    for method in methods:
        for output in method.outputs():
            sr = output.read().numpy().transpose(1, 2, 0)
            hr = np.asarray(Image.open(output.hr))
            batch = [torch.from_numpy(x.transpose(2, 0, 1).copy())[None].double() for x in (sr, hr)]
            ssim = structural_similarity_index_measure(*batch, data_range=255.0)
            fsds = definition.fsds(hr.transpose(2, 0, 1), sr.transpose(2, 0, 1), "paper")  # in the published order
            psnr = peak_signal_noise_ratio(hr, sr, data_range=255)
            cells[method.name, output.image] = [psnr, float(ssim), fsds]
    assert len(result.outcomes) == len(cells) == len(PHOTOGRAPHS) * len(specs)
    for outcome in result.outcomes:
        expected = cells[outcome.method, outcome.image]
        np.testing.assert_allclose(list(outcome.values.values()), expected, rtol=1e-6, atol=1e-6)
    for line in result.summaries():
        expected = np.mean([cells[line.method, image] for image in PHOTOGRAPHS], 0)
        np.testing.assert_allclose([mean.value for mean in line.means], expected, rtol=1e-6, atol=1e-6)
        assert line.mean("psnr").value > 18
