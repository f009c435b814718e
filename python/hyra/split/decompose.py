"""Splitting what a network makes of an image into H and G."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.warnings import warn
from hyra.filters.response import ImpulseResponse
from hyra.network.tiling import check_tiling, find_tiling, run_tiled
from hyra.network.wrapper import Network
from hyra.ops.boundary import BOUNDARIES
from hyra.probing.impulse import mean_response
from hyra.probing.operating_point import OperatingPoint
from hyra.probing.seeds import mean_and_error, of_seeds
from hyra.split.parts import Decomposition


def decompose(
    network: Network,
    lr: Tensor,
    boundary: str,
    response: ImpulseResponse | None,
    *,
    channels: str | None,
    form: str | None,
    tile: int | None,
    halo: int | None,
    seeds: int = 1,
) -> Decomposition:
    """`HyRA.decompose`."""
    lr = validate.images("lr", lr).detach()
    validate.not_empty("lr", lr)
    validate.finite("lr", lr)
    validate.choice("boundary", boundary, BOUNDARIES)
    validate.positive_integer("seeds", seeds)
    if halo is not None and tile is None:
        raise ValueError(f"halo must be left out without tile, got {halo}")
    if response is not None:
        _check_kind(response, channels, form)
    point = OperatingPoint(form=form, channels="joint" if channels is None else channels)
    _warn_about_range(lr)
    images = network.place(lr if lr.ndim == 4 else lr[None])
    with network.untouched():
        if response is None:
            response = mean_response(network, point, seeds, like=images)
        run = network.run
        if tile is not None:
            tiling = find_tiling(network, tile, halo)
            check_tiling(network, tiling, images, approximate=halo is not None)
            run = partial(run_tiled, network, tiling)
        output, error = mean_and_error(of_seeds(network, seeds, lambda _: run(images)))
        if response.scale != network.scale:
            raise ValueError(f"response must have the network's scale, {network.scale}, got {response.scale}")
        _check_colours(response, images, output)
        images, size = images.to(output.dtype), (output.shape[-2], output.shape[-1])
        if response.form == "literal":
            linear = response.filtered(images, boundary, size)
        else:
            background = _background_like(response.background, images)
            linear = mean_and_error(of_seeds(network, seeds, lambda _: run(background)))[0] + response.filtered(
                images - background, boundary, size
            )
        padding = network.padding(*images.shape[-2:])
    nonlinear = output - linear
    if lr.ndim == 3:
        images, output, linear, nonlinear = images[0], output[0], linear[0], nonlinear[0]
        error = None if error is None else error[0]
    added = (padding.bottom, padding.right)
    return Decomposition(images, output, linear, nonlinear, response, boundary, added, error)


def _check_kind(response: ImpulseResponse, channels: str | None, form: str | None) -> None:
    """The kind that is asked for beside a response is that of the response."""
    for name, asked, measured in (("channels", channels, response.channels), ("form", form, response.form)):
        if asked not in (None, measured):
            raise ValueError(f"{name} must be that of the response, {measured!r}, or left out, got {asked!r}")


def _check_colours(response: ImpulseResponse, images: Tensor, output: Tensor) -> None:
    takes, gives = response.response.shape[-3], response.response.shape[0]
    if (takes, gives) != (images.shape[1], output.shape[1]):
        hint = "" if images.shape[1] == output.shape[1] else ': use channels="matrix" for a network that changes them'
        raise ValueError(
            f"response must lead from the image's {images.shape[1]} colours to the network's {output.shape[1]}, "
            f"got {takes} to {gives}{hint}"
        )


def _background_like(background: float | Tensor, images: Tensor) -> Tensor:
    if not isinstance(background, Tensor):
        return torch.full_like(images[:1], background)
    if background.shape != images.shape[1:]:
        expected = list(background.shape)
        raise ValueError(f"lr must have the shape of the response's background, {expected}, got {list(images.shape)}")
    return background.to(images)[None]


def _warn_about_range(lr: Tensor) -> None:
    largest = float(lr.abs().max())
    if largest > 2:
        message = (
            f"lr is expected in 0..1 and reaches {largest:.4g}: divide it by its white, and give input_range to HyRA"
        )
        warn(message)
