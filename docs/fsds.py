"""Write fsds.md beside this file: what the variants of FSDS see, and how exact their numbers are.

``python docs/fsds.py`` needs the extras `demo` and `cli`; it takes a minute.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parent / "benchmarks")]

import definition
import hyra
import peers
from hyra import plots
from hyra.demo.photographs import HELD_OUT, load

VARIANTS = ("paper", "shift_invariant", "radial")
NOISE = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
ROWS, COLUMNS = 203, 258
"""An odd height, which `paper` pads, and prime factors (7, 29, 43) that are awkward to transform."""

TEXT = """\
# FSDS: three variants

`hyra.fsds` says what each variant computes. This is what they make of one error, by where it lies:

![Three maps and three curves](fsds.png)

Left, the score of a 64x64 photograph in which one pixel was changed, at that pixel; right, the score with noise added
in one ring of frequencies. The changed pixel and the noise have the same energy (PSNR is 50 dB throughout), and a low
score means that the error costs much.

* `paper` is decided in the frame: {corner:.0f} dB for the corner pixel, {centre:.0f} dB for the one in the centre.
* `shift_invariant` gives every pixel the same weight, and costs {slope:.0f} dB more at the lowest frequency than at the
  highest.
* `radial` sees only how much power there is at each frequency: an error counts where it strengthens or weakens what the
  image has, and {least:.0f} dB is the lowest score.

## `paper` without a transform

The integral of a spectrum is linear in the pixels, and so its energy is a quadratic form of them, which falls apart
into rows and columns: the sum of `z(y, x) z(y', x') A(y, y') B(x, x')`. Summed over both directions of frequency, A is
a diagonal and four terms of rank one; the rows are real and see the real part of B alone, which is a diagonal and a
form of a few weighted sums. The weights are powers of cotangents, which is the `1 / sin^2` that makes the frame count
most. So one pass over the pixels that takes weighted sums over rows and columns gives the score, and only four sums
over the rows, each as long as one row, are transformed: `python/hyra/ops/integral_form.py` has the formulas, and
`tests/ops/test_integral_energy.py` compares them with the definition. The other two variants transform both images.

## How exact the numbers are

Photographs ({photographs}; {rows}x{columns} pixels of each) with white noise added, of the standard
deviation in the first column, against the definition evaluated in float64 or better (`tests/definition.py`) on the very
same pixels. Errors are the largest over the photographs, in dB. "Plain" is the paper's algorithm in plain torch, in
float32: it standardises and transforms both images and subtracts what it has integrated.

{tables}
Written by `python docs/fsds.py`.
"""


def errors(variant: str, noise: float) -> list[float]:
    """Mean score, and the largest errors of float32, of float64 and of plain torch."""
    scores, found = [], []
    for photograph in (load(name)[:, :ROWS, :COLUMNS].double() for name in HELD_OUT):
        preds = photograph + noise * torch.randn(photograph.shape, dtype=torch.float64)
        single = (preds.float(), photograph.float())
        exact, exact_single = (definition.fsds(*pair, variant) for pair in ((preds, photograph), single))
        float32 = float(hyra.fsds(*single, variant=variant)) - exact_single
        float64 = float(hyra.fsds(preds, photograph, variant=variant)) - exact
        plain = float(peers.fsds(*single)) - exact_single if variant == "paper" else 0.0
        scores.append(exact)
        found.append([abs(float32), abs(float64), abs(plain)])
    return [sum(scores) / len(scores), *(max(column) for column in zip(*found, strict=True))]


def table(variant: str) -> str:
    """In Markdown."""
    heads = ["noise", "FSDS (dB)", "float32", "float64", *(["plain float32"] if variant == "paper" else [])]
    lines = [f"### `{variant}`\n", " | ".join(heads), " | ".join("--:" for _ in heads)]
    for noise in NOISE:
        score, *rest = errors(variant, noise)
        cells = [f"{noise:.0e}", f"{score:.1f}", *(f"{error:.0e}" for error in rest[: len(heads) - 2])]
        lines.append(" | ".join(cells))
    return "\n".join([lines[0], *(f"| {line} |" for line in lines[1:])]) + "\n"


def figure() -> dict[str, float]:
    """Draw fsds.png; the numbers that the text quotes."""
    photograph: Tensor = torch.nn.functional.avg_pool2d(load("astronaut")[None], 2)[0, :, 20:84, 80:144]
    fig, axes = plots.fsds_sensitivity(photograph)
    paper, _, radial = (panel.images[0].get_array() for panel in axes[:3])
    invariant = axes[3].lines[1].get_ydata()
    plots.save(fig, HERE / "fsds.png", dpi=200)
    return {
        "corner": paper[0, 0],
        "centre": paper[32, 32],
        "slope": invariant[-1] - invariant[0],
        "least": min(radial.min(), axes[3].lines[2].get_ydata().min()),
    }


def main() -> None:
    """Write both files."""
    torch.manual_seed(0)
    tables = "\n".join(table(variant) for variant in VARIANTS)
    text = TEXT.format(tables=tables, rows=ROWS, columns=COLUMNS, photographs=", ".join(HELD_OUT), **figure())
    (HERE / "fsds.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
