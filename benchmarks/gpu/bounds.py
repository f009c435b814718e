"""What bounds each op on each card: bytes and operations per element over what the card moves and computes in a second.

The bytes are those that a kernel moves from and to memory, by its header; what L2 serves twice counts once. Operations
are those of float32 input, counted from the machine code (machine_code.py) or, where several paths lie in one loop, by
the source; a fused product and sum is one. Of two pairs the first is where float64 runs at half the rate of float32,
the second elsewhere: some kernels then take sums in pairs of floats (csrc/cuda/pair.cuh).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """Of its data sheet, at boost clock."""

    name: str
    memory: float  # TB/s
    fp64: float  # 10^12 instructions/s of a lane
    fp32: float

    @property
    def is_quick_in_float64(self) -> bool:
        """As `prefers_pairs` of csrc/cuda/pair.cuh decides."""
        return self.fp32 / self.fp64 <= 8


CARDS = (
    Card("A100", 1.56, 4.87, 9.75),
    Card("H100", 3.35, 16.7, 33.5),
    Card("B200", 8.0, 18.5, 37.0),
    Card("T4", 0.32, 0.127, 4.07),
    Card("L4", 0.30, 0.237, 15.1),
    Card("RTX 4090", 1.01, 0.645, 41.3),
    Card("RTX 5090", 1.79, 0.819, 52.4),
)


@dataclass(frozen=True)
class Operations:
    """Per element."""

    fp64: float
    fp32: float = 0


@dataclass(frozen=True)
class Work:
    """Of one op, for each element."""

    op: str
    element: str
    bytes: float
    quick: Operations
    slow: Operations | None = None

    def on(self, card: Card) -> Operations:
        return self.quick if card.is_quick_in_float64 or self.slow is None else self.slow

    def bound(self, card: Card) -> str:
        """What takes longest, and how many times as long as the bytes."""
        operations = self.on(card)
        bytes_time = self.bytes / card.memory
        times = {"FP64": operations.fp64 / card.fp64 / bytes_time, "FP32": operations.fp32 / card.fp32 / bytes_time}
        unit = max(times, key=lambda name: times[name])
        return f"{unit} {times[unit]:.1f}" if times[unit] > 1 else f"memory ({unit} {times[unit]:.1f})"


WORK = (
    Work("difference_sums", "pair of pixels", 8, Operations(5)),
    Work("impulse_batch", "pixel", 4, Operations(0)),
    Work("integral_energy", "pair of pixels", 10, Operations(16), Operations(0.5, 172)),
    Work("integral_energy_backward", "pixel", 8, Operations(11.25)),
    Work("mean_std", "pixel", 4, Operations(2, 15)),
    Work("polyphase_filter", "output pixel, 44 x 44 taps at scale 4", 4.25, Operations(0, 121)),
    Work("quadrant_energy", "complex number", 8, Operations(20), Operations(4, 186)),
    Work("quadrant_energy_backward", "complex number", 32, Operations(40), Operations(0, 372)),
    Work("radial_moments", "pair of complex numbers", 16, Operations(16)),
    Work("radial_moments_backward", "pair of complex numbers", 24, Operations(41.5, 4)),
    Work("response_moments", "sample", 4, Operations(5, 39)),
    Work("ssim_sums", "pair of pixels, 11 taps", 8, Operations(4, 181)),
    Work("ssim_sums_backward", "pair of pixels, 11 taps", 44, Operations(0, 310)),
    Work("standardize_backward", "pixel", 20, Operations(23.5, 4)),
    Work("standardized_difference", "pair of pixels", 12, Operations(10.94, 0.125)),
)


def table() -> Iterator[str]:
    yield "| op, of float32 | element | bytes | FP64 + FP32 | " + " | ".join(card.name for card in CARDS) + " |"
    yield "|---|---|---:|---:|" + "---|" * len(CARDS)
    for work in WORK:
        pairs = [work.quick, *([work.slow] if work.slow else [])]
        operations = " or ".join(f"{pair.fp64:.4g} + {pair.fp32:.4g}" for pair in pairs)
        bounds = " | ".join(work.bound(card) for card in CARDS)
        yield f"| `{work.op}` | {work.element} | {work.bytes:.4g} | {operations} | {bounds} |"
