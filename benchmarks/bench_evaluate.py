"""`hyra.evaluate` on 500 pairs: beside its own parts one after the other on one thread, and beside a plain loop.

Where decoding and scoring share the cores perfectly, an evaluation takes what both take on one thread, divided by the
number of cores: that peer's ratio is 1 then, and below it by what is lost to waiting and bookkeeping. What the machine
itself loses, whose cores share caches and memory and may be halves of one, is seen beside a process for each core.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from bench_decoding import photograph
from hyra.evaluate import Method, Plan, evaluate
from hyra.evaluate.engines.threads import default_workers
from hyra.evaluate.scoring.pairs import Target
from hyra.evaluate.work.sources import File
from peers import fsds

PLAN = Plan(("psnr", "ssim", "fsds"))
KINDS = {"20 pairs of 1356x2040": (10, 5), "480 pairs of 256x256": (240, 12)}
"""References of each kind, and the share of the pairs that the plain loop is timed on: one in so many."""
CORES = default_workers()


def crops(count: int) -> Iterator[Image.Image]:
    generator = np.random.default_rng(0)
    photographs = [getattr(data, name)() for name in ("astronaut", "coffee", "chelsea", "rocket")]
    for index in range(count):
        picture = photographs[index % len(photographs)]
        top, left = (int(generator.integers(0, n - 256)) for n in picture.shape[:2])
        yield Image.fromarray(picture[top : top + 256, left : left + 256])


def write(root: Path, pictures: Iterator[Image.Image]) -> list[Method]:
    """Two methods at x4: every reference is half of two pairs."""
    resampling = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    for folder in ("hr", *resampling):
        (root / folder).mkdir(parents=True)
    for index, picture in enumerate(pictures):
        picture.save(root / "hr" / f"{index:04}.png")
        small = picture.resize([n // 4 for n in picture.size], Image.Resampling.BICUBIC)
        for name, method in resampling.items():
            small.resize(picture.size, method).save(root / name / f"{index:04}x4.png")
    return [Method(name, 4, root / name, root / "hr") for name in resampling]


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> dict[str, list[Method]]:
    root = tmp_path_factory.mktemp("sets")
    large = (Image.fromarray(np.roll(photograph(), 97 * index, 1)) for index in range(10))
    return {kind: write(root / kind[:2], pictures) for kind, pictures in zip(KINDS, (large, crops(240)), strict=True)}


def sources(methods: list[Method]) -> dict[File, list[File]]:
    of_target: dict[File, list[File]] = {}
    for method in methods:
        for sr, hr in method.sources():
            of_target.setdefault(hr, []).append(sr)
    return of_target


def decode(of_target: dict[File, list[File]]) -> None:
    """Every file once."""
    for target, predictions in of_target.items():
        for source in (target, *predictions):
            source.read()


def decode_and_score(of_target: dict[File, list[File]]) -> list[list[float]]:
    """What an evaluation does, in the order of the images, on one thread and without keeping anything."""
    return [
        scores_of(target, preds) for hr, srs in of_target.items() for target in [Target(hr.read())] for preds in srs
    ]


def scores_of(target: Target, preds: File) -> list[float]:
    measurement = PLAN.at(4)
    pair = target.pair(preds.read(), measurement.protocol, scale=4, differences=measurement.differences)
    return [column.score.measure(pair) for column in measurement.columns]


def plain_loop(methods: list[Method], share: int) -> list[list[float]]:
    """In the manner of the paper's script: pair by pair, decoded by Pillow, scored by torchmetrics and plain torch."""
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    rows = []
    for method in methods:
        for sr, hr in method.sources()[::share]:
            preds, target = (
                torch.from_numpy(np.asarray(Image.open(file.path))).permute(2, 0, 1)[None].float() / 255
                for file in (sr, hr)
            )
            psnr = peak_signal_noise_ratio(preds, target, data_range=1.0)
            ssim = structural_similarity_index_measure(preds, target, data_range=1.0)
            rows.append([float(psnr), float(ssim), float(fsds(target[0], preds[0]))])
    return rows


def on_one_thread(work: Callable[[], object]) -> Callable[[], object]:
    def wrapped() -> object:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return work()
        finally:
            torch.set_num_threads(threads)

    return wrapped


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    """One for each core, of one thread."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(CORES, context, torch.set_num_threads, (1,)) as pool:
        yield pool


@pytest.fixture
def compete(benchmark) -> Callable[..., Any]:
    """As `contend`, of work that takes seconds: the best of a few rounds."""

    def run(job: str, contender: str, f: Callable[[], Any], part: float = 1, rounds: int = 3) -> Any:
        benchmark.group = job
        benchmark.extra_info.update(contender=contender, part=part)
        return benchmark.pedantic(f, rounds=rounds)

    return run


@pytest.mark.parametrize("contender", ["hyra", "decoding", "decoding and scoring", "processes", "plain loop"])
@pytest.mark.parametrize("kind", KINDS)
def bench_evaluate(compete, processes, sets, kind, contender):
    methods, (_, share) = sets[kind], KINDS[kind]
    of_target = sources(methods)
    if contender == "hyra":
        result = compete(kind, "hyra", lambda: evaluate(methods, PLAN, progress=False))
        numbers = np.array([list(outcome.values.values()) for outcome in result.outcomes])
        expected = np.array(on_one_thread(lambda: decode_and_score(of_target))())
        np.testing.assert_array_equal(np.sort(numbers, 0), np.sort(expected, 0))
    elif contender == "plain loop":
        compete(kind, f"a plain loop (one pair in {share} timed)", lambda: plain_loop(methods, share), 1 / share, 1)
    elif contender == "processes":
        parts = [dict(list(of_target.items())[first::CORES]) for first in range(CORES)]
        title = "decoding and scoring in a process for each core"
        compete(kind, title, lambda: list(processes.map(decode_and_score, parts)))
    else:
        work = decode if contender == "decoding" else decode_and_score
        title = f"{contender} on one thread, over {CORES} cores"
        compete(kind, title, on_one_thread(lambda: work(of_target)), CORES)
