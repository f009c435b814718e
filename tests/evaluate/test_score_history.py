"""Means over runs: those of the runs' own summaries, and which of them may be set beside each other."""

import csv
import io
import math

import matplotlib as mpl
import pytest

from hyra import plots
from hyra.evaluate import Runs
from hyra.evaluate.tracking.score_history import score_history
from runs_of_scores import evaluation, keep, together

mpl.use("Agg")

NAMES = ("a", "b", "c")


@pytest.fixture
def runs():
    """Four nightly runs of one method at x4: as before, risen, of other images, failed; then risen again."""
    with Runs(None) as store:
        for index, values in enumerate(([30, 31, 35], [31, 32, 36], [31, 32], ["broken"] * 3, [32, 33])):
            scores = {"psnr": dict(zip(NAMES, values, strict=False)), "ssim": dict.fromkeys(NAMES[: len(values)], 0.9)}
            tags = ["nightly"] if index < 4 else ["release"]
            keep(store, evaluation(f"run {index}", scores), tags={f"run {index}": tags})
        yield store


def test_means_intervals_and_what_can_be_compared(runs):
    points = [point for point in score_history(runs).points if point.mean.score == "psnr"]
    assert [point.mean.value for point in points] == pytest.approx([32, 33, 31.5, math.nan, 32.5], nan_ok=True)
    assert [point.comparable for point in points] == [True, True, False, True, True]
    assert [point.failed for point in points] == [0, 0, 0, 3, 0]
    assert all(point.mean.low <= point.mean.value <= point.mean.high for point in points if point.mean.count)


@pytest.mark.parametrize("change", [{"protocol": "y"}, {"reference": "cropped"}])
def test_other_settings_or_references_are_not_comparable(change):
    scores = {"psnr": {"a": 30.0, "b": 31.0}}
    with Runs(None) as store:
        keep(store, evaluation("first", scores), evaluation("second", scores, **change), evaluation("third", scores))
        assert [point.comparable for point in score_history(store).points] == [True, False, False]


def test_table_and_csv_say_the_same(runs):
    history = score_history(runs, scores=["psnr"])
    head, *lines = history.table().splitlines()
    assert head.split() == ["method", "scale", "run", "PSNR", "(dB)", "images"]
    assert ["*" in line for line in lines] == [False, False, True, False, False]
    assert lines[3].split() == ["EDSR", "x4", "run", "3", "-", "0", "of", "3"]
    rows = list(csv.DictReader(io.StringIO(history.csv())))
    assert [row["run"] for row in rows] == [f"run {index}" for index in range(5)]
    assert [float(row["mean"]) for row in rows] == pytest.approx([32, 33, 31.5, math.nan, 32.5], nan_ok=True)
    assert (rows[0]["commit"], rows[0]["tags"], rows[0]["protocol"]) == ("c-run 0", "nightly", "paper")


def test_a_part_of_it(runs):
    assert [run.name for run in score_history(runs, last=2).runs] == ["run 3", "run 4"]
    assert [run.name for run in score_history(runs, tags=["release"]).runs] == ["run 4"]
    assert {point.mean.score for point in score_history(runs, scores=["ssim"]).points} == {"ssim"}
    for options, said in (
        ({"scores": ["fsds"]}, r"scores must be among psnr, ssim, got 'fsds'"),
        ({"methods": ["edsr"]}, r"methods must be among EDSR, got 'edsr'"),
        ({"tags": ["none"]}, r"store must have at least one run with the tags none"),
    ):
        with pytest.raises(ValueError, match=said):
            score_history(runs, **options)
    with Runs(None) as empty, pytest.raises(ValueError, match=r"^store must have at least one run, got none"):
        score_history(empty)


def test_what_is_drawn_is_what_was_measured(runs):
    history = score_history(runs)
    _, axes = history.plot()
    assert axes.shape == (2, 1)
    assert [panel.get_ylabel() for panel in axes[:, 0]] == ["PSNR (dB)", "SSIM"]
    curves = [line for line in axes[0, 0].lines if len(line.get_ydata())]
    first, second, hollow = curves
    assert list(first.get_ydata()) == [32, 33]
    assert list(second.get_ydata()) == [31.5, 32.5]
    assert list(second.get_xdata()) == [2, 4]
    assert (list(hollow.get_ydata()), hollow.get_markerfacecolor()) == ([31.5], "white")
    segments = [piece for bars in axes[0, 0].collections for piece in bars.get_segments()]
    bounds = [(p.mean.low, p.mean.high) for p in history.points if p.mean.score == "psnr" and p.mean.count]
    assert [tuple(segment[:, 1]) for segment in segments] == bounds
    assert [label.get_text() for label in axes[1, 0].get_xticklabels()] == [f"run {index}" for index in range(5)]
    mpl.pyplot.close("all")


def test_many_methods_scales_and_runs_stay_apart(tmp_path):
    with Runs(None) as store:
        for index in range(30):
            scores = [{"psnr": {"a": 30.0 + method, "b": 31.0 + method}} for method in range(9)]
            names = [f"$M_{{{method}" for method in range(9)]
            several = (
                evaluation(f"2026-11-28 13:58:{index}\n$\\frac$", values, method=name, scale=scale)
                for scale in (2.0, 4.0)
                for values, name in zip(scores, names, strict=True)
            )
            keep(store, together(*several))
        history = score_history(store)
    fig, axes = plots.score_history(history)
    assert axes.shape == (1, 2)
    looks = {(line.get_color(), line.get_linestyle()) for line in axes[0, 0].lines}
    assert len(looks) == 9
    labels = axes[0, 0].get_xticklabels()
    assert len(labels) <= 12
    assert "13:58:29" in labels[-1].get_text()
    plots.save(fig, tmp_path / "history.svg")
