"""Networks that draw random numbers: how much their scores depend on them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from hyra._util.table import in_columns
from hyra.evaluate.scoring.scores import score
from hyra.evaluate.tables.summary import Summary


@dataclass(frozen=True)
class SeedMean:
    """One score of one network at one scale, over its seeds.

    Attributes:
        score: its name.
        value: the mean of the means over the images.
        deviation: the standard deviation of these (of a sample, by count - 1); NaN of a single seed.
    """

    score: str
    value: float
    deviation: float


def over_seeds(
    lines: Sequence[Summary], network_of: Mapping[str, str]
) -> dict[tuple[str, float], tuple[SeedMean, ...]]:
    """Mean and deviation over the seeds, of each network and scale.

    Args:
        lines: of all methods, as `Evaluation.summaries` gives them.
        network_of: the network of each method that is one seed's; other methods are left out.

    Example:
        >>> from hyra.evaluate.tables.summary import Mean
        >>> lines = [Summary(f"gan#{i}", 4.0, (Mean("psnr", 20.0 + i, 0, 0, 9),), 9) for i in range(3)]
        >>> over_seeds(lines, {f"gan#{i}": "gan" for i in range(3)})
        {('gan', 4.0): (SeedMean(score='psnr', value=21.0, deviation=1.0),)}
    """
    groups: dict[tuple[str, float], list[Summary]] = {}
    for line in lines:
        if line.method in network_of:
            groups.setdefault((network_of[line.method], line.scale), []).append(line)
    return {key: tuple(_mean(group, mean.score) for mean in group[0].means) for key, group in groups.items()}


def seed_table(means: Mapping[tuple[str, float], Sequence[SeedMean]]) -> str:
    """The same in columns."""
    names = [score(mean.score) for mean in next(iter(means.values()), ())]
    rows = [("over seeds", "scale", *(each.title for each in names))]
    for (network, scale), values in means.items():
        cells = (f"{v.value:.{s.digits}f} ± {v.deviation:.{s.digits}f}" for v, s in zip(values, names, strict=True))
        rows.append((network, f"x{scale:g}", *cells))
    return in_columns(rows)


def _mean(group: Sequence[Summary], name: str) -> SeedMean:
    values = [line.mean(name).value for line in group]
    finite = all(map(math.isfinite, values))
    return SeedMean(name, fmean(values), stdev(values) if finite and len(values) > 1 else math.nan)
