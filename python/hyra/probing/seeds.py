"""Networks that draw random numbers: what several seeds give, its mean, and how far that is known."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.warnings import recorded, warn
from hyra.filters.response import ImpulseResponse
from hyra.network.wrapper import Network

T = TypeVar("T")

_NUMBER = re.compile(r"-?\d[\d.]*(e[-+]?\d+)?%?|-?inf|nan")
"""What differs between the warnings of two seeds that say the same."""


def of_seeds(network: Network, seeds: int, measure: Callable[[int], T]) -> Iterator[T]:
    """What is measured with the random numbers of each seed, from 0 on; each kind of warning comes once.

    Raises:
        ValueError: `seeds` is not positive.
    """
    validate.positive_integer("seeds", seeds)

    said: set[str] = set()

    def draw(seed: int) -> T:
        with network.drawing(seed):
            if seed == 0 and seeds == 1:
                return measure(seed)
            try:
                with recorded() as caught:
                    return measure(seed)
            finally:
                for warning in caught:
                    text = str(warning.message)
                    if (kind := _NUMBER.sub("", text)) not in said:
                        said.add(kind)
                        warn(text, warning.category)

    return map(draw, range(seeds))


class Moments:
    """The mean of draws that come one by one, and how far it is known."""

    def __init__(self, first: Tensor) -> None:
        self._first, self._count = first, 1
        self._mean = first.double()
        self._squares = torch.zeros_like(self._mean)

    def add(self, draw: Tensor) -> None:
        """One more."""
        self._count += 1
        value = draw.double()
        change = value - self._mean
        self._mean = self._mean + change / self._count
        self._squares = self._squares + change * (value - self._mean)

    @property
    def mean(self) -> Tensor:
        """Of the type of the draws; one draw is its own mean, to the last bit."""
        return self._first if self._count == 1 else self._mean.to(self._first)

    @property
    def error(self) -> Tensor | None:
        """The standard error of the mean, the draws' deviation over the root of their number; None for one draw."""
        if self._count == 1:
            return None
        return (self._squares / (self._count - 1) / self._count).sqrt().to(self._first)


def mean_and_error(draws: Iterable[Tensor]) -> tuple[Tensor, Tensor | None]:
    """The mean of several draws, and its standard error."""
    rest = iter(draws)
    moments = Moments(next(rest))
    for draw in rest:
        moments.add(draw)
    return moments.mean, moments.error


def mean_of(responses: Sequence[ImpulseResponse]) -> ImpulseResponse:
    """The mean of the responses of several seeds, with its standard error."""
    mean, error = mean_and_error(response.response for response in responses)
    clipped = sum(response.clipped for response in responses) / len(responses)
    return replace(responses[0], response=mean, standard_error=error, clipped=clipped)


def jackknife(draws: Sequence[T], numbers: Callable[[Sequence[T]], Sequence[float]]) -> list[float]:
    """Standard errors of numbers that follow from several draws together, however they do.

    Each draw is left out in turn, and what the numbers change by then says how far they are known; NaN for one draw.

    Example:
        >>> (error,) = jackknife([1.0, 2.0, 6.0], lambda some: [sum(some) / len(some)])
        >>> round(error, 6)  # of a mean: the deviation over the root of 3
        1.527525
    """
    count = len(draws)
    if count == 1:
        return [math.nan for _ in numbers(draws)]
    without = torch.tensor(
        [list(numbers([*draws[:index], *draws[index + 1 :]])) for index in range(count)],
        dtype=torch.float64,
        device="cpu",
    )
    return (without.var(0, correction=0) * (count - 1)).sqrt().tolist()
