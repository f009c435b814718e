"""The two energies whose ratio is FSDS: from pixels to numbers, and how many planes go at a time.

Energies add up over the channels of an image. So each plane is measured by itself, in groups that suit the memory: the
energy of its quadrant integrals, or for the radial variant its power per ring.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hyra.ops import integral_energy, mean_std, quadrant_energy, radial_moments, standardized_difference
from hyra.ops.standardized_difference import per_plane
from hyra.spectrum import fft

VARIANTS = ("paper", "shift_invariant", "radial")
_ALL = slice(None)
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
        batch = (images if images.ndim == 4 else images[None]).to(dtype)
        # The ops that take the moments know how they depend on the pixels.
        return cls(batch.flatten(0, 1), mean_std(batch.detach()), batch.shape[1])

    def part(self, planes: slice) -> tuple[Tensor, Tensor]:
        """Some planes with their moments, as images of one plane, or all as they are."""
        if planes == _ALL:  # the gradient of a slice would be a copy
            return self.planes, self.moments
        return self.planes[planes], per_plane(self.moments, self.planes)[planes]

    def to(self, dtype: torch.dtype) -> Self:
        """In another precision."""
        return type(self)(self.planes.to(dtype), self.moments, self.channels)


def energies(preds: Images, target: Images, variant: str) -> tuple[Tensor, Tensor]:
    """Energy per image ``[N]`` of the standardised difference, and of the standardised target; as many of both."""
    if variant == "paper":
        measured = _integral_energy(preds, _ALL, target, with_target=True).view(2, -1)
    else:
        measured = torch.cat([_measure(preds, target, group, variant) for group, _ in _groups(preds, target)], 1)
    of_difference, of_target = _per_image(measured, target, variant)
    return of_difference, of_target


def _integral_energy(preds: Images, group: slice, target: Images, *, with_target: bool) -> Tensor:
    """The paper's energy of the differences between planes, then of the target's if `with_target`."""
    planes, moments = preds.part(group)
    energy: Tensor = integral_energy(planes, target.planes, moments, target.moments, with_target)
    return energy


def _measure(preds: Images, target: Images, group: slice, variant: str) -> Tensor:
    """What adds up to the energies, of the differences between some planes and of the target's: ``[2, P, ...]``."""
    spectra = _spectra(preds, group, target, group, with_target=True)
    if variant == "radial":
        difference, reference = spectra.chunk(2)
        return torch.stack(_ring_powers(difference, reference, preds))
    energy: Tensor = quadrant_energy(spectra, variant)
    return energy.view(2, -1)


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
        spectra = None
        if variant == "paper":
            measured = _integral_energy(target, slice(0), target, with_target=True)
        elif variant == "radial":
            spectra = _spectra(target, slice(0), target, _ALL, with_target=True)
            _, measured = _ring_powers(spectra, spectra, target)
        else:
            groups = (_spectra(target, slice(0), target, part, with_target=True) for part, _ in _groups(target, target))
            measured = torch.cat([quadrant_energy(group, variant) for group in groups])
        (energy,) = _per_image(measured[None], target, variant)
        return cls(target, variant, energy, spectra)

    def difference(self, preds: Images) -> Tensor:
        """Energy per image ``[M]`` of the standardised difference: of as many predictions, or any number for one."""
        target = self.target.to(preds.planes.dtype)
        if self.variant == "paper":
            measured = _integral_energy(preds, _ALL, target, with_target=False)
        else:
            groups = _groups(preds, target)
            measured = torch.cat([self._measure(preds, group, target, targets) for group, targets in groups])
        return _per_image(measured[None], target, self.variant)[0]

    def _measure(self, preds: Images, group: slice, target: Images, targets: slice) -> Tensor:
        """What adds up to the energies, of the differences between some planes: ``[P, ...]``."""
        spectra = _spectra(preds, group, target, targets, with_target=False)
        if self.spectra is None:
            energy: Tensor = quadrant_energy(spectra, self.variant)
            return energy
        kept = self.spectra[targets].to(spectra.dtype)
        if len(kept) != len(spectra):
            kept = kept.repeat(len(spectra) // len(kept), 1, 1)
        return _ring_powers(spectra, kept, preds)[0]


def _spectra(preds: Images, group: slice, target: Images, targets: slice, *, with_target: bool) -> Tensor:
    """Of the differences between some planes, then of the target's if `with_target`."""
    (planes, moments), (target_planes, target_moments) = preds.part(group), target.part(targets)
    return fft.rfft2(standardized_difference(planes, target_planes, moments, target_moments, with_target))


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
    step = max(_GROUP // (rows * columns), 1)
    # The gradient of an image is not that of its planes one by one.
    differentiable = torch.is_grad_enabled() and (preds.planes.requires_grad or target.planes.requires_grad)
    if differentiable or count == 0 or max(count, targets) <= step or target.planes.device.type != "cpu":
        yield _ALL, _ALL
    elif count == targets:
        for first in range(0, count, step):
            yield slice(first, first + step), slice(first, first + step)
    elif step >= targets:
        step -= step % targets
        for first in range(0, count, step):
            yield slice(first, first + step), _ALL
    else:
        for plane in range(count):
            yield slice(plane, plane + 1), slice(plane % targets, plane % targets + 1)
