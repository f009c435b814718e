"""The lines of a tracker's file: the numbers of a network at one step each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hyra._util import files, validate
from hyra.results.fields import short, unpack
from hyra.results.storage import FORMAT, checksum, format_of, parsed
from hyra.split.parts import BAND_WIDTH

OF_RESPONSE = ("main_lobe", "side_lobe", "dc_gain", "cutoff", "similarity", "ring_cosine", "mtf50", "noise_gain")
"""The numbers of a record that are those of its response alone."""

_BANDS = {"since": 1}
_RESTORATION = {"since": 2}
_WHOLE = re.compile(r'"crc32": "\w{8}".')
"""What only a record has that was written to its end: something after the checksum."""


@dataclass(frozen=True)
class Record:
    """The state of a network at one step.

    Attributes:
        step: the step or epoch it was taken at, 0 or more.
        main_lobe: height of the response's main lobe (ideal sinc at x4: 0.95).
        side_lobe: height of its first side lobe, negative for a sinc.
        dc_gain: gain of a constant image, mean over the colours (ideal: 1).
        cutoff: of the fitted sinc, in cycles per LR pixel (ideal: 0.5); None at scale 1, where no sinc is the ideal.
        similarity: cosine to the ideal sinc within 4 LR pixels; None at scale 1.
        ring_cosine: the same outside the main lobe; None at scale 1.
        linear_share: energy of H over that of H and G, for the fixed image.
        fsds: FSDS of the output against the target in dB, None without a target.
        band_linear: energy of H over that of the output, for each band of 0.25 cycles per LR pixel from zero frequency
            on, as `Decomposition.band_shares` gives it; empty in files of earlier versions.
        band_nonlinear: the same of G.
        band_cross: the same of their cross term, which is negative where they cancel.
        mtf50: of a network at scale 1, as `hyra.filters.restoration.Restoration` has it; None at others.
        noise_gain: likewise.
        response_errors: standard errors of the numbers of the response, in the order of `OF_RESPONSE`, where it is the
            mean over several seeds of a network that draws random numbers: None for a number that is None; empty for
            one seed. `standard_errors` has them by their names.
    """

    step: int
    main_lobe: float
    side_lobe: float
    dc_gain: float
    cutoff: float | None
    similarity: float | None
    ring_cosine: float | None
    linear_share: float
    fsds: float | None
    band_linear: tuple[float, ...] = field(default=(), metadata=_BANDS)
    band_nonlinear: tuple[float, ...] = field(default=(), metadata=_BANDS)
    band_cross: tuple[float, ...] = field(default=(), metadata=_BANDS)
    mtf50: float | None = field(default=None, metadata=_RESTORATION)
    noise_gain: float | None = field(default=None, metadata=_RESTORATION)
    response_errors: tuple[float | None, ...] = field(default=(), metadata=_RESTORATION)

    def __post_init__(self) -> None:
        object.__setattr__(self, "step", validate.integer("step", self.step, 0))
        counts = [len(band) for band in (self.band_linear, self.band_nonlinear, self.band_cross)]
        if len(set(counts)) > 1:
            raise ValueError(f"band_linear, band_nonlinear and band_cross must be of the same bands, got {counts}")
        if len(self.response_errors) not in (0, len(OF_RESPONSE)):
            raise ValueError(f"response_errors must be {len(OF_RESPONSE)} numbers, got {len(self.response_errors)}")

    @property
    def standard_errors(self) -> dict[str, float]:
        """Of the numbers of the response that have one, by their names."""
        if not self.response_errors:
            return {}
        errors = zip(OF_RESPONSE, self.response_errors, strict=True)
        return {name: error for name, error in errors if error is not None}

    def scalars(self, prefix: str = "") -> dict[str, float]:
        """Every number by its name; that of a band ends in where the band begins, in cycles per LR pixel.

        Standard errors are named after their numbers: `standard_error/cutoff`.

        Example:
            >>> record = Record(1, 0.9, -0.1, 1.0, 0.5, 0.9, 0.7, 0.8, None, (0.5, 0.25), (0.5, 0.5), (0.0, 0.25))
            >>> list(record.scalars("hyra/"))[6:9]
            ['hyra/linear_share', 'hyra/band_linear/0', 'hyra/band_linear/0.25']
        """
        numbers: dict[str, float] = {}
        for name, value in asdict(self).items():
            if name == "response_errors":
                numbers |= {f"{prefix}standard_error/{number}": error for number, error in self.standard_errors.items()}
            elif isinstance(value, tuple):
                numbers |= {f"{prefix}{name}/{index * BAND_WIDTH:g}": share for index, share in enumerate(value)}
            elif name != "step" and value is not None:
                numbers[prefix + name] = value
        return numbers


def append(file: Path, record: Record) -> None:
    """Write one more record, with the number of its format and a checksum; it is written whole or not at all.

    Raises:
        OSError: there is no space for it.
    """
    content = {"format": FORMAT, **asdict(record)}
    files.append_line(file, json.dumps({**content, "crc32": checksum(json.dumps(content), {})}))


def read(file: Path) -> Iterator[Record]:
    """The records in a file; those that a killed run left unfinished are passed over.

    Raises:
        ValueError: a line is none that hyra wrote, was changed since, or is of a newer version.
    """
    # Bytes that are no text are damage, which the line they are in is then about.
    for number, line in enumerate(file.read_bytes().decode(errors="replace").split("\n"), 1):
        try:
            text = _finished(line.strip("\0\r"))
            if text:
                yield _record(parsed(text))
        except ValueError as error:
            raise ValueError(f"line {number} of {str(file)!r} is no record of a tracker: {error}") from error


def _finished(line: str) -> str:
    """The record that a line ends with, or nothing.

    Before files were mended as they are now, one that a killed run had left unfinished had the next one after it.
    """
    before, brace, last = line.rpartition("{")
    if line and not line.startswith("{"):
        raise ValueError(f"it must begin with a brace, got {short(line)}")
    if "}" in before:
        raise ValueError("it holds several records")
    return brace + last if last.endswith("}") or _WHOLE.search(last) else ""


def _record(content: dict[str, Any]) -> Record:
    form = format_of(content)
    given = content.pop("crc32", "" if form else None)
    if given not in (None, checksum(json.dumps(content), {})):
        raise ValueError("it does not have the checksum that it was written with")
    content.pop("format", None)
    record: Record = unpack(Record, content, {}, form)
    return record
