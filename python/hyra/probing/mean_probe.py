"""Impulse responses at many positions of a network that draws random numbers: their means over several seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from hyra.network.wrapper import Network
from hyra.probing.operating_point import OperatingPoint
from hyra.probing.probe import Probe, probe
from hyra.probing.seeds import Moments, of_seeds


def mean_probe(
    network: Network,
    point: OperatingPoint,
    positions: Tensor | str,
    seeds: int,
    *,
    keep_responses: bool,
    **options: Any,
) -> Probe:
    """`probe` over the random numbers of several seeds.

    Responses are averaged before anything is made of them, so that deviations hold no more noise than is left.
    """
    keep = keep_responses or seeds != 1
    measure = partial(probe, network, point, positions, keep_responses=keep, **options)
    with network.untouched():
        draws = of_seeds(network, seeds, lambda _: measure())
        return measure() if seeds == 1 else _mean(draws, keep=keep_responses)


def _mean(draws: Iterator[Probe], *, keep: bool) -> Probe:
    first = next(draws)
    inside = _inside(first)
    moments = [Moments(value) for value in _values(first, inside)]
    for draw in draws:
        for each, value in zip(moments, _values(draw, inside), strict=True):
            each.add(value)
    responses, difference, reference, mean = moments
    off, expected = difference.mean.double(), torch.where(inside, reference.mean.double(), 0)
    norm = _norm(expected)
    sound = off.flatten(1).isfinite().all(1)
    counted = inside & sound.view(-1, *[1] * (inside.ndim - 1))
    count = counted.sum(0).clamp(min=1)
    average = torch.where(counted, responses.mean.double(), 0).sum(0) / count
    spread = torch.where(counted, responses.mean.double() - average, 0).square().sum(0) / count
    if not sound.any():
        average, spread = average + torch.nan, spread + torch.nan
    alone = replace(first.reference, response=reference.mean, standard_error=reference.error)
    error = difference.error
    return replace(
        first,
        deviation=_norm(off) / norm,
        peak_deviation=off.abs().flatten(1).amax(1) / reference.mean.abs().max(),
        mean=replace(alone, response=average, standard_error=mean.error),
        variance=spread,
        reference=alone,
        responses=responses.mean if keep else None,
        standard_error=None if error is None else _norm(error.double()) / norm,
    )


def _values(draw: Probe, inside: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Responses, their differences from the reference, the reference, and the mean over the positions."""
    reference = draw.reference.response
    return draw.kept_responses, torch.where(inside, draw.kept_responses - reference, 0), reference, draw.mean.response


def _inside(draw: Probe) -> Tensor:
    """Which samples of the windows lie inside the output, `[P, 1(, 1), kh, kw]`: others count nowhere."""
    reference = draw.reference
    p, q = reference.scale.numerator, reference.scale.denominator
    axes = []
    for axis in (0, 1):
        offset = torch.arange(reference.response.shape[axis - 2], device=draw.positions.device) - reference.origin[axis]
        impulse = draw.positions[:, axis, None] + -offset * pow(p, -1, q) % q  # in a block, the one that it answers
        place = p * impulse + offset
        axes.append((place >= 0) & (place < p * draw.canvas[axis]))
    inside = axes[0][:, :, None] & axes[1][:, None, :]
    return inside.view(len(inside), *[1] * (reference.response.ndim - 2), *inside.shape[1:])


def _norm(x: Tensor) -> Tensor:
    return x.square().flatten(1).sum(1).sqrt()
