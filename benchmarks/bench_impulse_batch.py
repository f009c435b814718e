"""Probe images: one pass against an expanded background and an indexed addition."""

import pytest
import torch

import peers
from hyra.ops import impulse_batch


@pytest.mark.parametrize("contender", ["hyra", "plain torch", "fill"])
@pytest.mark.parametrize(("count", "impulses", "size"), [(64, 1, 64), (4, 64, 256)])
def bench_impulse_batch(contend, contender, count, impulses, size):
    background = torch.rand(3, size, size)
    positions = torch.stack([torch.randperm(size * size)[:impulses] for _ in range(count)])
    positions = torch.stack([positions // size, positions % size], dim=-1)
    amplitudes = torch.ones(count, 3)

    contenders = {
        "hyra": lambda: impulse_batch(background, positions, amplitudes),
        "plain torch": lambda: peers.impulse_batch(background, positions, amplitudes),
        "fill": lambda: torch.full((count, 3, size, size), 0.5),  # the floor: every byte written once
    }
    job = f"impulse_batch {count}x3x{size}x{size} float32, {impulses} each"
    result = contend(job, contender, contenders[contender], bytes=count * background.nbytes)
    if contender == "plain torch":
        assert torch.equal(result, impulse_batch(background, positions, amplitudes))
