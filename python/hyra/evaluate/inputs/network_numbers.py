"""What a table says of networks beside their scores: how they filter, and what they cost."""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.weak import WeakIdKeyDictionary

from hyra._util.texts import message
from hyra._util.warnings import recorded, warn
from hyra.evaluate.inputs.networks import NetworkMethod
from hyra.evaluate.inputs.running import Running, running
from hyra.filters.response import ImpulseResponse
from hyra.filters.restoration import Restoration
from hyra.network.forward import NetworkError
from hyra.probing.operating_point import OperatingPoint
from hyra.probing.uncut import uncut_response
from hyra.split.decompose import decompose
from hyra.split.parts import BAND_WIDTH, BandShares

IMAGES = 4
"""Inputs that a network is measured on, the first by name: the cost of a run hardly depends on what an image shows."""

KEPT = 32
"""LR pixels each way of a response that is kept."""


@dataclass(frozen=True)
class NetworkNumbers:
    """One network; NaN is what could not be measured.

    Attributes:
        method: its name.
        scale: HR pixels per LR pixel.
        ring_cosine: likeness of the impulse response to the ideal sinc outside the main lobe; None at scale 1, where
            no sinc is the ideal.
        cutoff: of the fitted sinc, in cycles per LR pixel; the ideal one's is 0.5. None at scale 1.
        linear_shares: energy of H over that of the output in bands of 0.25 cycles per LR pixel, over the images.
        parameters: how many numbers it has learnt.
        multiply_adds: of its convolutions and matrix products, for an image.
        seconds: for an image, after one to warm up; on a CPU on one thread.
        memory: in bytes, the most that its tensors took at a time for an image, without weights and input; on a GPU
            with what libraries took.
        pixels: of an input; all that is for an image is the mean over `IMAGES` inputs at most.
        mtf50: at scale 1, as `hyra.filters.restoration.Restoration` has it; None at others.
        noise_gain: likewise.
        operating_point: where the response was measured, in words: the paper's white pixel on black, or grey where the
            network's bounds cut that off.
        bounds: what the network's output does not pass, in words, where they cut off the paper's response; else empty.
        response: the impulse response of which the numbers are, its middle.
    """

    method: str
    scale: float
    ring_cosine: float | None
    cutoff: float | None
    linear_shares: tuple[float, ...]
    parameters: int
    multiply_adds: float
    seconds: float
    memory: float
    pixels: float
    mtf50: float | None
    noise_gain: float | None
    operating_point: str
    bounds: str
    response: ImpulseResponse

    def note(self) -> dict[str, Any]:
        """As JSON has it, None for NaN; without the response."""
        names = (field.name for field in fields(self) if field.name != "response")
        plain = {name: _plain(getattr(self, name)) for name in names}
        return {**plain, "linear_shares": [_plain(share) for share in self.linear_shares]}


def network_numbers(method: NetworkMethod) -> NetworkNumbers:
    """Measure the network of a method on its first images.

    Raises:
        ValueError: it cannot be run on one of them.
    """
    if method.spec is None:
        raise ValueError(f"method must have a network, got {method.name} without")
    outputs = sorted(method.outputs(), key=lambda output: output.image)[:IMAGES]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        of = running(method.spec)
        inputs = [of.input(output.lr_image()) for output in outputs]
        with of.network.untouched():  # which keeps a copy of the weights: no part of a run's cost
            costs = [_cost(of, x) for x in (inputs[0], *inputs)][1:]
        with recorded() as caught:
            response = uncut_response(of.network, OperatingPoint())
            shares = _linear_shares(of, response, inputs)
    except (NetworkError, torch.OutOfMemoryError) as error:
        raise ValueError(f"{method.spec.model}: {message(error)}") from error
    finally:
        torch.set_num_threads(threads)
    for warning in caught:
        warn(f"{method.name}: {warning.message}", warning.category)
    learnt = [] if of.network.module is None else list(of.network.module.parameters())
    multiply_adds, seconds, memory = (sum(values) / len(values) for values in zip(*costs, strict=True))
    return NetworkNumbers(
        method.name,
        method.scale,
        *_likeness(response),
        shares,
        sum(parameter.numel() for parameter in learnt),
        multiply_adds,
        seconds,
        memory,
        sum(x.shape[-2] * x.shape[-1] for x in inputs) / len(inputs),
        *_restoration(response),
        str(OperatingPoint.of(response)),
        str(of.network.traits.bounds or "") if OperatingPoint.of(response) != OperatingPoint() else "",
        _middle(response),
    )


