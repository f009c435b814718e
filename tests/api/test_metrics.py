"""The torchmetrics metric: the mean of hyra.fsds over everything seen, on every process."""

import pytest
import torch
import torch.multiprocessing as mp

import hyra

pytest.importorskip("torchmetrics")

from hyra.metrics import FrequencySpectrumDistributionSimilarity as Metric


def images(seed):
    return torch.rand(2, 3, 3, 24, 20, generator=torch.Generator().manual_seed(seed)).unbind()


@pytest.mark.parametrize("variant", ["paper", "shift_invariant", "radial"])
def test_mean_over_batches(variant):
    metric = Metric(variant=variant)
    scores = []
    for seed in range(3):
        metric.update(*images(seed))
        scores.append(hyra.fsds(*images(seed), variant=variant))
    torch.testing.assert_close(metric.compute(), torch.cat(scores).mean())
    metric.reset()
    assert metric.compute().isnan()


def test_identical_images_are_counted_not_averaged():
    metric = Metric()
    preds, target = images(0)
    metric.update(preds, target)
    before = metric.compute()
    metric.update(preds, preds.clone())
    assert metric.compute() == before
    assert metric.identical == len(preds)
    metric.reset()
    metric.update(preds, preds.clone())
    assert metric.compute() == torch.inf


def test_plot():
    pytest.importorskip("matplotlib")
    metric = Metric()
    metric.update(*images(0))
    figure, _ = metric.plot()
    assert figure is not None


def _one_process(rank: int, world: int, file: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=world)
    metric = Metric()
    for seed in range(rank + 1):  # different numbers of images
        metric.update(*images(10 * rank + seed))
    value = metric.compute()
    seeds = [0, 10, 11]
    expected = torch.cat([hyra.fsds(*images(seed)) for seed in seeds]).mean()
    torch.testing.assert_close(value, expected)
    torch.distributed.destroy_process_group()


def test_two_processes(tmp_path):
    mp.spawn(_one_process, (2, str(tmp_path / "rendezvous")), nprocs=2)
