"""The networks that hyra brings along."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial

import torch.nn.functional as F

from hyra.filters.lowpass import lowpass_upsample
from hyra.images import imresize
from hyra.models.model import Model, ScaleError


def _interpolation(name: str, scale: int | Fraction | None) -> Model:
    """Replicates the border, as every interpolation of torch does."""
    mode = name.removesuffix("-torch")
    corners = None if mode == "nearest" else False
    network = partial(F.interpolate, scale_factor=_number(name, scale), mode=mode, align_corners=corners)
    kernel = " as torch has it, a = -0.75" if mode != name else ""
    return Model(network, f"{mode} interpolation{kernel}", scale, 1.0)


def _bicubic(name: str, scale: int | Fraction | None) -> Model:
    network = partial(imresize, scale=_number(name, scale))
    return Model(network, "bicubic interpolation as MATLAB's imresize has it, a = -0.5", scale, 1.0)


def _lowpass(name: str, scale: int | Fraction | None) -> Model:
    network = partial(lowpass_upsample, scale=_required(name, scale))
    return Model(network, "windowed sinc with its cut-off at the LR Nyquist frequency", scale, 1.0)


def _demo(name: str, scale: int | Fraction | None) -> Model:
    from hyra import demo

    network = demo.load(scale=2 if name == "demo-x2" else 4)
    if scale not in (None, network.scale):
        raise ScaleError(f"the model {name} has scale {network.scale}, got scale={scale}")
    return Model(network, f"bundled x{network.scale} network, trained with the L1 loss", network.scale, 1.0)


def _number(name: str, scale: int | Fraction | None) -> float:
    factor = _required(name, scale)
    return factor if isinstance(factor, int) else float(factor)


def _required(name: str, scale: int | Fraction | None) -> int | Fraction:
    if scale is None:
        raise ValueError(f"the model {name} works at any scale: say which one (scale=4, on the command line --scale 4)")
    return scale


BUILT_IN: dict[str, Callable[[str, int | Fraction | None], Model]] = {
    "nearest": _interpolation,
    "bilinear": _interpolation,
    "bicubic": _bicubic,
    "bicubic-torch": _interpolation,
    "lowpass": _lowpass,
    "demo": _demo,
    "demo-x2": _demo,
}
