"""Integrated gradients along a path of less and less blur: `HyRA.attribution`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.progress import Progress
from hyra._util.warnings import warn
from hyra.attribution.detail import Window, checked_windows, detail, is_count, most_detailed
from hyra.attribution.differences import block_slopes
from hyra.attribution.maps import Attribution, completeness_error, diffusion_index, is_rounding
from hyra.attribution.path import BlurPath
from hyra.network.gradients import Graph, MissingGradients
from hyra.network.wrapper import Network
from hyra.probing.batching import run_in_batches
from hyra.probing.seeds import jackknife, mean_and_error, of_seeds

_FIRST, _MOST = 16, 512
"""Steps that the path is divided into at first, and at most."""
_FIRST_DIFFERENCES = 4
"""At first for networks without gradients, of which a step takes two runs for each block."""
_BLOCKS = 8
"""How many such blocks lie along the longer side of an image."""

Slopes = Callable[[Tensor, list[int]], Tensor]
"""For positions on the path and some of the windows: the integrands there, summed up, `[len(windows), C, h, w]`."""


def attribution(
    network: Network,
    lr: Tensor,
    window: int | Window | Sequence[Window],
    *,
    side: int,
    sigma: float,
    tolerance: float,
    block: int | None,
    batch_size: int | None,
    progress: bool,
    seeds: int = 1,
) -> Attribution:
    """`HyRA.attribution`."""
    image = checked_image("lr", lr, network)
    sigma, tolerance = validate.positive_number("sigma", sigma), validate.positive_number("tolerance", tolerance)
    validate.positive_integer("side", side)
    if block is not None:
        validate.positive_integer("block", block)
    if batch_size is not None:
        validate.positive_integer("batch_size", batch_size)
    path = BlurPath(image, sigma)
    with network.untouched():
        outputs = list(of_seeds(network, seeds, lambda _: network.run(image[None])[0]))
        output, _ = mean_and_error(outputs)
        if is_count(window):
            windows = most_detailed(output, validate.positive_integer("window", window), side)
        else:
            windows = checked_windows(window, *output.shape[1:])

        def draws(block: int | None) -> list[_Integral]:
            def integral(seed: int) -> _Integral:
                run = _Run(network, path, windows, outputs[seed], image.dtype, batch_size)
                return run.integral(block, tolerance, progress)

            return list(of_seeds(network, seeds, integral))

        try:
            integrals = draws(block)
        except MissingGradients as error:
            block = math.ceil(max(image.shape[-2:]) / _BLOCKS)
            warn(f"{error}; so contributions are those of squares of {block} LR pixels, by central differences")
            integrals = draws(block)
    maps, map_error = mean_and_error(integral.maps for integral in integrals)
    found = Attribution(
        image=image,
        output=output,
        windows=windows,
        maps=maps,
        detail=mean_and_error(integral.detail for integral in integrals)[0],
        blurred_detail=mean_and_error(integral.blurred_detail for integral in integrals)[0],
        steps=torch.stack([integral.steps for integral in integrals]).amax(0),
        sigma=sigma,
        method="gradients" if block is None else "differences",
        block=block or 1,
        standard_error=map_error,
        index_errors=None if map_error is None else map_error.new_tensor(jackknife(integrals, _indices)),
    )
    _warn_of(found, tolerance)
    return found


def _indices(integrals: Sequence[_Integral]) -> list[float]:
    """The diffusion index of each window, of the mean map of several draws."""
    maps, _ = mean_and_error(integral.maps for integral in integrals)
    indices: list[float] = diffusion_index(maps.sum(1).abs()).tolist()
    return indices


def _warn_of(found: Attribution, tolerance: float) -> None:
    """Of maps that say nothing, and why, and of those that are not complete."""
    finite = found.maps.flatten(1).isfinite().all(1) & found.detail.isfinite() & found.blurred_detail.isfinite()
    still = is_rounding(found.detail, found.blurred_detail)
    zero = ~still & ~found.maps.flatten(1).any(1)
    for windows, reason in (
        (~finite, "the output or its gradients are not finite"),
        (still, "blurring the image changes no detail"),
        (zero, "gradients are 0, as rounding leaves them (block=... measures differences instead)"),
    ):
        if windows.any():
            named = ", ".join(str(found.windows[i]) for i in windows.nonzero()[:, 0].tolist())
            warn(f"the map of window {named} says nothing, since {reason} there")
    error = found.completeness_error[finite & ~still & ~zero]
    worst = float(error.max()) if len(error) else 0.0
    if worst > tolerance:
        steps = int(found.steps.max())
        warn(
            f"contributions miss the change of detail by {100 * worst:.3g} % after {steps} steps, more than "
            f"{100 * tolerance:.3g} %"
        )


def checked_image(name: str, image: Tensor, network: Network) -> Tensor:
    """An image `[C, h, w]` in the network's colours, on its device and in its dtype, in float32 at least."""
    if validate.images(name, image).ndim != 3:
        raise ValueError(f"{name} must be one image [C, h, w], got shape {tuple(image.shape)}")
    validate.finite(name, image)
    if len(image) != network.in_channels:
        raise ValueError(f"{name} must be an image [{network.in_channels}, h, w], got shape {tuple(image.shape)}")
    placed = network.place(image)
    return placed.to(torch.promote_types(placed.dtype, torch.float32))


