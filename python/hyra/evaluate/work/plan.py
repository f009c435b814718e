"""What is measured of every pair of images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from math import ceil
from typing import Any, Self

from hyra._util import validate
from hyra.evaluate.scoring.score import Score
from hyra.evaluate.scoring.scores import score
from hyra.evaluate.work.keys import Key
from hyra.images.resampling import crop_step
from hyra.scores.pixelwise import POWERS
from hyra.scores.protocol import Protocol


@dataclass(frozen=True)
class Column:
    """A score with all that its number depends on beside the two images.

    Attributes:
        score: which.
        settings: its own and the protocol's, as JSON.
    """

    score: Score
    settings: str

    @classmethod
    def of(cls, name: str, protocol: Protocol, **settings: Any) -> Self:
        """The score of a name by a protocol, and what else its number depends on."""
        found = score(name)
        return cls(found, json.dumps({**found.settings, **asdict(protocol), **settings}, sort_keys=True))

    def key(self, preds: str, target: str) -> Key:
        """Of the score of two contents."""
        return Key(preds, target, self.score.name, self.settings, self.score.version)


@dataclass(frozen=True)
class Measurement:
    """What is measured of the pairs of one scale.

    Attributes:
        protocol: what is done to them first.
        columns: the scores.
    """

    protocol: Protocol
    columns: tuple[Column, ...]

    @cached_property
    def differences(self) -> tuple[str, ...]:
        """The scores that are made of one read of the pixels."""
        return tuple(column.score.name for column in self.columns if column.score.name in POWERS)


@dataclass(frozen=True)
class Plan:
    """What is measured of every pair.

    Attributes:
        scores: their names.
        protocol: what is done to the images first, as `hyra.Protocol.parse` takes it.
        modcrop: cut the reference to a multiple of the scale, of p where it is a fraction p/q.
        device: where the scores are computed.
    """

    scores: tuple[str, ...] = ("psnr", "ssim", "fsds")
    protocol: str = "paper"
    modcrop: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        if isinstance(self.scores, str) or not isinstance(self.scores, Sequence):
            raise TypeError(f"scores must be a list of names, got {validate.kind(self.scores)}")
        for name in self.scores:
            validate.instance("scores", name, str)
        validate.instance("modcrop", self.modcrop, bool)
        validate.instance("device", self.device, str)
        object.__setattr__(self, "scores", tuple(dict.fromkeys(self.scores)))  # a column each, in a store too
        if not self.scores:
            raise ValueError("scores must name at least one score, got none")
        for name in self.scores:
            score(name)
        self.protocol_at(2)

    def protocol_at(self, scale: float) -> Protocol:
        """The protocol for images of a scale; of a fractional one, the next integer decides what is cut."""
        return Protocol.parse(self.protocol, ceil(scale))

    def check(self) -> None:
        """Everything that the scores need is on this machine: to be known before the first image.

        Raises:
            ImportError, FileNotFoundError, ValueError: something is not, and what.
        """
        for name in self.scores:
            score(name).check(self.device)

    def at(self, scale: float) -> Measurement:
        """What is measured of the pairs of a scale, made once."""
        if scale not in self._measurements:
            protocol = self.protocol_at(scale)
            more = {"modcrop": float(crop_step(scale))} if self.modcrop else {}
            columns = tuple(Column.of(name, protocol, **more) for name in self.scores)
            self._measurements[scale] = Measurement(protocol, columns)
        return self._measurements[scale]

    @cached_property
    def _measurements(self) -> dict[float, Measurement]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """What travels to other processes, which make the rest themselves."""
        return asdict(self)
