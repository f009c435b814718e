"""Running a network on many images, in batches of a size that makes it fast and fits the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter

import torch
from torch import Tensor

from hyra.network.forward import NetworkError

_LONG_CALL = 0.1
"""Seconds that a call of the network takes when its own cost no longer counts."""
_WORTHWHILE = 1.1
"""How many times as many images per second a batch of twice the size must give to be kept."""


def run_in_batches(
    run: Callable[[Tensor], Tensor], inputs: Tensor, batch_size: int | None
) -> Iterator[tuple[int, Tensor]]:
    """Yield the index of each batch's first input, and its outputs.

    Batches have the size given, or one that is searched for, and ever smaller ones when memory runs out, or the network
    fails on several images at a time, as programs of a fixed batch do. What batches
    save is the cost of a call: so the size is doubled while calls are short and doubling makes them faster.
    """
    searching, fastest, start = batch_size is None, 0.0, 0
    batch = batch_size or (1 if inputs.device.type == "cpu" else 16)
    while start < len(inputs):
        began = perf_counter()
        try:
            outputs = run(inputs[start : start + batch])
        except (torch.OutOfMemoryError, NetworkError, ValueError):  # or it takes so many images, and no more
            if batch == 1:
                raise
            batch //= 2
            searching = False
            continue
        if searching:
            outputs[0, 0, 0, 0].item()  # waits for the device
            seconds = perf_counter() - began
            rate = len(outputs) / seconds
            if rate <= _WORTHWHILE * fastest:
                batch, searching = batch // 2, False
            elif seconds > _LONG_CALL:
                searching = False
            else:
                batch, fastest = 2 * batch, rate
        yield start, outputs
        start += len(outputs)
