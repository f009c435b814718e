"""`hyra evaluate --log-to`: means, counts and the scores of every image reach the tool."""

import math

import pytest
import torch

from hyra import images
from hyra.cli import main
from hyra.evaluate.tracking import logs
from runs_of_scores import evaluation


class Recorder:
    def __init__(self):
        self.scalars, self.settings, self.tables = {}, {}, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def add_scalar(self, tag, value, step):
        self.scalars[tag, step] = value

    def add_settings(self, settings):
        self.settings |= settings

    def add_table(self, name, columns, rows):
        self.tables[name] = (columns, rows)


@pytest.fixture
def evaluated(tmp_path):
    for index in range(3):
        hr = torch.rand(3, 16, 16)
        images.write(hr, tmp_path / f"hr/{index}.png")
        images.write(0.9 * hr, tmp_path / f"sr/{index}.png")
    (tmp_path / "sr/2.png").write_text("no image")
    return ["evaluate", "--hr", str(tmp_path / "hr"), "--sr", f"EDSR:2:{tmp_path / 'sr'}", "--scores", "psnr"]


def test_what_is_written(evaluated, tmp_path, monkeypatch):
    opened = []

    def open_writer(destination, name, tags):
        opened.append((destination, name, tuple(tags), Recorder()))
        return opened[-1][-1]

    monkeypatch.setattr(logs, "open_writer", open_writer)
    monkeypatch.setattr("hyra.results.writers.check_destination", lambda destination: None)
    store = ["--store", str(tmp_path / "s.sqlite")]
    where = ["--log-to", "mlflow:here", "--log-to", "wandb:there"]
    for name in ("first", "second"):
        assert main([*evaluated, *store, *where, "--run", name, "--tag", "nightly"]) == 1  # one image is broken
    assert [each[:3] for each in opened] == [
        (destination, name, ("nightly",)) for name in ("first", "second") for destination in where[1::2]
    ]
    recorder = opened[-1][-1]
    columns, rows = recorder.tables["scores/EDSR x2"]
    assert columns == ("image", "psnr", "error")
    assert [row[0] for row in rows] == ["0", "1", "2"]
    assert rows[2][2]  # the reason
    mean = recorder.scalars["psnr/EDSR x2", 2]  # the second run of its store
    assert mean == pytest.approx((rows[0][1] + rows[1][1]) / 2)
    assert recorder.scalars["psnr interval/EDSR x2 low", 2] <= mean <= recorder.scalars["psnr interval/EDSR x2 high", 2]
    assert (recorder.scalars["images/EDSR x2 scored", 2], recorder.scalars["images/EDSR x2 failed", 2]) == (2, 1)
    assert recorder.settings["plan"] == {"scores": ["psnr"], "protocol": "paper", "modcrop": False}


def test_numbers_that_no_axis_has_are_left_out(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(logs, "open_writer", lambda *_: recorder)
    logs.log_to(evaluation("A", {"psnr": {"a": math.inf}, "ssim": {"a": 1.0}}), "wandb:sr")
    assert {tag for tag, _ in recorder.scalars} == {"ssim/EDSR x4", "images/EDSR x4 scored", "images/EDSR x4 failed"}


def test_a_bad_destination_stops_before_the_first_image(evaluated, tmp_path, capsys):
    store = tmp_path / "s.sqlite"
    assert main([*evaluated, "--store", str(store), "--log-to", "excel:scores"]) == 2
    assert "destination must be tensorboard:DIR" in capsys.readouterr().err
    assert not store.exists()


def test_tensorboard_has_a_curve_over_runs(evaluated, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for name in ("first", "second"):
        main(
            [*evaluated, "--store", str(tmp_path / "s.sqlite"), "--run", name, "--log-to", f"tensorboard:{tmp_path}/tb"]
        )
    events = accumulator.EventAccumulator(str(tmp_path / "tb")).Reload()
    assert [event.step for event in events.Scalars("psnr/EDSR x2")] == [1, 2]
