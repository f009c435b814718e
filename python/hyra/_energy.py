"""The two energies whose ratio is FSDS: from pixels to numbers, and how many planes go at a time.

Energies add up over the channels of an image. So each plane is measured by itself, in groups that suit the memory: the
quadrant energy of its spectrum, or for the radial variant its power per ring.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from hyra import fft
from hyra.ops import mean_std, quadrant_energy, radial_moments, standardized_difference

VARIANTS = ("paper", "shift_invariant", "radial")
_WEIGHTINGS = {"paper": "integral", "shift_invariant": "shift_invariant"}
_GROUP = 1 << 22  # pixels of a group of planes


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
        return cls(batch.flatten(0, 1), mean_std(batch)[:, None].expand(-1, channels, -1).flatten(0, 1), channels)

    def __getitem__(self, planes: slice) -> Self:
        return replace(self, planes=self.planes[planes], moments=self.moments[planes])

    def to(self, dtype: torch.dtype) -> Self:
        """In another precision."""
        return replace(self, planes=self.planes.to(dtype))


def energies(preds: Images, target: Images, variant: str) -> tuple[Tensor, Tensor]:
    """Energy per image ``[N]`` of the standardised difference, and of the standardised target; as many of both."""
    differences, references = [], []
    for group, _ in _groups(preds, target):
        p, t = preds[group], target[group]
        spectra = _spectra(p, t, variant, with_target=True)
        if variant == "radial":
            difference, reference = _ring_powers(spectra[: len(spectra) // 2], spectra[len(spectra) // 2 :], p)
        else:
            difference, reference = quadrant_energy(spectra, _WEIGHTINGS[variant]).view(2, -1)
        differences.append(difference)
        references.append(reference)
    return _per_image(differences, target.channels), _per_image(references, target.channels)


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
        spectra = _spectra(target[:0], target, variant, with_target=True)
        if variant == "radial":
            _, powers = _ring_powers(spectra, spectra, target)
            return cls(target, variant, _per_image([powers], target.channels), spectra)
        energy = quadrant_energy(spectra, _WEIGHTINGS[variant])
        return cls(target, variant, _per_image([energy], target.channels), None)

    def difference(self, preds: Images) -> Tensor:
        """Energy per image ``[M]`` of the standardised difference: of as many predictions, or any number for one."""
        measured = []
        target = self.target.to(preds.planes.dtype)
        for group, targets in _groups(preds, target):
            p = preds[group]
            spectra = _spectra(p, target[targets], self.variant, with_target=False)
            if self.spectra is None:
                measured.append(quadrant_energy(spectra, _WEIGHTINGS[self.variant]))
            else:
                kept = self.spectra[targets].to(spectra.dtype)
                if len(kept) != len(spectra):
                    kept = kept.repeat(len(spectra) // len(kept), 1, 1)
                measured.append(_ring_powers(spectra, kept, p)[0])
        return _per_image(measured, target.channels)


def _spectra(preds: Images, target: Images, variant: str, *, with_target: bool) -> Tensor:
    """Of the differences, then of the targets if `with_target`."""
    images = preds.planes, target.planes, preds.moments, target.moments
    return fft.rfft2(standardized_difference(*images, variant == "paper", with_target))


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


def _per_image(measured: list[Tensor], channels: int) -> Tensor:
    """Energies of images from those of their planes ``[P]``; or from ring powers ``[P, rings]``, integrated outward."""
    per_plane = torch.cat(measured)
    per_image = per_plane.view(-1, channels, *per_plane.shape[1:]).sum(1)
    return per_image if per_image.ndim == 1 else per_image.cumsum(1).square().sum(1)


def _groups(preds: Images, target: Images) -> Iterator[tuple[slice, slice]]:
    """Which planes of the predictions and of the targets to take at a time.

    Buffers that the allocator hands out again cost less than the arithmetic on fresh ones, so there are few large
    planes in a group. Planes are independent of each other: the grouping never changes a bit.
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
