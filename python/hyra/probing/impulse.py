"""Measuring an impulse response: one lit pixel, and what the network makes of it."""

from __future__ import annotations

import math
from numbers import Real

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.version import __version__
from hyra._util.warnings import warn
from hyra.filters.response import FORMS, MODES, BackgroundOutput, ImpulseResponse, border_energy
from hyra.filters.transfer import dc_gain
from hyra.network.wrapper import PROBE_SIZE, Network, NetworkError

CHANNELS = ("joint", "matrix")

_LARGE_BORDER_ENERGY = 1e-4
_ADVICE = "try another amplitude or background"
_LARGE_GAIN_OF_BLACK = 0.1
_EXPLOSION = 10.0
"""Heights of real networks' main lobes lie below 5, also at small amplitudes; those that explode reach 65 and more."""


def impulse_response(
    network: Network,
    pixel: Tensor,
    *,
    size: int | None = None,
    channels: str = "joint",
    amplitude: float = 1.0,
    background: float | Tensor = 0.0,
    form: str | None = None,
    mode: str = "finite",
    position: tuple[int, int] | None = None,
    canvas: tuple[Tensor, Tensor] | None = None,
) -> ImpulseResponse:
    """`HyRA.impulse_response`; the black `pixel` `[C, 1, 1]` says colours, dtype and device of the probe.

    Who measures several responses on one background gives what `canvas_of` returned for it.
    """
    validate.choice("channels", channels, CHANNELS)
    validate.choice("mode", mode, MODES)
    form = form_of(form, mode, background)
    if mode == "jvp":
        amplitude = 0.0
    else:
        check_amplitude(amplitude)
    with network.untouched():
        flat, without = canvas or canvas_of(network, pixel, size, background)
        y, x = _position(position, flat)
        directions = directions_of(flat, channels, y, x)
        if mode == "jvp":
            rows = [network.derivative(flat[None], direction[None])[0] for direction in directions]
            excess = rows
        else:
            # One image at a time: the result must be what `decompose` gets for the same image, to the last bit.
            lit = [network.run(flat[None] + amplitude * direction)[0] for direction in directions]
            excess = [(image - without) / amplitude for image in lit]
            rows = excess if form == "affine" else [image / amplitude for image in lit]
    response = rows[0] if channels == "joint" else torch.stack(rows, dim=1)
    scale = network.scale
    warn_if_it_explodes(response, amplitude, background)
    _warn_about_border(torch.stack(excess), scale)
    if form == "literal":
        _warn_about_black(without / amplitude, scale)
    level = None if isinstance(background, Tensor) else BackgroundOutput.of(without, float(background), scale)
    return ImpulseResponse(
        response=response,
        scale=scale,
        origin=(scale * y, scale * x),
        amplitude=float(amplitude),
        background=background,
        form=form,
        mode=mode,
        background_output=level,
        provenance=provenance_of(network, flat),
    )


def canvas_of(network: Network, pixel: Tensor, size: int | None, background: float | Tensor) -> tuple[Tensor, Tensor]:
    """The background image `[C, h, w]` of a probe, and the network's output for it."""
    if isinstance(background, Tensor):
        validate.floating_tensor("background", background)
        if background.ndim != 3 or 0 in background.shape or (size is not None and background.shape[1:] != (size, size)):
            expected = "[C, h, w]" if size is None else f"[C, {size}, {size}]"
            raise ValueError(f"background must be a level or an image {expected}, got {list(background.shape)}")
        canvas = background.to(pixel)
        return canvas, network.run(canvas[None])[0]
    if not (isinstance(background, int | float) and math.isfinite(background)):
        raise ValueError(f"background must be a finite level or an image [C, h, w], got {background!r}")
    if size is not None:
        side = validate.positive_integer("size", size)
        canvas = pixel.new_full((len(pixel), side, side), background)
        return canvas, network.run(canvas[None])[0]
    canvas = pixel.new_full((len(pixel), PROBE_SIZE, PROBE_SIZE), background)
    try:
        return canvas, network(canvas[None])[0]
    except NetworkError:
        side = network.input_sizes().at_least(PROBE_SIZE)
        canvas = pixel.new_full((len(pixel), side, side), background)
        return canvas, network.run(canvas[None])[0]