@dataclass(frozen=True)
class _Run:
    """What one measurement needs, and the two ways to find what a step along the path contributes."""

    network: Network
    path: BlurPath
    windows: tuple[Window, ...]
    output: Tensor
    dtype: torch.dtype
    batch_size: int | None

    def integral(self, block: int | None, tolerance: float, progress: bool) -> _Integral:
        """The contributions, with gradients or for blocks of pixels."""
        first = _FIRST if block is None else _FIRST_DIFFERENCES
        slopes = self.gradients if block is None else self.differences(block)
        return _integrate(self, slopes, first, tolerance, progress)

    def detail(self, output: Tensor) -> Tensor:
        """`[W]` float64, of the windows in an output `[C_out, H, W]`."""
        return torch.stack([detail(output.double()[None], window)[0] for window in self.windows])

    def images(self, positions: list[float]) -> tuple[Tensor, Tensor]:
        """`x(t)` as the network takes it, and `dx/dt` float64, for each position: `[N, C, h, w]`."""
        images, changes = zip(*map(self.path, positions), strict=True)
        return torch.stack(images).to(self.dtype), torch.stack(changes)

    def gradients(self, positions: Tensor, chosen: list[int]) -> Tensor:
        """Gradient of each window's detail times the change of the image; one run of the network for all windows."""
        total = self.path.image.new_zeros(len(chosen), *self.path.image.shape)

        def run(batch: Tensor) -> Tensor:
            images, changes = self.images(batch.tolist())
            graph = Graph(self.network, images)
            gradients = graph.gradients(lambda output, i: detail(output, self.windows[chosen[i]]).sum(), len(chosen))
            slopes = [(gradient.double() * changes).sum(0) for gradient in gradients]
            total.add_(torch.stack(slopes))  # here nothing can run out of memory any more
            return graph.output.detach()

        for _ in run_in_batches(run, positions, self.batch_size):
            pass
        return total

    def differences(self, block: int) -> Slopes:
        """The same from central differences over squares of `block` LR pixels a side."""

        def slopes(positions: Tensor, chosen: list[int]) -> Tensor:
            windows = [self.windows[i] for i in chosen]
            total = self.path.image.new_zeros(len(chosen), *self.path.image.shape)
            for t in positions.tolist():
                image, change = (x[0] for x in self.images([t]))
                total += block_slopes(self.network, image, change, windows, block=block, batch_size=self.batch_size)
            return total

        return slopes


class _Integral(NamedTuple):
    """What `Attribution` has of each window."""

    maps: Tensor
    detail: Tensor
    blurred_detail: Tensor
    steps: Tensor


def _integrate(run: _Run, slopes: Slopes, first: int, tolerance: float, progress: bool) -> _Integral:
    """The trapezoidal rule, whose steps are halved for the windows whose contributions are not complete as yet.

    Nothing is asked of the last position: there the image changes no more, since all derivatives of a Gaussian whose
    variance goes to 0 are 0.
    """
    sharp, blurred = run.detail(run.output), run.detail(run.network.run(run.images([0.0])[0])[0])
    change = sharp - blurred
    count, steps, chosen = len(change), first, [*range(len(change))]
    maps = change.new_zeros(count, *run.path.image.shape)
    taken = torch.zeros(count, dtype=torch.int64, device=change.device)
    positions = torch.arange(1, first, device=change.device).double() / first
    maps += slopes(positions.new_zeros(1), chosen) / (2 * first)
    with Progress(_MOST, "step", enabled=progress) as bar:
        while True:
            maps[chosen] += slopes(positions, chosen) / steps
            taken[chosen] = steps
            bar.update(len(positions))
            error = completeness_error(maps, sharp, blurred).tolist()
            chosen = [i for i in chosen if error[i] > tolerance]  # NaN stays what it is
            steps *= 2
            if steps > _MOST or not chosen:
                break
            positions = torch.arange(1, steps, 2, device=change.device).double() / steps
            maps[chosen] /= 2
    return _Integral(maps, sharp, blurred, taken)
