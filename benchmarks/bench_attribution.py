"""Twelve windows of attribution against their own passes, forward and backward; spectra of 24 layers against one."""

import time
from statistics import median

import pytest
import torch
from torch import nn

import hyra
from hyra import demo
from hyra.attribution.detail import detail
from hyra.attribution.path import BlurPath

WINDOWS, STEPS, BATCH = 12, 16, 4
LARGEST_ATTRIBUTION, LARGEST_SPECTRA = 1.1, 1.5
LAYERS, SIDE = 24, 256


def passes(net, images, windows):
    """The forward and backward passes of an attribution, and nothing else."""
    for batch in images.split(BATCH):
        x = batch.clone().requires_grad_()
        output = net(x)
        for index, window in enumerate(windows):
            torch.autograd.grad(detail(output, window).sum(), x, retain_graph=index + 1 < len(windows))


def deep(layers, width):
    """Convolutions and nothing else, `layers` of them; the last makes an image."""
    convolutions = [nn.Conv2d(3 if i == 0 else width, width, 3, padding=1) for i in range(layers - 1)]
    return nn.Sequential(*convolutions, nn.Conv2d(width, 3, 3, padding=1))


def ratio(ours, peer, rounds):
    """Of the times, in turns, the median of the rounds."""
    ratios = []
    for _ in range(rounds):
        seconds = []
        for f in (ours, peer):
            start = time.perf_counter()
            f()
            seconds.append(time.perf_counter() - start)
        ratios.append(seconds[0] / seconds[1])
    return median(ratios)


def bench_attribution(benchmark):
    net = demo.load(4)
    model = hyra.HyRA(net)
    lr = torch.rand(3, 24, 32)
    options = {"batch_size": BATCH, "progress": False, "side": 8, "tolerance": 1.0}
    found = model.attribution(lr, WINDOWS, **options)
    assert found.steps.tolist() == [STEPS] * WINDOWS
    path = BlurPath(lr, found.sigma)
    images = torch.stack([path(i / STEPS)[0] for i in range(STEPS)]).float()
    benchmark.group = f"attribution of {WINDOWS} windows of the demo network on 24x32, {STEPS} steps"
    benchmark.extra_info.update(contender="hyra")
    over = ratio(
        lambda: model.attribution(lr, found.windows, **options), lambda: passes(net, images, found.windows), rounds=3
    )
    benchmark.pedantic(model.attribution, (lr, found.windows), options, rounds=1)
    benchmark.extra_info.update(over_its_passes=over)
    assert over <= LARGEST_ATTRIBUTION, f"{over:.3f} times its forward and backward passes"


@pytest.mark.parametrize("width", [64])
def bench_layer_spectra(benchmark, width):
    net = deep(LAYERS, width).eval()
    model = hyra.HyRA(net, scale=1, in_channels=3)
    lr = torch.rand(3, SIDE, SIDE)
    assert len(model.layer_spectra(lr)) == LAYERS  # and the first custom op of a process, which takes long

    @torch.no_grad()
    def forward():
        net(lr[None])

    benchmark.group = f"spectra of {LAYERS} layers of {width} channels on {SIDE}x{SIDE}"
    benchmark.extra_info.update(contender="hyra")
    over = ratio(lambda: model.layer_spectra(lr), forward, rounds=3)
    benchmark.pedantic(model.layer_spectra, (lr,), rounds=1)
    benchmark.extra_info.update(over_the_forward_pass=over)
    assert over <= LARGEST_SPECTRA, f"{over:.3f} times the forward pass"
