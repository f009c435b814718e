"""What a tracker found out while a network trained: numbers, images and responses, kept in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hyra.results.figures import figure_of
from hyra.split.parts import Decomposition
from hyra.track import records
from hyra.track.records import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECORDS = "track.jsonl"


class History:
    """The records in a folder: `track.jsonl`, one a line, and a file of images and response for each.

    It needs no network: figures can be drawn from the folder alone, also while the training still runs.

    Args:
        folder: where the records are, or will be.

    Raises:
        ValueError: the file there is none that a tracker wrote.

    Attributes:
        records: by step; of two with the same step the later one. Lines that a killed run left unfinished are passed
            over.

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
        self.records = _merged(records.read(file)) if file.exists() else []

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """What a tracker left in its folder.

        Raises:
            FileNotFoundError: it left nothing there.
            ValueError: what is there no tracker wrote, was damaged, or is of a newer version of hyra.
        """
        if not (Path(folder) / RECORDS).is_file():
            raise FileNotFoundError(f"no file {RECORDS} in {str(folder)!r} to load the History from")
        return cls(folder)

    def __repr__(self) -> str:
        steps = f", steps {self.records[0].step} to {self.records[-1].step}" if self.records else ""
        return f"History({len(self.records)} records{steps})"

    def add(self, record: Record, split: Decomposition) -> None:
        """Keep one more record, in place of an older one of the same step, and write it at once.

        Raises:
            OSError: there is no space for it; then the folder is as it was, and the next record can be added.
        """
        split.save(self._split_file(record.step))
        records.append(self.folder / RECORDS, record)
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


def _merged(found: Iterable[Record]) -> list[Record]:
    """By step; of two with the same step the later one."""
    return sorted({record.step: record for record in found}.values(), key=lambda record: record.step)
