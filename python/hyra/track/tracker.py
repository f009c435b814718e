"""How a network's low-pass filter takes shape while it trains (the paper's appendix H)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from hyra._util import validate
from hyra._util.table import or_nan
from hyra.analyzer import HyRA
from hyra.filters.response import ImpulseResponse
from hyra.filters.restoration import Restoration
from hyra.probing.impulse import responses_of_seeds
from hyra.probing.operating_point import OperatingPoint
from hyra.probing.seeds import jackknife, mean_of
from hyra.results.writers import ScalarWriter
from hyra.scores.fsds import fsds
from hyra.split.parts import BAND_WIDTH
from hyra.track.history import History
from hyra.track.records import OF_RESPONSE, Record


class Tracker:
    """Record the impulse response, its fit, and how it splits a fixed image, band by band, while a network trains.

    Call it with the number of steps (or epochs) done; every `every`-th is recorded. The network's training flag,
    parameters and random state are left as they were. Each record is written at once, so nothing is lost when training
    is killed, and a tracker on the same folder goes on where the last one stopped: a step that comes again replaces
    the old one.

    A record of the bundled x4 network takes as long as four steps of its training (`benchmarks/bench_tracker.py`), so
    `every=100` makes training 4 % longer.

    Args:
        net: the network, as for `hyra.HyRA`.
        lr: the fixed image, `[C, h, w]` in 0..1, or a batch of them, over which the numbers are means.
        target: what the network should make of it, `[C, s*h, s*w]` or a batch, for the FSDS.
        out: folder for the records; `History.load` reads it without the network.
        every: record every `every`-th call.
        size: side of the canvas in LR pixels, as for `HyRA.impulse_response`.
        scale: as for `hyra.HyRA`.
        input_range: as for `hyra.HyRA`.
        seeds: for a network that draws random numbers: as for `HyRA.impulse_response`. Numbers are those of the means
            over so many draws, and those of the response have standard errors.
        writer: a TensorBoard `SummaryWriter`, what `hyra.track.open_writer` makes for MLflow or W&B, or anything else
            with `add_scalar`, that gets every number too; shares of bands as `hyra/band_linear/0.25`, with the
            frequency where the band begins.

    Attributes:
        history: everything recorded so far, with its figure (`history.plot()`) and animation (`history.animate(file)`).

    Raises:
        ValueError: `every` is not positive, `lr` is no image or an empty batch, or `target` has not the shape of the
            network's output for it, on which the network is run once.
        NetworkError: the network raised on it.

    Source: appendix H shows h, H(I), G(I) and N(I) per epoch; the numbers are ours, and h is of the affine form.

    Example:
        >>> import tempfile, torch
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 12, 3, padding=1), torch.nn.PixelShuffle(2))
        >>> tracker = Tracker(net, torch.rand(3, 24, 24), out=tempfile.mkdtemp(), every=10, size=24)
        >>> for step in range(1, 31):
        ...     _ = tracker(step)
        >>> [record.step for record in tracker.history.records]
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
        scale: float | Fraction | str | None = None,
        input_range: float = 1.0,
        writer: ScalarWriter | None = None,
        seeds: int = 1,
    ) -> None:
        validate.not_empty("lr", validate.images("lr", lr))
        self.every = validate.positive_integer("every", every)
        self.seeds = validate.positive_integer("seeds", seeds)
        self._net, self._scale, self._input_range = net, scale, input_range
        self._lr, self._target, self._size, self._writer = lr, target, size, writer
        # What can go wrong should do so now, not when the first epoch is over.
        network = self._model().network
        output = network.run(lr if lr.ndim == 4 else lr[None])
        self._scale = network.scale
        if target is not None:
            validate.finite("target", validate.images("target", target))
            validate.not_constant("target", target)
            expected = (*lr.shape[:-3], *output.shape[1:])
            if target.shape != expected:
                raise ValueError(f"target must be what the network makes of lr, {expected}, got {tuple(target.shape)}")
        Path(out).mkdir(parents=True, exist_ok=True)
        self.history = History(out)

    def _model(self) -> HyRA:
        """Made anew for each record: a trainer may have moved the network to another device or type."""
        return HyRA(self._net, self._scale, self._input_range, in_channels=self._lr.shape[-3])

    def __call__(self, step: int) -> Record | None:
        """Record the network's state after `step` steps; None where the step is not one of every `every`-th.

        Raises:
            TypeError, ValueError: `step` is no integer of at least 0.
            OSError: there is no space for the record; then the folder is as it was.
        """
        step = validate.integer("step", step, 0)
        if step % self.every:
            return None
        # Less what the network makes of black: early in training that is far from black, and would be all of H.
        model = self._model()
        draws = responses_of_seeds(model.network, OperatingPoint(form="affine"), self.seeds, size=self._size)
        response = mean_of(draws)
        split = model.decompose(self._lr, response=response, seeds=self.seeds)
        numbers = _numbers(response)
        errors = jackknife(draws, lambda some: _values(mean_of(some))) if self.seeds > 1 else []
        bands = split.band_shares(BAND_WIDTH)
        linear, nonlinear = (float(part.double().square().sum()) for part in (split.linear, split.nonlinear))
        record = Record(
            step=step,
            **numbers,
            linear_share=linear / (linear + nonlinear) if linear + nonlinear else float("nan"),
            fsds=None if self._target is None else self._fsds(split.output, self._target),
            band_linear=tuple(bands.linear.tolist()),
            band_nonlinear=tuple(bands.nonlinear.tolist()),
            band_cross=tuple(bands.cross.tolist()),
            response_errors=tuple(
                None if numbers[name] is None else error
                for name, error in zip(OF_RESPONSE, errors, strict=bool(errors))
            ),
        )
        self.history.add(record, split)
        if self._writer is not None:
            for name, value in record.scalars("hyra/").items():
                self._writer.add_scalar(name, value, step)
        return record

    @staticmethod
    def _fsds(output: Tensor, target: Tensor) -> float:
        # Of a network that diverges it is NaN: that is worth a record, and no reason to end the training.
        return float(fsds(output, target.to(output), reduction="mean", check=False))


def _numbers(response: ImpulseResponse) -> dict[str, Any]:
    """What a `Record` has of a response alone."""
    restoration = Restoration.of(response) if response.scale == 1 and response.is_finite else None
    fit = response.fit_sinc()
    return {
        "main_lobe": response.main_lobe,
        "side_lobe": response.side_lobe,
        "dc_gain": float(response.dc_gain.mean()),
        "cutoff": None if response.scale == 1 else fit.cutoff,
        "similarity": fit.similarity,
        "ring_cosine": fit.ring_cosine,
        "mtf50": None if restoration is None else restoration.mtf50,
        "noise_gain": None if restoration is None else restoration.noise_gain,
    }


def _values(response: ImpulseResponse) -> list[float]:
    numbers = _numbers(response)
    return [or_nan(numbers[name]) for name in OF_RESPONSE]
