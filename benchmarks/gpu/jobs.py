"""What is timed on a GPU, and beside what: one DIV2K image, and a batch of training patches."""

from __future__ import annotations

import torch
from timing import Job
from torch import Tensor

from bench_polyphase_filter import CHANNELS, SCALE, SIZE, grouped
from bench_quadrant_energy import plain_torch as plain_quadrant_energy
from bench_radial_moments import torch_scatter_add
from hyra.ops import polyphase_filter, quadrant_energy, radial_moments
from hyra.ops.radial_moments import _hermitian_weight, _ring_map

SHAPES = [(3, 1356, 2040), (48, 192, 192)]


def jobs() -> list[Job]:
    return [
        *(make(shape) for shape in SHAPES for make in (_quadrant_energy, _radial_moments)),
        _polyphase_filter(44),
        _polyphase_filter(256),
    ]


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


def _radial_moments(shape: tuple[int, int, int]) -> Job:
    _, height, width = shape
    a, b = (torch.fft.rfft2(torch.randn(shape, device="cuda")) for _ in range(2))
    ring, weight = _ring_map(height, width, a.device), _hermitian_weight(width, a.device)

    def ours() -> Tensor:
        power_a, power_b, cross, _ = radial_moments(a, b, height, width)
        return torch.stack([power_a, power_b, cross.real, cross.imag], dim=1)

    return Job(
        _name("radial_moments", shape),
        a.nbytes + b.nbytes,
        ours,
        {"torch scatter_add": lambda: torch_scatter_add(a, b, ring, weight)},
    )


def _polyphase_filter(kernel: int) -> Job:
    image = torch.rand(1, CHANNELS, *SIZE, device="cuda")
    response = torch.randn(CHANNELS, kernel, kernel, device="cuda")
    origin = kernel // SCALE // 2 * SCALE
    return Job(
        f"polyphase_filter x{SCALE} {CHANNELS}x{SIZE[0]}x{SIZE[1]} float32, response {kernel}x{kernel}",
        image.nbytes * (1 + SCALE**2) + response.nbytes,
        lambda: polyphase_filter(image, response, SCALE, (origin, origin), "zeros"),
        {"grouped conv2d + pixel_shuffle": lambda: grouped(image, response, origin)},
    )
