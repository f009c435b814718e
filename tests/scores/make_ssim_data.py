"""Makes data/ssim.json, the scores that other programs give: ``python make_ssim_data.py FOLDER`` outside of the tests.

FOLDER is a checkout of BasicSR, whose functions are taken from their file without installing it. It takes
scikit-image, torchmetrics, pytorch-msssim and opencv-python-headless beside NumPy and torch.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytorch_msssim
import torch
from skimage.metrics import structural_similarity
from ssim_pairs import KINDS, SIZES, pair
from torchmetrics.functional.image import structural_similarity_index_measure


def basicsr(folder: Path) -> dict[str, Any]:
    """The functions of BasicSR that SSIM takes."""
    metrics = folder / "basicsr" / "metrics"
    scores = (metrics / "psnr_ssim.py").read_text()
    first, second = (scores.index(f"def {name}(") for name in ("calculate_ssim", "_ssim"))
    parts = [scores[first : scores.index("@METRIC_REGISTRY", first)], scores[second : scores.index("def _ssim_pth(")]]
    helpers = (metrics / "metric_util.py").read_text().replace("from basicsr.utils import bgr2ycbcr", "")
    names: dict[str, Any] = {"np": np, "cv2": cv2}
    exec("\n".join([helpers, *parts]), names)
    return names


def main() -> None:
    folder = Path(sys.argv[1])
    calculate_ssim = basicsr(folder)["calculate_ssim"]
    commit = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    rows = []
    for kind, size, bits in ((k, s, b) for k in KINDS for s in SIZES for b in (8, 16)):
        images, white = pair(kind, size, bits), 2**bits - 1
        wide = [x.astype(np.float64) for x in images]
        batch = [torch.from_numpy(x)[None] for x in wide]
        scores = {
            "torchmetrics": structural_similarity_index_measure(*batch, data_range=float(white)).item(),
            "skimage": float(structural_similarity(*wide, data_range=white, channel_axis=0)),
        }
        if bits == 8:
            for border in (0, 4):
                scores[f"matlab, {border} pixels cut"] = float(calculate_ssim(*images, border, input_order="CHW"))
        if min(size[1:]) > 160:
            scores["ms_ssim"] = pytorch_msssim.ms_ssim(*batch, data_range=white).item()
        rows.append({"kind": kind, "size": size, "bits": bits, "scores": scores})
    sources = {
        "matlab": f"BasicSR {commit.stdout.strip()}, calculate_ssim, OpenCV {cv2.__version__}",
        "torchmetrics": f"torchmetrics {version('torchmetrics')}, structural_similarity_index_measure of float64",
        "skimage": f"scikit-image {version('scikit-image')}, structural_similarity of float64",
        "ms_ssim": f"pytorch-msssim {version('pytorch-msssim')}, ms_ssim of float64, whose taps are float32",
    }
    target = Path(__file__).parent / "data" / "ssim.json"
    target.write_text(json.dumps({"sources": sources, "pairs": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