def _middle(response: ImpulseResponse) -> ImpulseResponse:
    """What figures of it show, and a little more: not all of its canvas is kept."""
    with recorded(), suppress(ValueError):  # of what is cut off, next to nothing; it has no such part
        return response.cropped(KEPT)
    return response


def _likeness(response: ImpulseResponse) -> tuple[float | None, float | None]:
    """Ring cosine and cut-off; NaN where bounds cut the response everywhere: what they leave says nothing of it."""
    if response.scale == 1:
        return None, None
    if response.clipped:
        return math.nan, math.nan
    fit = response.fit_sinc()
    return fit.ring_cosine, fit.cutoff


def _restoration(response: ImpulseResponse) -> tuple[float | None, float | None]:
    """MTF50 and amplification of noise at scale 1."""
    if response.scale != 1:
        return None, None
    if response.clipped or not response.is_finite:
        return math.nan, math.nan
    found = Restoration.of(response)
    return found.mtf50, found.noise_gain


def _cost(of: Running, x: Tensor) -> tuple[float, float, float]:
    """Multiply-adds, seconds and bytes of a run."""
    device = of.network.device
    with FlopCounterMode(display=False) as counter, _Memory() as memory:
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            before = torch.cuda.memory_allocated(device)
        of.run(x)
        taken = float(memory.most)
        if device.type == "cuda":
            taken = float(torch.cuda.max_memory_allocated(device) - before)
    _wait(device)
    start = time.perf_counter()
    of.run(x)
    _wait(device)
    return counter.get_total_flops() / 2, time.perf_counter() - start, taken


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _linear_shares(of: Running, response: ImpulseResponse, inputs: Sequence[Tensor]) -> tuple[float, ...]:
    tile, halo = of.spec.tile, of.spec.halo if of.spec.tile else None
    try:
        splits = [
            decompose(of.network, x, "reflect", response, channels=None, form=None, tile=tile, halo=halo)
            for x in inputs
        ]
    except (ValueError, NetworkError):  # it has to be padded, or its response has no finite value: no such share
        return ()
    of_each = [split.band_shares(BAND_WIDTH) for split in splits]
    return tuple(_share(of_each, band) for band in range(len(of_each[0].energy)))


def _share(of_each: Iterable[BandShares], band: int) -> float:
    """Of all images as one."""
    pairs = [(float(shares.linear[band]), float(shares.energy[band])) for shares in of_each]
    energy = sum(weight for share, weight in pairs if not math.isnan(share))
    return sum(share * weight for share, weight in pairs if not math.isnan(share)) / energy if energy else math.nan


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


class _Memory(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves its constructor untyped
    """What all tensors that are made inside take while they live, and the most of it at a time."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # likewise
        self.now = self.most = 0
        self.known = WeakIdKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {id(x.untyped_storage()) for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
        result = func(*args, **(kwargs or {}))
        for made in tree_leaves(result):
            if isinstance(made, Tensor) and id(made.untyped_storage()) not in given:
                self._note(made.untyped_storage())
        return result

    def _note(self, storage: torch.UntypedStorage) -> None:
        if storage not in self.known:
            self.known[storage] = True
            size = storage.nbytes()
            self.now += size
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self._free, size).atexit = False

    def _free(self, size: int) -> None:
        self.now -= size