def provenance_of(network: Network, probe: Tensor) -> dict[str, str]:
    """Versions, model, type and device that a response was computed with."""
    return {
        "hyra": __version__,
        "torch": str(torch.__version__),
        "model": network.name,
        "dtype": str(probe.dtype).removeprefix("torch."),
        "device": str(probe.device),
    }


def form_of(form: str | None, mode: str, background: float | Tensor) -> str:
    """The form asked for, or the one that has a meaning."""
    black = not isinstance(background, Tensor) and background == 0
    if form is None:
        return "literal" if black and mode == "finite" else "affine"
    validate.choice("form", form, FORMS)
    if form == "literal" and not black:
        raise ValueError("form='literal' needs a black background, since h = N(a d) / a: use form='affine'")
    if form == "literal" and mode == "jvp":
        raise ValueError("form='literal' needs mode='finite', since a derivative leaves N(b) out: use form='affine'")
    return form


def check_amplitude(amplitude: float) -> None:
    """An impulse has a finite height, and not 0."""
    if not (isinstance(amplitude, Real) and amplitude != 0 and math.isfinite(amplitude)):
        raise ValueError(f"amplitude must be a finite number other than 0, got {amplitude!r}")


def _position(position: tuple[int, int] | None, canvas: Tensor) -> tuple[int, int]:
    height, width = canvas.shape[-2:]
    if position is None:
        return height // 2, width // 2
    y, x = (validate.integer("position", index, 0) for index in position)
    if not (0 <= y < height and 0 <= x < width):
        raise ValueError(f"position must be (y, x) inside the {height}x{width} probe, got {position!r}")
    return y, x


def directions_of(canvas: Tensor, channels: str, y: int, x: int) -> Tensor:
    """The impulses, `[K, C, h, w]`: one in all colours, or one for each."""
    colours = colours_of(canvas, channels)
    directions = canvas.new_zeros(len(colours), *canvas.shape)
    directions[:, :, y, x] = colours
    return directions


def colours_of(canvas: Tensor, channels: str) -> Tensor:
    """The colours of the impulses, `[K, C]`: white, or each of the primaries."""
    count = len(canvas)
    return canvas.new_ones(1, count) if channels == "joint" else torch.eye(count).to(canvas)


def explodes(response: Tensor) -> bool:
    """Whether a response is not finite, or far higher than any that makes sense."""
    return not float(response.abs().max()) <= _EXPLOSION


def warn_if_it_explodes(response: Tensor, amplitude: float, background: float | Tensor) -> None:
    """Tell that a response to an impulse of that height (0: the derivative) is not finite, or huge."""
    height = f"at amplitude {amplitude:g}" if amplitude else "for small amplitudes"
    point = f"{height} on background {'an image' if isinstance(background, Tensor) else f'{background:g}'}"
    if not response.isfinite().all():
        warn(f"the response {point} is not finite: {_ADVICE}", RuntimeWarning)
    elif explodes(response):
        message = f"the response explodes, with a peak of {float(response.abs().max()):.3g} {point}: {_ADVICE}"
        warn(message, RuntimeWarning)


def _warn_about_border(excess: Tensor, scale: int) -> None:
    share = border_energy(excess, scale)
    if share > _LARGE_BORDER_ENERGY:
        message = f"{share:.2g} of the response's energy lies at the border of the probe: use a larger size"
        warn(message)


def _warn_about_black(response: Tensor, scale: int) -> None:
    """The literal form counts `N(0)`, though no pixel caused it, for every pixel of an image that H is applied to."""
    gain = float(dc_gain(response, scale).abs().max())
    if gain > _LARGE_GAIN_OF_BLACK:
        message = (
            f"what the network makes of black alone changes the response's DC gain by up to {gain:.3g}: "
            "use form='affine' to leave it out"
        )
        warn(message)
