"""The derivative of a network along a direction, by what it allows: forward mode, reverse mode, or a difference.

Each is checked against the network's finite response. Automatic differentiation gives exactly zero, without a word,
where a network rounds to 8 bits, detaches its output or runs under inference mode.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]

_STEP = 0.01
"""Height of the change, on the 0..1 scale, that a derivative is checked with."""
_STEPS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
"""Heights that a central difference is tried with: rounding rules the small ones, curvature the large ones."""
_AGREEMENT = 0.05
"""Of the peak, what derivative and finite response may differ by, beside what the two sides do: curvature, rounding."""
_KINK = 5e-3
"""Of the peak, the difference of the derivatives on both sides that is worth a word."""


@dataclass(frozen=True)
class Differentiation:
    """How a derivative was taken.

    Attributes:
        method: `"forward mode"`, `"reverse mode"` or `"central difference"`.
        step: of the central difference, on the 0..1 scale; 0 for the other methods.
        error: of the central difference, over its peak: what halving accuracy changes; 0 for the other methods.
        kink: largest difference between the derivatives to both sides, over the peak; 0 where there is one derivative.
    """

    method: str
    step: float = 0.0
    error: float = 0.0
    kink: float = 0.0

    def __str__(self) -> str:
        detail = f", step {self.step:g}, accurate to {self.error:.1g} of the peak" if self.step else ""
        return f"{self.method}{detail}"


def differentiation(run: Function, image: Tensor, direction: Tensor, here: Tensor) -> Differentiation:
    """The first method that `run` allows at `image` and that agrees with its finite response along `direction`.

    `here` is what `run` makes of the image.
    """
    right, left = _sides(run, here, image, direction, _STEP)
    kink = _kink(right, left)
    if kink > _KINK:  # over a smaller step a curve bends less, rounding does more, and a kink is what it was
        nearer = _kink(*_sides(run, here, image, direction, _STEP / 10))
        kink = nearer if kink / 2 <= nearer <= 2 * kink else 0.0
    else:
        kink = 0.0
    central = (right + left) / 2
    peak = _peak(central)
    for method, derivative in METHODS.items():
        try:
            found = derivative(run, image, direction)
        except torch.OutOfMemoryError:
            raise
        except Exception:
            continue
        if peak == 0 or (_peak(found) > 0 and _peak(found - central) <= _AGREEMENT * peak + _peak(right - left)):
            return Differentiation(method, kink=kink)
    step, error = _best_step(run, image, direction)
    return Differentiation("central difference", step, error, kink)


def derivative(run: Function, images: Tensor, directions: Tensor, by: Differentiation) -> Tensor:
    """The derivative of `run` at `images` along `directions`, both `[N, C, h, w]`."""
    if by.step:
        return _difference(run, images, directions, by.step)
    return METHODS[by.method](run, images, directions).detach()


def _forward(run: Function, images: Tensor, directions: Tensor) -> Tensor:
    derivative: Tensor = torch.func.jvp(run, (images,), (directions,))[1]
    return derivative


def _reverse(run: Function, images: Tensor, directions: Tensor) -> Tensor:
    """By reverse mode twice: the gradient of `<v, N>` is linear in v, and its own along the direction is it."""
    with torch.enable_grad():
        images = images.detach().requires_grad_()
        output = run(images)
        weights = torch.zeros_like(output, requires_grad=True)
        (gradient,) = torch.autograd.grad(output, images, weights, create_graph=True)
        (derivative,) = torch.autograd.grad(gradient, weights, directions)
    return derivative


METHODS: dict[str, Callable[[Function, Tensor, Tensor], Tensor]] = {"forward mode": _forward, "reverse mode": _reverse}


def _difference(run: Function, images: Tensor, directions: Tensor, step: float) -> Tensor:
    return (run(images + step * directions) - run(images - step * directions)) / (2 * step)


def _best_step(run: Function, image: Tensor, direction: Tensor) -> tuple[float, float]:
    """The step whose difference changes least with the next one, and by how much, over the peak."""
    differences = [_difference(run, image, direction, step) for step in _STEPS]
    changes = [_peak(b - a) / (_peak(a) or torch.inf) for a, b in pairwise(differences)]
    changes = [
        change if peak > 0 else torch.inf for change, peak in zip(changes, map(_peak, differences), strict=False)
    ]
    best = min(range(len(changes)), key=changes.__getitem__)
    return _STEPS[best], changes[best]


def _sides(run: Function, here: Tensor, image: Tensor, direction: Tensor, step: float) -> tuple[Tensor, Tensor]:
    """Differences to the right and to the left."""
    return (run(image + step * direction) - here) / step, (here - run(image - step * direction)) / step


def _kink(right: Tensor, left: Tensor) -> float:
    peak = _peak(right + left) / 2
    return _peak(right - left) / peak if peak > 0 else 0.0


def _peak(x: Tensor) -> float:
    """Largest finite magnitude."""
    return float(x.detach().abs().nan_to_num(0, 0, 0).max())
