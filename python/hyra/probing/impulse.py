"""Measuring one impulse response: a canvas with an impulse, and what the network makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.warnings import warn
from hyra.filters.response import BackgroundOutput, ImpulseResponse, energy_outside
from hyra.filters.transfer import dc_gain
from hyra.network.sizes import CANVAS_SIDE
from hyra.network.wrapper import Network
from hyra.probing.batching import run_in_batches
from hyra.probing.canvas import Canvas
from hyra.probing.operating_point import OperatingPoint
from hyra.probing.seeds import mean_of, of_seeds

_LARGE_BORDER_ENERGY = 1e-4
_ADVICE = "try another amplitude or background"
_LARGE_GAIN_OF_BLACK = 0.1
_SMALL_SHARE = 0.01
_EXPLOSION = 10.0
"""Heights of real networks' main lobes lie below 5, also at small amplitudes; those that explode reach 65 and more."""


def impulse_response(
    network: Network,
    point: OperatingPoint,
    *,
    size: int | None = None,
    position: tuple[int, int] | None = None,
    canvas: Canvas | None = None,
    like: Tensor | None = None,
) -> ImpulseResponse:
    """`HyRA.impulse_response`.

    Args:
        network: what is measured.
        point: the operating point.
        size: side of the canvas.
        position: of the impulse on it.
        canvas: what `canvas_of` returned, for callers that measure several responses on one background.
        like: as for `Canvas.of`.
    """
    with network.untouched():
        canvas = canvas or canvas_of(network, point.background, size, like)
        y, x = canvas.block(*canvas.position(position))
        impulses = canvas.impulses(point, y, x)
        # At an integer one image at a time: the result must be what `decompose` gets for the same image, to the last
        # bit. A fraction has q x q impulses, which it never sees alone.
        batch_size = None if network.block > 1 else 1
        outputs = torch.cat([part for _, part in run_in_batches(_run(canvas, point), impulses, batch_size)])
        rows = outputs if point.mode == "jvp" else point.response(outputs, canvas.output)
    scale, excess = network.scale, point.excess(rows, canvas.output)
    first = int(scale * y), int(scale * x)
    response, origin = canvas.assembled(point, rows.flatten(0, 1), first)
    response = response.contiguous()
    warn_if_it_explodes(response, point)
    _warn_about_border(canvas.assembled(point, excess.flatten(0, 1), first)[0], excess, scale.numerator)
    if point.form == "literal":
        _warn_about_black(canvas.output / point.amplitude, scale)
    clipped = clipped_share(canvas, () if point.mode == "jvp" else list(outputs))
    warn_if_it_is_clipped(canvas, clipped, point)
    constant = not isinstance(point.background, Tensor)
    return ImpulseResponse(
        response=response,
        scale=scale,
        origin=origin,
        amplitude=point.amplitude,
        background=point.background,
        form=point.form,
        mode=point.mode,
        background_output=BackgroundOutput.of(canvas.output, float(point.background), scale) if constant else None,
        provenance=canvas.provenance(),
        clipped=clipped,
    )


def _run(canvas: Canvas, point: OperatingPoint) -> Callable[[Tensor], Tensor]:
    """What the network makes of a batch of impulses on a canvas, or its derivatives along them."""
    network, image = canvas.network, canvas.image[None]
    if point.mode == "jvp":
        by = canvas.differentiation
        return lambda impulses: network.derivative(image.expand_as(impulses), impulses, by)
    return lambda impulses: network.run(image + point.amplitude * impulses)


def mean_response(
    network: Network,
    point: OperatingPoint,
    seeds: int,
    *,
    size: int | None = None,
    position: tuple[int, int] | None = None,
    like: Tensor | None = None,
) -> ImpulseResponse:
    """`impulse_response` over the random numbers of several seeds, with its standard error."""
    return mean_of(responses_of_seeds(network, point, seeds, size=size, position=position, like=like))


