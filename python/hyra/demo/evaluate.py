"""Bundled networks against bicubic on the held-out photographs: `python -m hyra.demo.evaluate [--json FILE]`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import Tensor

from hyra.demo import photographs
from hyra.demo.images import degrade, enlarge, psnr, super_resolve
from hyra.demo.network import BUNDLED, load


@dataclass(frozen=True)
class Score:
    """One image against its photograph, full size, all three channels; both scores in dB, higher is better."""

    photograph: str
    scale: int
    method: str
    psnr: float
    fsds: float


def _score(photograph: str, scale: int, method: str, preds: Tensor, target: Tensor) -> Score:
    import hyra

    return Score(photograph, scale, method, psnr(preds, target), float(hyra.fsds(preds[None], target[None])))


def evaluate() -> Iterator[Score]:
    """Scores of bicubic and of every bundled network on every held-out photograph."""
    for scale in sorted({scale for scale, _ in BUNDLED}, reverse=True):
        networks = {kind: load(scale, kind) for bundled_scale, kind in BUNDLED if bundled_scale == scale}
        for name in photographs.HELD_OUT:
            lr, hr = degrade(photographs.load(name), scale)
            yield _score(name, scale, "bicubic", enlarge(lr, scale), hr)
            for kind, network in networks.items():
                yield _score(name, scale, kind, super_resolve(network, lr), hr)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m hyra.demo.evaluate", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the scores there")
    args = parser.parse_args()

    scores = []
    print("| photograph | scale | method | PSNR | FSDS |\n|---|---|---|---|---|")
    for score in evaluate():
        scores.append(asdict(score))
        print(f"| {score.photograph} | x{score.scale} | {score.method} | {score.psnr:.2f} | {score.fsds:.2f} |")
    if args.json is not None:
        args.json.write_text(json.dumps(scores, indent=2) + "\n")


if __name__ == "__main__":
    main()
