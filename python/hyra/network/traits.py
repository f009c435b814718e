"""What a network does beside enlarging: it may draw random numbers, and may bound its output."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_BEYOND = (1.0, 1e3)
"""Widths of the noise that a network is shown, in units of black to white: for a clamp, and for a tanh."""
_LEAST_SHARE = 2e-3
"""Of the output's pixels, those that must have one value to be a bound; nearest-neighbour copies are 1 in 1000."""

_ROUNDING = 1e-6
"""Of the output's peak, what sums in another order may change from run to run on a GPU."""


@dataclass(frozen=True)
class Bounds:
    """Values that a network's output does not pass, on the 0..1 scale; None where there is none on that side."""

    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.high is None:
            return f"cut off below {self.low:g}"
        return f"cut off above {self.high:g}" if self.low is None else f"kept within {self.low:g}..{self.high:g}"

    def cut(self, outputs: Tensor) -> Tensor:
        """Which values of outputs are at a bound."""
        cut = torch.zeros_like(outputs, dtype=torch.bool)
        for bound in (self.low, self.high):
            if bound is not None:
                cut |= outputs == bound
        return cut


@dataclass(frozen=True)
class Traits:
    """What was seen when a network was run twice on one image of noise.

    Attributes:
        noise: standard deviation of what a pixel of the output changes by from run to run, on the 0..1 scale.
        repeats: whether it does not change where torch's, NumPy's and Python's random numbers are the same.
        bounds: values that the output does not pass; None without any.
    """

    noise: float = 0.0
    repeats: bool = True
    bounds: Bounds | None = None

    def __str__(self) -> str:
        held = (
            "every term of a difference gets the same ones, and seeds=K (on the command line --seeds K) averages over "
            "K draws"
            if self.repeats
            else "they come from a generator of its own, so terms of a difference get others: set its seed yourself"
        )
        return f"its output changes by {self.noise:.2g} from run to run (standard deviation, white is 1); {held}"


@contextmanager
def numbers_of(seed: int) -> Iterator[None]:
    """Random numbers that are the same every time; those of Python and NumPy go on afterwards as if never asked.

    torch's are restored by `hyra.network.untouched`.
    """
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 - a network that draws may use either
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - likewise
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002 - likewise


def traits_of(run: Callable[[Tensor], Tensor], image: Tensor) -> Traits:
    """Run a network on noise of the shape of `image`, `[1, C, h, w]`."""
    generator = torch.Generator("cpu").manual_seed(0)
    noise = torch.rand(image.shape, generator=generator, dtype=torch.float64, device="cpu").to(image)
    first = run(noise)
    again = run(noise)
    change = (again.double() - first.double())[first.isfinite() & again.isfinite()]
    deviation = float(change.square().mean().sqrt()) / 2**0.5 if change.numel() else 0.0
    repeats = True
    if deviation <= _ROUNDING * float(first.double().nan_to_num(0, 0, 0).abs().max()):
        deviation = 0.0
    else:
        with numbers_of(0):
            first = run(noise)
        with numbers_of(0):
            repeats = bool(torch.allclose(run(noise), first, rtol=0, atol=deviation / 100, equal_nan=True))
    found = (_bounds(run(0.5 + width * (3 * noise - 1.5))) for width in _BEYOND)
    return Traits(deviation, repeats, next((bounds for bounds in found if bounds is not None), None))


def _bounds(output: Tensor) -> Bounds | None:
    """The extreme values of an output, where a share of its pixels has them that no interpolation of noise gives."""
    values = output[output.isfinite()]
    if not values.numel():
        return None
    low, high = values.min(), values.max()
    if low == high:
        return None
    shares = [float((values == bound).double().mean()) for bound in (low, high)]
    low_bound, high_bound = (
        float(bound) if share >= _LEAST_SHARE else None for bound, share in zip((low, high), shares, strict=True)
    )
    return None if low_bound is None and high_bound is None else Bounds(low_bound, high_bound)
