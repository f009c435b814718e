"""1,024 positions of the demo network on a 256x256 canvas: many impulses in one image against an image for each."""

import time

import pytest
import torch

import hyra
from hyra import demo

SCALE, CANVAS, COUNT = 4, 256, 1024
TIMED = 4
"""Images of the peer that are timed: each takes as long as the others."""
LARGEST_SHARE = 0.05


class Stopwatch(torch.nn.Module):
    """A network, and the seconds spent in it."""

    def __init__(self, net):
        super().__init__()
        self.net, self.seconds = net, 0.0

    def forward(self, x):
        start = time.perf_counter()
        out = self.net(x)
        self.seconds += time.perf_counter() - start
        return out


def one_image_each(net, positions, size):
    """The windows around the impulses, `[P, 3, kh, kw]`."""
    windows, reach = [], size // 2
    with torch.no_grad():
        for y, x in positions.tolist():
            image = torch.zeros(1, 3, CANVAS, CANVAS)
            image[..., y, x] = 1
            rows, columns = (slice(SCALE * (i - reach), SCALE * (i + reach + 1)) for i in (y, x))
            windows.append(net(image)[0, :, rows, columns])
    return torch.stack(windows)


@pytest.mark.parametrize("contender", ["hyra", "an image each"])
def bench_probe(benchmark, contender):
    net = Stopwatch(demo.load(SCALE).eval())
    line = torch.arange(4, CANVAS, CANVAS // 32)
    positions = torch.cartesian_prod(line, line)
    model = hyra.HyRA(net)
    benchmark.group = f"probe {COUNT} positions of the demo network on {CANVAS}x{CANVAS}, x{SCALE} float32"
    benchmark.extra_info.update(contender=contender)
    model.probe(positions[:2], canvas=64)  # the first custom op of a process makes torch import its compiler
    if contender == "hyra":
        net.seconds = 0.0
        start = time.perf_counter()
        found = benchmark.pedantic(model.probe, (positions,), {"canvas": CANVAS, "progress": False}, rounds=1)
        around = (time.perf_counter() - start) / net.seconds - 1
        benchmark.extra_info.update(around_the_network=around)
        assert found.packed
        assert around <= LARGEST_SHARE, f"{around:.1%} of the network's own time is spent around it"
        return
    some = positions[(positions - CANVAS // 2).abs().amax(1) < 8][:TIMED]
    size = net.net.receptive_field
    benchmark.extra_info.update(part=TIMED / COUNT)
    windows = benchmark.pedantic(one_image_each, (net, some, size), rounds=1)
    found = model.probe(some, canvas=CANVAS, size=size, pack=False, progress=False)
    torch.testing.assert_close(windows.mean(0), found.mean.response.float())
