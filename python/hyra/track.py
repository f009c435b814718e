"""How a network's low-pass filter takes shape while it trains (the paper's appendix H)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor

from hyra import _validate
from hyra._extra import extra
from hyra.analyzer import HyRA
from hyra.decompose import Decomposition
from hyra.fsds import fsds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECORDS = "track.jsonl"


class ScalarWriter(Protocol):
    """What a tracker needs of `torch.utils.tensorboard.SummaryWriter`."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        """Add one number to the curve `tag`."""


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


class Tracker:
    """Record the impulse response, its fit and the split of a fixed image while a network trains.

    Call it with the number of steps (or epochs) done; every `every`-th is recorded. The network's training flag,
    parameters and random state are left as they were. Each record is written at once, so nothing is lost when training
    is killed, and a tracker on the same folder goes on where the last one stopped: a step that comes again replaces
    the old one.

    Args:
        net: the network, as for `hyra.HyRA`.
        lr: the fixed image, `[C, h, w]` in 0..1.
        target: what the network should make of it, `[C, s*h, s*w]`, for the FSDS.
        out: folder for `track.jsonl`, one record a line, and one file of images and response for each record.
        every: record every `every`-th call.
        size: side of the probe in LR pixels, as for `HyRA.impulse_response`.
        scale: as for `hyra.HyRA`.
        input_range: as for `hyra.HyRA`.
        writer: a TensorBoard `SummaryWriter`, or anything else with `add_scalar`, that gets every number too.

    Raises:
        ValueError: `every` is not positive, `lr` is no image, or `target` is not `scale` times its size.

    Source: appendix H shows h, H(I), G(I) and N(I) per epoch; the numbers are ours, and h is of the affine form.

    Example:
        >>> import tempfile, torch
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 12, 3, padding=1), torch.nn.PixelShuffle(2))
        >>> tracker = Tracker(net, torch.rand(3, 24, 24), out=tempfile.mkdtemp(), every=10, size=24)
        >>> for step in range(1, 31):
        ...     _ = tracker(step)
        >>> [record.step for record in tracker.records]
        [10, 20, 30]
    """

    def __init__(
        self,
        net: Callable[[Tensor], Any],
        lr: Tensor,
        target: Tensor | None = None,
        *,
        out: str | Path,
        every: int = 1,
        size: int | None = None,
        scale: int | None = None,
        input_range: float = 1.0,
        writer: ScalarWriter | None = None,
    ) -> None:
        _validate.images("lr", lr)
        self.every = _validate.positive_integer("every", every)
        self._model = HyRA(net, scale, input_range)
        self._lr, self._target, self._size, self._writer = lr, target, size, writer
        self._out = Path(out)
        self._out.mkdir(parents=True, exist_ok=True)
        self.records: list[Record] = read(self._out)

    def __call__(self, step: int) -> Record | None:
        """Record the network's state after `step` steps; None where the step is not one of every `every`-th."""
        if step % self.every:
            return None
        # Less what the network makes of black: early in training that is far from black, and would be all of H.
        response = self._model.impulse_response(self._size, form="affine")
        split = self._model.decompose(self._lr, response=response)
        fit = response.fit_sinc()
        linear, nonlinear = (float(part.double().square().sum()) for part in (split.linear, split.nonlinear))
        record = Record(
            step=step,
            main_lobe=response.main_lobe,
            side_lobe=response.side_lobe,
            dc_gain=float(response.dc_gain.mean()),
            cutoff=fit.cutoff,
            similarity=fit.similarity,
            ring_cosine=fit.ring_cosine,
            linear_share=linear / (linear + nonlinear) if linear + nonlinear else float("nan"),
            fsds=None if self._target is None else float(fsds(split.output, self._target.to(split.output))),
        )
        split.save(_split_file(self._out, step))
        with (self._out / RECORDS).open("a") as file:
            file.write(json.dumps(asdict(record)) + "\n")
        self.records = _merged([*self.records, record])
        if self._writer is not None:
            for name, value in asdict(record).items():
                if name != "step" and value is not None:
                    self._writer.add_scalar(f"hyra/{name}", value, step)
        return record

    def plot(self, columns: int = 6) -> tuple[Figure, Any]:
        """The paper's Fig. 19: response, H, G and output at up to `columns` steps, and the numbers over all steps."""
        from hyra.plots import training

        return training.progress(self.records, self.split, columns)

    def animate(self, file: str | Path, frames_per_second: int = 4) -> None:
        """Write the same as an animated GIF, a frame for each record."""
        from hyra.plots import training

        training.animate(self.records, self.split, file, frames_per_second)

    def split(self, step: int) -> Decomposition:
        """The images and the response of one recorded step.

        Raises:
            FileNotFoundError: the step was not recorded.
        """
        return Decomposition.load(_split_file(self._out, step))


def read(out: str | Path) -> list[Record]:
    """The records in a tracker's folder, by step; an empty list where there are none.

    A last line that a killed run left unfinished is passed over.
    """
    file = Path(out) / RECORDS
    if not file.exists():
        return []
    records = []
    for line in file.read_text().splitlines():
        try:
            records.append(Record(**json.loads(line)))
        except json.JSONDecodeError:
            continue
    return _merged(records)


def _merged(records: Sequence[Record]) -> list[Record]:
    """By step; of two with the same step the later one."""
    return sorted({record.step: record for record in records}.values(), key=lambda record: record.step)


def _split_file(out: Path, step: int) -> Path:
    return out / f"step-{step:08d}.safetensors"


def lightning_callback(tracker: Tracker) -> Any:
    """A Lightning callback that calls `tracker` with the number of epochs done after each training epoch.

    Raises:
        ModuleNotFoundError: Lightning is not installed.
    """
    with extra("track", "lightning_callback"):
        from lightning.pytorch import Callback

    class TrackerCallback(Callback):  # type: ignore[misc]  # an untyped base
        def on_train_epoch_end(self, trainer: Any, _: Any) -> None:
            if trainer.is_global_zero:
                tracker(trainer.current_epoch + 1)

    return TrackerCallback()
