"""Implicit networks: a function of the image and of a place in it (LIIF and its kin)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from hyra._util import validate
from hyra.adapters.adapted import Net, adapted


def implicit(
    net: Net, scale: float | Fraction | str, *, mean: float = 0.5, std: float = 0.5, queries: int = 65536
) -> Net:
    """A network ``net(x, coord, cell)``, which returns the colours of single pixels, at one scale (LIIF, LTE and kin).

    It is asked for every pixel of the HR grid: `coord` `[N, Q, 2]` are the middles of the pixels, row and column, where
    the image is -1..1 along both axes, `cell` `[N, Q, 2]` is the size of a pixel in these units, and it returns
    `[N, Q, C]`. A network with the methods ``gen_feat(x)`` and ``query_rgb(coord, cell)`` looks at the image once.

    Args:
        net: the network.
        scale: HR pixels per LR pixel: an integer or a fraction, which `hyra.HyRA` must be told, too. Sides between two
            integers are cut to the lower one, and the places asked for are those of the scale, as if they were not.
        mean: what is subtracted from images in 0..1 before the network, and added after it.
        std: what they are then divided by, and multiplied with; LIIF's images are in -1..1.
        queries: pixels asked for at a time.

    Returns:
        A callable from images `[N, C, h, w]` to `[N, C, s*h, s*w]`; a module, where `net` is one.

    Raises:
        TypeError: `net` is not callable, or a number is of the wrong type.
        ValueError: `std` or `queries` is not positive, or `scale` no integer and no small fraction.

    Source: Chen, Liu and Wang, Learning Continuous Image Representation with Local Implicit Image Function (CVPR 2021).

    Example:
        >>> import torch, hyra
        >>> def nearest(x, coord, cell):
        ...     grid = coord.flip(-1)[:, None]
        ...     return torch.nn.functional.grid_sample(x, grid, "nearest", align_corners=False)[:, :, 0].mT
        >>> round(hyra.HyRA(implicit(nearest, 3)).impulse_response(16).main_lobe, 6)
        1.0
        >>> hyra.HyRA(implicit(nearest, 2.5), 2.5).impulse_response(16).dc_gain.tolist()
        [1.0, 1.0, 1.0]
    """
    factor = validate.scale("scale", scale)
    validate.positive_integer("queries", queries)
    return adapted(net, _Implicit(factor, validate.number("mean", mean), validate.positive_number("std", std), queries))


@dataclass(frozen=True)
class _Implicit:
    scale: int | Fraction
    mean: float
    std: float
    queries: int

    def __call__(self, net: Any, images: Tensor) -> Tensor:
        enlarged = [self.scale * side for side in images.shape[-2:]]
        height, width = (math.floor(side) for side in enlarged)
        count = len(images)
        y, x = (_middles(side, images) for side in enlarged)
        coordinates = torch.stack(torch.meshgrid(y, x, indexing="ij"), -1).view(1, -1, 2).expand(count, -1, -1)
        cell = images.new_tensor([float(2 / side) for side in enlarged]).expand_as(coordinates)
        encoded = (images - self.mean) / self.std
        remembers = hasattr(net, "gen_feat") and hasattr(net, "query_rgb")
        if remembers:
            net.gen_feat(encoded)
        parts = [
            net.query_rgb(*asked) if remembers else net(encoded, *asked)
            for asked in zip(*(torch.split(x, self.queries, 1) for x in (coordinates, cell)), strict=True)
        ]
        colours = torch.cat(parts, 1) * self.std + self.mean
        return colours.mT.reshape(count, -1, height, width)


def _middles(side: int | Fraction, like: Tensor) -> Tensor:
    """Of the pixels that lie whole on an axis of so many."""
    whole = torch.arange(math.floor(side), device=like.device, dtype=like.dtype)
    return (2 * whole + 1) / (side if isinstance(side, int) else float(side)) - 1
