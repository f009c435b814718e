"""The variants of FSDS: what each takes for the energy of a standardised image, or of the difference of two.

A variant is a kind of `Reference`: targets that are measured once, for any predictions. Energies add up over the
channels of an image. So each plane is measured by itself, in groups that suit the memory: the energy of its quadrant
integrals, or for the radial variant its power per ring.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from hyra._native import dispatch
from hyra.ops import integral_energy, quadrant_energy, radial_moments, standardized_difference
from hyra.ops.integral_energy import image_scores
from hyra.scores import pairs
from hyra.scores.pairs import tensor_of
from hyra.scores.planes import ALL, NONE, Images, groups
from hyra.spectrum import fft


@dataclass(frozen=True)
class Reference(ABC):
    """Targets, prepared for predictions that come later; ``energy`` is ``[N]``, that of the standardised targets."""

    reads_integers: ClassVar[bool] = False
    """Whether uint8 and uint16 are taken as they are."""

    target: Images
    energy: Tensor

    @classmethod
    @abstractmethod
    def of(cls, target: Images) -> Self:
        """Measure the targets."""

    @abstractmethod
    def difference(self, preds: Images) -> Tensor:
        """Energy per image ``[M]`` of the standardised difference: of as many predictions, or any number for one."""

    @classmethod
    @abstractmethod
    def energies(cls, preds: Images, target: Images) -> tuple[Tensor, Tensor]:
        """``of(target).difference(preds)`` and ``of(target).energy``, together, of as many predictions as targets."""

    @classmethod
    def scores(cls, preds: Images, target: Images, dtype: torch.dtype) -> Tensor:
        """FSDS ``[N]`` of as many predictions as targets, plain tensors on a GPU, in as few launches as can be."""
        return decibels(*cls.energies(preds, target), dtype)


class Paper(Reference):
    """The energy of the quadrant integrals, from the pixels."""

    reads_integers = True

    @classmethod
    def of(cls, target: Images) -> Self:
        """See `Reference`."""
        return cls(target, target.per_image(_integral_energy(target, NONE, target, with_target=True)))

    def difference(self, preds: Images) -> Tensor:
        """See `Reference`."""
        target = self.target.to(preds.planes.dtype)
        return preds.per_image(_integral_energy(preds, ALL, target, with_target=False))

    @classmethod
    def energies(cls, preds: Images, target: Images) -> tuple[Tensor, Tensor]:
        """See `Reference`."""
        measured = _integral_energy(preds, ALL, target, with_target=True).view(2, -1)
        difference, reference = preds.per_image(measured, 1)
        return difference, reference

    @classmethod
    def scores(cls, preds: Images, target: Images, dtype: torch.dtype) -> Tensor:
        """See `Reference`."""
        return image_scores(preds.planes, target.planes, preds.moments, target.moments, dtype)


class ShiftInvariant(Reference):
    """The mean of the paper's energy over all circular shifts, from the spectra."""

    @classmethod
    def of(cls, target: Images) -> Self:
        """See `Reference`."""
        parts = (_spectra(target, NONE, target, part, with_target=True) for part, _ in groups(target, target))
        return cls(target, target.per_image(_joined(_weighted_energy(spectra) for spectra in parts)))

    def difference(self, preds: Images) -> Tensor:
        """See `Reference`."""
        target = self.target.to(preds.planes.dtype)
        parts = (_spectra(preds, part, target, targets, with_target=False) for part, targets in groups(preds, target))
        return preds.per_image(_joined(_weighted_energy(spectra) for spectra in parts))

    @classmethod
    def energies(cls, preds: Images, target: Images) -> tuple[Tensor, Tensor]:
        """See `Reference`."""
        parts = (_spectra(preds, part, target, targets, with_target=True) for part, targets in groups(preds, target))
        measured = _joined((_weighted_energy(spectra).view(2, -1) for spectra in parts), 1)
        difference, reference = preds.per_image(measured, 1)
        return difference, reference


@dataclass(frozen=True)
class Radial(Reference):
    """The squared difference of two distributions of power over the rings, from the spectra.

    It keeps the targets' ``spectra``, since the energy of a difference is no function of the difference alone.
    """

    spectra: Tensor

    @classmethod
    def of(cls, target: Images) -> Self:
        """See `Reference`."""
        spectra = _spectra(target, NONE, target, ALL, with_target=True)
        _, power = _ring_powers(spectra, spectra, target)
        return cls(target, _distribution_energy(target.per_image(power)), spectra)

    def difference(self, preds: Images) -> Tensor:
        """See `Reference`."""
        target, changes = self.target.to(preds.planes.dtype), []
        for part, targets in groups(preds, target):
            spectra = _spectra(preds, part, target, targets, with_target=False)
            kept = self.spectra[targets].to(spectra.dtype)
            if len(kept) != len(spectra):
                kept = kept.repeat(len(spectra) // len(kept), 1, 1)
            changes.append(_ring_powers(spectra, kept, preds)[0])
        return _distribution_energy(preds.per_image(_joined(changes)))

    @classmethod
    def energies(cls, preds: Images, target: Images) -> tuple[Tensor, Tensor]:
        """See `Reference`."""
        parts = (_spectra(preds, part, target, targets, with_target=True) for part, targets in groups(preds, target))
        halves = (spectra.chunk(2) for spectra in parts)
        powers = [torch.stack(_ring_powers(change, reference, preds)) for change, reference in halves]
        difference, reference = _distribution_energy(preds.per_image(_joined(powers, 1), 1))
        return difference, reference


VARIANTS: Mapping[str, type[Reference]] = {"paper": Paper, "shift_invariant": ShiftInvariant, "radial": Radial}
"""Under the names by which all doors know them."""


def decibels(difference: Tensor, reference: Tensor, dtype: torch.dtype) -> Tensor:
    """FSDS of energies per image."""
    if dispatch.plain_device() == "cpu" and len(difference) == len(reference) and all(of := reference.tolist()):
        return tensor_of(pairs.decibels([d / r for d, r in zip(difference.tolist(), of, strict=True)]), dtype)
    return (-10 * torch.log10(difference / reference)).to(dtype)


def _joined(parts: Iterable[Tensor], dim: int = 0) -> Tensor:
    """What was measured of all groups; of one, as it is: `torch.cat` would copy it."""
    first, *rest = parts
    return torch.cat([first, *rest], dim) if rest else first


def _integral_energy(preds: Images, group: slice, target: Images, *, with_target: bool) -> Tensor:
    """The paper's energy of the differences between planes, then of the target's if `with_target`."""
    planes, moments = preds.part(group)
    energy: Tensor = integral_energy(planes, target.planes, moments, target.moments, with_target)
    return energy


def _weighted_energy(spectra: Tensor) -> Tensor:
    energy: Tensor = quadrant_energy(spectra, "shift_invariant")
    return energy


def _distribution_energy(powers: Tensor) -> Tensor:
    """Of images, from their ring powers ``[..., rings]``."""
    return powers.cumsum(-1).square().sum(-1)


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
