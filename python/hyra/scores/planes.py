"""Images as the ops of FSDS take them: planes with the moments of their image, a group at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from hyra import ops
from hyra.ops.mean_std import mean_std_of_pair
from hyra.ops.standardized_difference import per_plane
from hyra.scores.pairs import as_dtype

ALL = slice(None)
NONE = slice(0)
_FAR = 100  # deviations of the mean from 0: up to there it costs less than 1e-8 dB of 140
_GROUP = 1 << 19  # pixels of a group of planes: they and their spectra stay in the cache


@dataclass(frozen=True)
class Images:
    """A batch as the ops take it: planes ``[N * C, H, W]``, and mean and deviation of each image ``[N, 2]``."""

    planes: Tensor
    moments: Tensor
    channels: int

    @classmethod
    def of(cls, images: Tensor, dtype: torch.dtype) -> Self:
        """From ``[C, H, W]`` or ``[N, C, H, W]``."""
        batch = as_dtype(images if images.ndim == 4 else images[None], dtype)
        # The ops that take the moments know how they depend on the pixels.
        return cls(batch.flatten(0, 1), ops.mean_std(batch.detach()), batch.shape[1])

    @classmethod
    def pair(cls, preds: Tensor, target: Tensor, dtype: torch.dtype) -> tuple[Self, Self]:
        """`of` both plain tensors on a GPU, measured at once: a call costs more than the work on a small image."""
        batches = [as_dtype(x if x.ndim == 4 else x[None], dtype) for x in (preds, target)]
        of_preds, of_target = (
            cls(batch.flatten(0, 1), moments, batch.shape[1])
            for batch, moments in zip(batches, mean_std_of_pair(*batches), strict=True)
        )
        return of_preds, of_target

    def centred(self, *, look: bool) -> Self:
        """In float64, an image whose mean is many deviations from 0 less its first pixel.

        A mean is rounded to its own last digit, and so moves the standardised image as a whole. That is all but free of
        rounding for pixels so close together, and leaves all other images as they are. Where looking at the moments
        would wait for a GPU or break a graph, it is done only if `look` says so: otherwise all images are copied.
        """
        if self.planes.dtype != torch.float64:
            return self
        free = self.planes.device.type == "cpu" and not torch.compiler.is_compiling()
        if (look or free) and not any(_is_far(*pair) for pair in self.moments.tolist()):
            return self
        images = self.planes.view(-1, self.channels, *self.planes.shape[1:])
        far = _is_far(*self.moments.unbind(1))
        pivot = torch.where(far, images[:, 0, 0, 0].detach(), 0)
        return type(self).of(images - pivot[:, None, None, None], self.planes.dtype)

    def part(self, planes: slice) -> tuple[Tensor, Tensor]:
        """Some planes with their moments, as images of one plane, or all as they are."""
        if planes == ALL:  # the gradient of a slice would be a copy
            return self.planes, self.moments
        return self.planes[planes], per_plane(self.moments, self.planes)[planes]

    def to(self, dtype: torch.dtype) -> Self:
        """In another precision."""
        return self if self.planes.dtype == dtype else type(self)(self.planes.to(dtype), self.moments, self.channels)

    def per_image(self, measured: Tensor, dim: int = 0) -> Tensor:
        """Sums over the channels of each image: `measured` has a plane, and the result an image, along `dim`."""
        return measured.view(*measured.shape[:dim], -1, self.channels, *measured.shape[dim + 1 :]).sum(dim + 1)


def _is_far(mean: Any, deviation: Any) -> Any:
    return abs(mean) > _FAR * deviation


def groups(preds: Images, target: Images) -> Iterator[tuple[slice, slice]]:
    """Which planes of the predictions and of the targets to take at a time.

    Small groups stay in the cache, and in buffers that the allocator hands out again: fresh ones cost more than the
    arithmetic on them. Planes are independent of each other, so the grouping never changes a bit.
    """
    count, (targets, rows, columns) = len(preds.planes), target.planes.shape
    step = max(_GROUP // (rows * columns), 1)
    # The gradient of an image is not that of its planes one by one.
    differentiable = torch.is_grad_enabled() and (preds.planes.requires_grad or target.planes.requires_grad)
    if differentiable or count == 0 or max(count, targets) <= step or target.planes.device.type != "cpu":
        yield ALL, ALL
    elif count == targets:
        for first in range(0, count, step):
            yield slice(first, first + step), slice(first, first + step)
    elif step >= targets:
        step -= step % targets
        for first in range(0, count, step):
            yield slice(first, first + step), ALL
    else:
        for plane in range(count):
            yield slice(plane, plane + 1), slice(plane % targets, plane % targets + 1)
