"""The one image in what a network returned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor


class NoImageError(ValueError):
    """What a network returned is no image at any size, so that trying others is of no use."""


def image_in(returned: Any, shape: torch.Size, scale: int | Fraction | None) -> Tensor:
    """The image `[N, C_out, s*h, s*w]` that a network returned for an input of `shape`, alone or among other things.

    Raises:
        ValueError: there is none, there are several, or it is not of `scale` times the input's size.
    """
    if isinstance(returned, Tensor):
        if returned.ndim != 4 or returned.shape[0] != shape[0]:
            expected = f"[{shape[0]}, channels, height, width]"
            raise NoImageError(f"the network must return images {expected}, got shape {list(returned.shape)}")
        _check_size(returned, shape, scale)
        return returned
    tensors = list(_tensors(returned))
    plausible = [x for x in tensors if x.ndim == 4 and x.shape[:2] == shape[:2] and _fits(x, shape, scale)]
    if len(plausible) != 1:
        came = ", ".join(str(list(x.shape)) for x in tensors) or "no tensor"
        kind = NoImageError if len(plausible) > 1 or not any(x.ndim == 4 for x in tensors) else ValueError
        raise kind(
            f"the network returned a {type(returned).__name__} with {came}, of which {len(plausible)} could "
            f"be the image for an input {list(shape)}: pass a callable that returns it alone, "
            "such as lambda x: net(x)[0]"
        )
    return plausible[0]


def in_unit_range(image: Tensor, input_range: float) -> Tensor:
    """The image divided by its white, in float32 at least.

    Raises:
        TypeError: it is of a layout or a type that is no image with a known white.
    """
    if image.layout != torch.strided or image.is_mkldnn or image.is_quantized or image.is_complex():
        kind = "quantised" if image.is_quantized else str(image.layout).removeprefix("torch.")
        kind = "complex" if image.is_complex() else "MKLDNN" if image.is_mkldnn else kind
        raise TypeError(f"the network must return a dense, real image, got a {kind} tensor of {image.dtype}")
    if image.dtype == torch.bool or (not image.dtype.is_floating_point and input_range <= 1):
        raise TypeError(
            f"the network must return floating-point images where input_range is {input_range:g}, since integers "
            f"within 0..{input_range:g} would be rounded to black and white, got {image.dtype}: give the network's "
            "white as input_range (255, say), or pass lambda x: net(x) / 255"
        )
    if not image.dtype.is_floating_point:
        return image.to(torch.float32) / input_range
    return image.to(torch.promote_types(image.dtype, torch.float32)) / input_range


def _fits(output: Tensor, shape: torch.Size, scale: int | Fraction | None) -> bool:
    (height, width), (h, w) = output.shape[-2:], shape[-2:]
    if isinstance(scale, Fraction):  # `n * 2.4` in floating point may lie below an integer, and lose a pixel
        return all(0 <= scale * n - length <= (n % scale.denominator == 0) for n, length in ((h, height), (w, width)))
    return height * w == width * h and height % h == 0 and height > 0 and scale in (None, height // h)


def _check_size(output: Tensor, shape: torch.Size, scale: int | Fraction | None) -> None:
    if _fits(output, shape, scale):
        return
    (height, width), (h, w) = output.shape[-2:], shape[-2:]
    if isinstance(scale, Fraction):
        raise ValueError(f"output {height}x{width} for input {h}x{w} is not of the scale {scale}")
    expected = "one integer multiple on both axes" if scale is None else f"{scale * h}x{scale * w}"
    multiple = "" if height % h == 0 and width % w == 0 else f" is no multiple of input {h}x{w}:"
    if scale is None and height % h and width % w and height > h:
        expected += ", or scale to say which fraction it is, such as 1.5 or '3/2'"
    raise ValueError(f"output {height}x{width}{multiple or f' for input {h}x{w}:'} expected {expected}")


def _tensors(returned: Any) -> Iterator[Tensor]:
    """Every tensor in nested containers, each of which is looked into once: one may hold itself, or another twice."""
    rest, seen = [returned], dict[int, Any]()
    while rest:
        value = rest.pop()
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, Mapping | list | tuple) and id(value) not in seen:
            seen[id(value)] = value
            rest.extend(reversed([*value.values()] if isinstance(value, Mapping) else value))
