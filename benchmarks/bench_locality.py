"""How far a network looks against runs of the probe's canvas: for a local, a windowed, a wide and a pooled network."""

import time

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hyra.network.locality import BUDGET, Locality, measure_locality
from hyra.network.wrapper import Network

SIDE, WIDTH = 128, 16
MARGIN = 1.3
"""What runs on smaller squares may cost beside as many pixels of the canvas, and comparing what they give."""


class Convolutions(nn.Module):
    """Residual blocks of positive weights, so that the reach is that of their kernels: `depth` times 2."""

    def __init__(self, depth, window=0, pooled=False):
        super().__init__()
        torch.manual_seed(0)
        self.window, self.pooled = window, pooled
        self.head, self.tail = nn.Conv2d(3, WIDTH, 1), nn.Conv2d(WIDTH, 12, 1)
        self.body = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 5, padding=2, groups=WIDTH) for _ in range(depth))
        for part in self.body:
            nn.init.constant_(part.weight, 1 / 25)

    def forward(self, x):
        x = self.head(x)
        for part in self.body:
            x = x + part(x)
        if self.window:
            x = x + F.interpolate(F.avg_pool2d(x, self.window).square(), scale_factor=self.window)
        if self.pooled:
            x = x * (1 + x.mean((-2, -1), keepdim=True))
        return F.pixel_shuffle(self.tail(x), 2)


NETWORKS = {
    "local": (Convolutions(4), Locality(8, 1)),
    "windowed": (Convolutions(2, window=8), 8),
    "wide": (Convolutions(24), 1),
    "pooled": (Convolutions(4, pooled=True), Locality(None, None)),
}


def seconds(f):
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


@pytest.mark.parametrize("name", NETWORKS)
def bench_locality(benchmark, name):
    net, expected = NETWORKS[name]
    network = Network(net)
    network.input_sizes()
    _ = network.traits  # both found once for every use
    canvas = torch.rand(1, 3, SIDE, SIDE)
    network.run(canvas)
    found = measure_locality(network, 1.0, 0.0)
    assert expected in (found, found.period)
    amplitudes = iter(1 - i / 1000 for i in range(1000))  # none of which it knows yet
    ratios = [
        seconds(lambda: measure_locality(network, next(amplitudes), 0.0)) / seconds(lambda: network.run(canvas))
        for _ in range(3)
    ]
    runs = sorted(ratios)[1]
    benchmark.group = f"how far a {name} network looks, in runs of a {SIDE}x{SIDE} canvas"
    benchmark.extra_info.update(contender="hyra", runs=runs)
    benchmark.pedantic(measure_locality, args=(network, 0.5, 0.0), rounds=1)
    assert runs <= MARGIN * BUDGET
