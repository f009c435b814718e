"""What is timed on a GPU, and beside what: one DIV2K image, and a batch of training patches."""

from __future__ import annotations

import torch
from timing import Job

from bench_quadrant_energy import plain_torch as plain_quadrant_energy
from hyra.ops import quadrant_energy

SHAPES = [(3, 1356, 2040), (48, 192, 192)]


def jobs() -> list[Job]:
    return [job for shape in SHAPES for job in (_quadrant_energy(shape),)]


def _name(op: str, shape: tuple[int, ...]) -> str:
    return f"{op} {'x'.join(map(str, shape))} float32"


def _quadrant_energy(shape: tuple[int, int, int]) -> Job:
    spectrum = torch.fft.rfft2(torch.randn(shape, device="cuda"))
    return Job(
        _name("quadrant_energy", shape),
        spectrum.nbytes,
        lambda: quadrant_energy(spectrum, "integral"),
        {"plain torch": lambda: plain_quadrant_energy(spectrum)},
    )