def responses_of_seeds(
    network: Network,
    point: OperatingPoint,
    seeds: int,
    *,
    size: int | None = None,
    position: tuple[int, int] | None = None,
    like: Tensor | None = None,
) -> list[ImpulseResponse]:
    """`impulse_response` with the random numbers of each seed."""
    measure = partial(impulse_response, network, point, size=size, position=position, like=like)
    return list(of_seeds(network, seeds, lambda _: measure()))


def canvas_of(network: Network, background: float | Tensor, size: int | None, like: Tensor | None = None) -> Canvas:
    """The canvas for one impulse: `size` is the side asked for, also where the background is an image."""
    side = None if size is None else validate.positive_integer("size", size)
    if side is not None and isinstance(background, Tensor) and background.shape[1:] != (side, side):
        expected = f"[C, {side}, {side}]"
        raise ValueError(f"background must be a level or an image {expected}, got {list(background.shape)}")
    return Canvas.of(network, background, side, usual=CANVAS_SIDE, like=like)


def explodes(response: Tensor) -> bool:
    """Whether a response is not finite, or far higher than any that makes sense."""
    return not float(response.abs().max()) <= _EXPLOSION


def warn_if_it_explodes(response: Tensor, point: OperatingPoint) -> None:
    """Tell that a response at an operating point is not finite, or huge."""
    height = "for small amplitudes" if point.mode == "jvp" else f"at amplitude {point.amplitude:g}"
    background = "an image" if isinstance(point.background, Tensor) else f"{point.background:g}"
    where = f"{height} on background {background}"
    if not response.isfinite().all():
        warn(f"the response {where} is not finite: {_ADVICE}", RuntimeWarning)
    elif explodes(response):
        message = f"the response explodes, with a peak of {float(response.abs().max()):.3g} {where}: {_ADVICE}"
        warn(message, RuntimeWarning)


def clipped_share(canvas: Canvas, outputs: Sequence[Tensor]) -> float:
    """Share of the outputs, with impulses and of the background alone, that lies at the network's bounds."""
    bounds = canvas.network.traits.bounds
    if bounds is None:
        return 0.0
    return max(float(bounds.cut(output).double().mean()) for output in (canvas.output, *outputs))


def warn_if_it_is_clipped(canvas: Canvas, clipped: float, point: OperatingPoint) -> None:
    """Tell that a network bounds its output, where that cuts a response off."""
    bounds = canvas.network.traits.bounds
    if clipped and bounds is not None:
        share = f"{clipped:.0%}" if clipped >= _SMALL_SHARE else f"{100 * clipped:.1g}%"
        message = (
            f"the network's output is {bounds}, and {share} of it lies at that limit: what the response has "
            "beyond is lost, so that it says little about the filter; measure where nothing is cut, with "
            + ("another background" if point.mode == "jvp" else "background=0.5 and amplitude=0.1, or mode='jvp'")
        )
        warn(message, RuntimeWarning)


def _warn_about_border(inside: Tensor, excess: Tensor, density: int) -> None:
    """Tell of energy in the outermost frame of a response, or beyond it, where not all places of a block reach."""
    share = energy_outside(inside[..., density:-density, density:-density], excess)
    if share > _LARGE_BORDER_ENERGY:
        message = f"{share:.2g} of the response's energy lies at the border of the canvas: use a larger size"
        warn(message)


def _warn_about_black(response: Tensor, scale: int | Fraction) -> None:
    """The literal form counts `N(0)`, though no pixel caused it, for every pixel of an image that H is applied to."""
    gain = float(dc_gain(response, 1).abs().max() / float(scale) ** 2)
    if gain > _LARGE_GAIN_OF_BLACK:
        message = (
            f"what the network makes of black alone changes the response's DC gain by up to {gain:.3g}: "
            "use form='affine' to leave it out (on the command line --form affine)"
        )
        warn(message)
