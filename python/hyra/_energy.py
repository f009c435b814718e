"""The two energies whose ratio is FSDS: from pixels to numbers, and how many planes go at a time.

Energies add up over the channels of an image. So each plane is measured by itself, in groups that suit the memory: the
energy of its quadrant integrals, or for the radial variant its power per ring.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from hyra import fft
from hyra.ops import integral_energy, mean_std, quadrant_energy, radial_moments, standardized_difference

VARIANTS = ("paper", "shift_invariant", "radial")
_GROUP = 1 << 19  # pixels of a group of planes: they and their spectra stay in the cache


@dataclass(frozen=True)
class Images:
    """A batch as the ops take it: planes ``[N * C, H, W]``, and mean and deviation of the image each belongs to."""

    planes: Tensor
    moments: Tensor
    channels: int

    @classmethod
    def of(cls, images: Tensor, dtype: torch.dtype) -> Self:
        """From ``[C, H, W]`` or ``[N, C, H, W]``."""
        batch = (images if images.ndim == 4 else images[None]).to(dtype)
        channels = batch.shape[1]
        moments = mean_std(batch)
        of_planes = moments.expand(channels, 2) if len(batch) == 1 else moments.repeat_interleave(channels, 0)
        return cls(batch.flatten(0, 1), of_planes, channels)

    def to(self, dtype: torch.dtype) -> Self:
        """In another precision."""
        return replace(self, planes=self.planes.to(dtype))


def energies(preds: Images, target: Images, variant: str) -> tuple[Tensor, Tensor]:
    """Energy per image ``[N]`` of the standardised difference, and of the standardised target; as many of both."""
    measured = []
    for group, _ in _groups(preds, target):
        planes = _standardized(preds, group, target, group, with_target=True)
        if variant == "radial":
            difference, reference = fft.rfft2(planes).chunk(2)
            measured.append(torch.stack(_ring_powers(difference, reference, preds)))
        else:
            measured.append(_quadrant_energy(planes, variant).view(2, -1))
        del planes  # for the allocator to hand out again
    of_difference, of_target = _per_image(torch.cat(measured, 1), target, variant)
    return of_difference, of_target


@dataclass(frozen=True)
class Reference:
    """Targets, prepared for predictions that come later.

    ``energy`` is ``[N]``. The radial variant also keeps the ``spectra``: there the energy of a difference is no
    function of the difference alone.
    """

    target: Images
    variant: str
    energy: Tensor
    spectra: Tensor | None

    @classmethod
    def of(cls, target: Images, variant: str) -> Self:
        """Transform and measure the targets."""
        planes = _standardized(target, slice(0), target, slice(None), with_target=True)
        spectra = fft.rfft2(planes) if variant == "radial" else None
        kept = None if spectra is None else _ring_powers(spectra, spectra, target)[1]
        measured = _quadrant_energy(planes, variant) if kept is None else kept
        (energy,) = _per_image(measured[None], target, variant)
        return cls(target, variant, energy, spectra)

    def difference(self, preds: Images) -> Tensor:
        """Energy per image ``[M]`` of the standardised difference: of as many predictions, or any number for one."""
        measured = []
        target = self.target.to(preds.planes.dtype)
        for group, targets in _groups(preds, target):
            planes = _standardized(preds, group, target, targets, with_target=False)
            if self.spectra is None:
                measured.append(_quadrant_energy(planes, self.variant))
            else:
                spectra = fft.rfft2(planes)
                kept = self.spectra[targets].to(spectra.dtype)
                if len(kept) != len(spectra):
                    kept = kept.repeat(len(spectra) // len(kept), 1, 1)
                measured.append(_ring_powers(spectra, kept, preds)[0])
        return _per_image(torch.cat(measured)[None], target, self.variant)[0]


def _standardized(preds: Images, group: slice, target: Images, targets: slice, *, with_target: bool) -> Tensor:
    """The differences between some planes, then the target's planes if `with_target`."""
    planes, moments = (preds.planes[group], target.planes[targets]), (preds.moments[group], target.moments[targets])
    standardized: Tensor = standardized_difference(*planes, *moments, with_target)
    return standardized


def _quadrant_energy(planes: Tensor, variant: str) -> Tensor:
    """The paper's energy of each plane, or its mean over all circular shifts: only that needs a transform."""
    energy: Tensor = integral_energy(planes) if variant == "paper" else quadrant_energy(fft.rfft2(planes), variant)
    return energy


def _ring_powers(difference: Tensor, target: Tensor, images: Images) -> tuple[Tensor, Tensor]:
    """``|pred|^2 - |target|^2`` and ``|target|^2``, summed over each ring: ``[P, rings]``.

    With pred = target + difference the first is ``|difference|^2 + 2 Re(difference conj(target))``, which keeps the
    digits that subtracting two powers would lose.
    """
    height, width = images.planes.shape[-2:]
    power, target_power, cross, count = radial_moments(difference, target, height, width)
    if len(count) < 3:  # the first ring holds nothing and the last sum everything: no image would differ from another
        raise ValueError(
            f"variant 'radial' needs images of three rings of frequencies or more, as 4x4 pixels have, "
            f"got {height}x{width} pixels"
        )
    return power + 2 * cross.real, target_power


def _per_image(measured: Tensor, images: Images, variant: str) -> Tensor:
    """``[K, N]`` energies of images from ``[K, P]`` of their planes, or from ring powers ``[K, P, rings]``."""
    summed = measured.view(len(measured), -1, images.channels, *measured.shape[2:]).sum(2)
    return summed.cumsum(2).square().sum(2) if variant == "radial" else summed


def _groups(preds: Images, target: Images) -> Iterator[tuple[slice, slice]]:
    """Which planes of the predictions and of the targets to take at a time.

    Small groups stay in the cache, and in buffers that the allocator hands out again: fresh ones cost more than the
    arithmetic on them. Planes are independent of each other, so the grouping never changes a bit.
    """
    count, (targets, rows, columns) = len(preds.planes), target.planes.shape
    # Slices that need a gradient would be given one of full size each: all at once then.
    together = target.planes.device.type != "cpu" or (torch.is_grad_enabled() and preds.planes.requires_grad)
    step = max(count, 1) if together else max(_GROUP // (rows * columns), 1)
    if count == targets:
        for first in range(0, max(count, 1), step):
            yield slice(first, first + step), slice(first, first + step)
    elif count == 0 or step >= targets:
        step -= step % targets
        for first in range(0, max(count, 1), max(step, 1)):
            yield slice(first, first + step), slice(0, targets)
    else:
        for plane in range(count):
            yield slice(plane, plane + 1), slice(plane % targets, plane % targets + 1)
