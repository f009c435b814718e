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


CASTS = {
    "to": lambda metric: metric.to(torch.bfloat16),
    "half": lambda metric: metric.half(),
    "set_dtype": lambda metric: metric.set_dtype(torch.bfloat16),
    "inside a module": lambda metric: torch.nn.ModuleList([metric]).to(torch.float16)[0],
    "device and dtype": lambda metric: metric.to("cpu", torch.float16),
}


@pytest.mark.parametrize("cast", CASTS)
def test_a_cast_costs_no_digits_of_the_mean(cast):
    metric = CASTS[cast](Metric())
    for moment in range(2):  # a cast may also come between two updates
        for seed in range(300):
            metric.update(*images(seed))
        expected = torch.cat([hyra.fsds(*images(seed)) for seed in range(300)]).mean()
        assert metric.compute().item() == pytest.approx(expected.item(), rel=1e-6)
        assert metric.count == 900 * (moment + 1)
        assert metric.compute().dtype == torch.float32
        metric = CASTS[cast](metric)
    metric.reset()
    assert metric.total.dtype == torch.float64
    assert metric.to("meta").total.is_meta


def test_a_reset_in_inference_mode():
    metric = Metric()
    with torch.inference_mode():
        metric.update(*images(0))
        metric.reset()
        metric.update(*images(1))
    metric.update(*images(2))
    expected = torch.cat([hyra.fsds(*images(seed)) for seed in (1, 2)]).mean()
    torch.testing.assert_close(metric.compute(), expected)
    with torch.inference_mode():
        metric.reset()
    preds, target = images(3)
    metric(preds.requires_grad_(), target).backward()
    assert preds.grad.isfinite().all()


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("MeanAbsoluteError", hyra.mae),
        ("MeanSquaredError", hyra.mse),
        ("PeakSignalNoiseRatio", hyra.psnr),
        ("FourierMeanAbsoluteError", hyra.fourier_mae),
        ("FourierMeanSquaredError", hyra.fourier_mse),
        ("FourierPeakSignalNoiseRatio", hyra.fourier_psnr),
    ],
)
def test_scores_of_differences(name, score):
    metric = getattr(hyra.metrics, name)(crop_border=2)
    for seed in range(3):
        metric.update(*images(seed))
    expected = torch.cat([score(*images(seed), crop_border=2) for seed in range(3)]).mean()
    torch.testing.assert_close(metric.compute(), expected)
    assert metric.higher_is_better == name.endswith("Ratio")
    if score is not hyra.fourier_psnr:
        metric = getattr(hyra.metrics, name)(data_range=2.0)
        metric.update(*images(0))
        torch.testing.assert_close(metric.compute(), score(*images(0), data_range=2.0).mean())


@pytest.mark.parametrize(
    ("name", "score"), [("StructuralSimilarity", hyra.ssim), ("MultiScaleStructuralSimilarity", hyra.ms_ssim)]
)
def test_structural_similarity(name, score):
    metric = getattr(hyra.metrics, name)(crop_border=2, data_range=2.0)
    pairs = [torch.rand(2, 2, 3, 170, 165, generator=torch.Generator().manual_seed(seed)) for seed in range(2)]
    for preds, target in pairs:
        metric.update(preds, target)
    expected = torch.cat([score(*pair, crop_border=2, data_range=2.0) for pair in pairs]).mean()
    torch.testing.assert_close(metric.compute(), expected)
    assert metric.higher_is_better


def test_pairs_prepared_by_a_protocol():
    protocol = hyra.Protocol.named("y", scale=2)
    metric = hyra.metrics.PeakSignalNoiseRatio()
    metric.update(*protocol.prepare(*images(0)))
    torch.testing.assert_close(metric.compute(), protocol.psnr(*images(0)).mean())


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


@pytest.mark.once
def test_two_processes(tmp_path):
    mp.spawn(_one_process, (2, str(tmp_path / "rendezvous")), nprocs=2)
