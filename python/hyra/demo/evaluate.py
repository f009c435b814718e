"""Networks against bicubic on the held-out photographs: `python -m hyra.demo.evaluate [FILE ...] [--json FILE]`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import Tensor

from hyra._util.extra import extra
from hyra.demo import photographs
from hyra.demo.network import BUNDLED, Network, load, read, super_resolve
from hyra.images.resampling import degrade, enlarge
from hyra.scores.fsds import fsds
from hyra.scores.pixelwise import psnr


@dataclass(frozen=True)
class Score:
    """One image against its photograph, full size, all three channels; PSNR and FSDS in dB, higher is better in all."""

    photograph: str
    scale: int
    method: str
    psnr: float
    ssim: float
    fsds: float
    fsds_shift_invariant: float


def _score(photograph: str, scale: int, method: str, preds: Tensor, target: Tensor) -> Score:
    with extra("demo", "hyra.demo"):
        from skimage.metrics import structural_similarity

    return Score(
        photograph,
        scale,
        method,
        float(psnr(preds, target)),
        float(structural_similarity(preds.numpy(), target.numpy(), channel_axis=0, data_range=1)),
        float(fsds(preds, target)),
        float(fsds(preds, target, variant="shift_invariant")),
    )


def evaluate(networks: dict[str, Network]) -> Iterator[Score]:
    """Scores of bicubic and of every network, by name, on every held-out photograph."""
    for scale in sorted({network.scale for network in networks.values()}, reverse=True):
        for name in photographs.HELD_OUT:
            lr, hr = degrade(photographs.load(name), scale)
            yield _score(name, scale, "bicubic", enlarge(lr, scale), hr)
            for method, network in networks.items():
                if network.scale == scale:
                    yield _score(name, scale, method, super_resolve(network, lr), hr)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m hyra.demo.evaluate", description=__doc__)
    parser.add_argument("weights", nargs="*", type=Path, help="what the training wrote; the bundled ones if not given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the scores there")
    args = parser.parse_args()

    bundled = {f"{kind} x{scale}": load(scale, kind) for scale, kind in BUNDLED}
    scores = []
    print("| photograph | scale | method | PSNR | SSIM | FSDS | shift-invariant |\n|---|---|---|---|---|---|---|")
    for score in evaluate({file.stem: read(file) for file in args.weights} or bundled):
        scores.append(asdict(score))
        numbers = f"{score.psnr:.2f} | {score.ssim:.4f} | {score.fsds:.2f} | {score.fsds_shift_invariant:.2f}"
        print(f"| {score.photograph} | x{score.scale} | {score.method} | {numbers} |")
    if args.json is not None:
        args.json.write_text(json.dumps(scores, indent=2) + "\n")


if __name__ == "__main__":
    main()
