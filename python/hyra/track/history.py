"""What a tracker found out while a network trained: numbers, images and responses, kept in a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hyra.results.figures import figure_of
from hyra.split.parts import Decomposition

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECORDS = "track.jsonl"


@dataclass(frozen=True)
class Record:
    """The state of a network at one step.

    Attributes:
        step: the step or epoch it was taken at.
        main_lobe: height of the response's main lobe (ideal sinc at x4: 0.95).
        side_lobe: height of its first side lobe, negative for a sinc.
        dc_gain: gain of a constant image, mean over the colours (ideal: 1).
        cutoff: of the fitted sinc, in cycles per LR pixel (ideal: 0.5).
        similarity: cosine to the ideal sinc within 4 LR pixels.
        ring_cosine: the same outside the main lobe.
        linear_share: energy of H over that of H and G, for the fixed image.
        fsds: FSDS of the output against the target in dB, None without a target.
        band_linear: energy of H over that of the output, for each band of 0.25 cycles per LR pixel from zero frequency
            on, as `Decomposition.band_shares` gives it; empty in files of earlier versions.
        band_nonlinear: the same of G.
        band_cross: the same of their cross term, which is negative where they cancel.
    """

    step: int
    main_lobe: float
    side_lobe: float
    dc_gain: float
    cutoff: float
    similarity: float
    ring_cosine: float
    linear_share: float
    fsds: float | None
    band_linear: tuple[float, ...] = ()
    band_nonlinear: tuple[float, ...] = ()
    band_cross: tuple[float, ...] = ()


class History:
    """The records in a folder: `track.jsonl`, one a line, and a file of images and response for each.

    It needs no network: figures can be drawn from the folder alone, also while the training still runs.

    Args:
        folder: where the records are, or will be.

    Attributes:
        records: by step; of two with the same step the later one. A last line that a killed run left unfinished is
            passed over.

    Example:
        >>> import tempfile, torch, hyra.track
        >>> folder, net = tempfile.mkdtemp(), torch.nn.Upsample(scale_factor=2)
        >>> record = hyra.track.Tracker(net, torch.rand(3, 24, 24), out=folder, size=24)(1)
        >>> history = hyra.track.History.load(folder)
        >>> history, history.split(1).output.shape
        (History(1 records, steps 1 to 1), torch.Size([3, 48, 48]))
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        file = self.folder / RECORDS
        text = file.read_text("utf-8") if file.exists() else ""
        self._torn = bool(text) and not text.endswith("\n")
        self.records = _merged([record for line in text.splitlines() if (record := _parsed(line))])

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """What a tracker left in its folder.

        Raises:
            FileNotFoundError: it left nothing there.
        """
        if not (Path(folder) / RECORDS).is_file():
            raise FileNotFoundError(f"no file {RECORDS} in {str(folder)!r} to load the History from")
        return cls(folder)

    def __repr__(self) -> str:
        steps = f", steps {self.records[0].step} to {self.records[-1].step}" if self.records else ""
        return f"History({len(self.records)} records{steps})"

    def add(self, record: Record, split: Decomposition) -> None:
        """Keep one more record, in place of an older one of the same step, and write it at once."""
        split.save(self._split_file(record.step))
        with (self.folder / RECORDS).open("a", encoding="utf-8") as file:
            file.write("\n" * self._torn + json.dumps(asdict(record)) + "\n")
        self._torn = False
        self.records = _merged([*self.records, record])

    def split(self, step: int) -> Decomposition:
        """The images and the response of one recorded step.

        Raises:
            FileNotFoundError: the step was not recorded.
        """
        return Decomposition.load(self._split_file(step))

    def plot(self, columns: int = 6) -> tuple[Figure, Any]:
        """The paper's Fig. 19: response, H, G and output at up to `columns` steps, and the numbers over all steps."""
        drawn: tuple[Figure, Any] = figure_of(History)(self, columns)
        return drawn

    def animate(self, file: str | Path, frames_per_second: int = 4) -> None:
        """Write the same as an animated GIF, a frame for each record."""
        figure_of(History, "animation")(self, file, frames_per_second)

    def _split_file(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}.safetensors"


def _parsed(line: str) -> Record | None:
    try:
        read = json.loads(line)
    except json.JSONDecodeError:
        return None
    values: dict[str, Any] = {k: tuple(value) if isinstance(value, list) else value for k, value in read.items()}
    return Record(**values)


def _merged(records: Sequence[Record]) -> list[Record]:
    """By step; of two with the same step the later one."""
    return sorted({record.step: record for record in records}.values(), key=lambda record: record.step)
