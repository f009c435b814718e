"""What is measured of every pair of images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from hyra._util import validate
from hyra.evaluate.scoring.score import Score
from hyra.evaluate.scoring.scores import score
from hyra.scores.protocol import Protocol


@dataclass(frozen=True)
class Plan:
    """What is measured of every pair.

    Attributes:
        scores: their names.
        protocol: what is done to the images first, as `hyra.Protocol.parse` takes it.
        modcrop: cut the reference to a multiple of the scale.
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

    def settings(self, name: Score, scale: float) -> str:
        """All that a score's number depends on beside the two images, as JSON."""
        settings: dict[str, Any] = {**name.settings, **asdict(self.protocol_at(scale))}
        if self.modcrop:
            settings["modcrop"] = scale
        return json.dumps(settings, sort_keys=True)
