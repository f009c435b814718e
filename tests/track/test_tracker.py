"""The tracker: what it records, that nothing is lost, and that it leaves the training alone."""

import json
import math
import re
from dataclasses import fields

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import hyra
from hyra.plots import style, training
from hyra.track import History, Record, Tracker
from hyra.track.history import RECORDS


@pytest.fixture
def net():
    return nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.Dropout(0.5), nn.PixelShuffle(2))


@pytest.fixture
def lr():
    return torch.rand(3, 20, 24)


def test_records_what_hyra_measures(net, lr, tmp_path):
    target = torch.rand(3, 40, 48)
    record = Tracker(net, lr, target, out=tmp_path, size=24)(5)
    model = hyra.HyRA(net)
    split = model.decompose(lr, response=model.impulse_response(24, form="affine"))
    fit = split.response.fit_sinc()
    assert (record.step, record.cutoff, record.ring_cosine) == (5, fit.cutoff, fit.ring_cosine)
    assert record.fsds == hyra.fsds(split.output, target).item()
    h, g = (x.double().square().sum().item() for x in (split.linear, split.nonlinear))
    assert record.linear_share == pytest.approx(h / (h + g))
    shares = split.band_shares(width=0.25)
    assert record.band_linear == tuple(shares.linear.tolist())
    assert record.band_nonlinear == tuple(shares.nonlinear.tolist())
    assert record.band_cross == tuple(shares.cross.tolist())
    assert len(record.band_linear) == 4


def test_a_network_at_x1_is_asked_what_a_restoration_is_for(tmp_path, lr):
    blur = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    tracker = Tracker(blur, lr, out=tmp_path, size=24)
    record = tracker(1)
    assert (record.cutoff, record.similarity, record.ring_cosine) == (None, None, None)
    assert record.noise_gain == pytest.approx(1 / 3)
    assert record.mtf50 == pytest.approx(0.21, abs=1e-3)  # (1 + 2 cos 2 pi f) / 3 = 1/2
    assert History.load(tmp_path).records == [record]
    assert "ring_cosine" not in record.scalars()
    titles = [panel.get_title() for panel in tracker.history.plot()[1][1]]
    assert titles[:2] == ["MTF50 (cycles / pixel)", "amplification of noise"]


def test_files_of_before_there_were_bands(net, lr, tmp_path):
    tracker = Tracker(net, lr, out=tmp_path, size=24)
    tracker(1)
    written = json.loads((tmp_path / RECORDS).read_text())
    since = ("band_", "format", "crc32")
    old = {name: value for name, value in written.items() if not name.startswith(since)}
    (tmp_path / RECORDS).write_text(json.dumps(old) + "\n")
    tracker = Tracker(net, lr, out=tmp_path, size=24)
    assert tracker.history.records[0].band_linear == ()
    assert not tracker.history.plot()[1][1][-1].collections
    tracker(2)
    assert tracker.history.plot()[1][1][-1].collections[0].get_array().shape == (4, 1)


def test_every_and_resuming(net, lr, tmp_path):
    tracker = Tracker(net, lr, out=tmp_path, every=10, size=24)
    recorded = [step for step in range(1, 31) if tracker(step) is not None]
    assert recorded == [10, 20, 30]
    with (tmp_path / RECORDS).open("a") as file:
        file.write('{"step": 40, "main_')  # killed while writing
    again = Tracker(net, lr, out=tmp_path, every=10, size=24)
    assert [r.step for r in again.history.records] == [10, 20, 30]
    again(30)
    again(40)
    history = History.load(tmp_path)
    assert history.records == again.history.records
    assert [r.step for r in history.records] == [10, 20, 30, 40]
    assert torch.equal(history.split(20).output, tracker.history.split(20).output)


def test_training_goes_on_as_if_nothing_had_happened(lr, tmp_path):
    def train(tracked):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.Dropout(0.5), nn.PixelShuffle(2))
        tracker = Tracker(network, lr, out=tmp_path, size=24)
        optimizer = torch.optim.Adam(network.parameters())
        for step in range(3):
            loss = network(torch.rand(1, 3, 8, 8)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if tracked:
                tracker(step)
            assert network.training
        return network[0].weight

    assert torch.equal(train(True), train(False))


def test_writer_gets_every_number(net, lr, tmp_path):
    written = {}

    class Writer:
        def add_scalar(self, tag, scalar_value, global_step):
            written[tag] = (scalar_value, global_step)

    record = Tracker(net, lr, out=tmp_path, size=24, writer=Writer())(7)
    assert written["hyra/cutoff"] == (record.cutoff, 7)
    assert "hyra/fsds" not in written  # there is no target
    assert written["hyra/band_cross/0.75"] == (record.band_cross[3], 7)
    assert len(written) == len(fields(Record)) - 5 + 3 * (4 - 1)


def test_figure_and_animation(net, lr, tmp_path):
    tracker = Tracker(net, lr, out=tmp_path, size=24)
    with pytest.raises(ValueError, match="has not recorded a step"):
        tracker.history.plot()
    for step in range(8):
        tracker(step)
    figure, (pictures, curves) = History.load(tmp_path).plot(columns=4)
    assert [panel.get_title() for panel in pictures[0]] == ["step 0", "step 2", "step 5", "step 7"]
    assert curves[1].lines[0].get_ydata().tolist() == [r.cutoff for r in tracker.history.records]
    style.save(figure, tmp_path / "progress.png")
    tracker.history.animate(tmp_path / "progress.gif")
    with Image.open(tmp_path / "progress.gif") as animation:
        assert animation.n_frames == 8


def test_every_frame_is_what_a_figure_of_its_own_would_be(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_gain", lambda _: 2.0)
    net, lr = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2)), torch.rand(3, 24, 24)
    both, last = (Tracker(net, lr, out=tmp_path / name, size=24) for name in ("both", "last"))
    both(1)
    nn.init.normal_(net[0].weight)
    both(20)
    last(20)
    first, second = (np.asarray(frame) for frame in training._frames(both.history))
    (alone,) = (np.asarray(frame) for frame in training._frames(last.history))
    assert np.array_equal(second, alone)
    assert not np.array_equal(first, second)


def test_animation_keeps_the_colours_of_a_response(tmp_path):
    """They are few pixels beside images of thousands of other colours."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 48), torch.linspace(0, 1, 48), indexing="ij")
    tracker = Tracker(nn.Upsample(scale_factor=2, mode="bicubic"), torch.stack([x, y, 1 - x]), out=tmp_path, size=24)
    tracker(0)
    (drawn,) = training._frames(tracker.history)
    tracker.history.animate(tmp_path / "progress.gif")
    with Image.open(tmp_path / "progress.gif") as animation:
        kept = np.asarray(animation.convert("RGB")).astype(int)
    assert abs(kept - np.asarray(drawn).astype(int)).max() < 32


def test_follows_a_network_that_a_trainer_converts(net, lr, tmp_path):
    tracker = Tracker(net, lr, out=tmp_path, size=24)
    net.double()
    assert tracker(1) is not None
    assert tracker.history.split(1).output.dtype == torch.float64


def test_a_batch_counts_as_its_mean(net, lr, tmp_path):
    batch, target = torch.stack([lr, lr.flip(-1)]), torch.rand(2, 3, 40, 48)
    record = Tracker(net, batch, target, out=tmp_path, size=24)(1)
    scores = hyra.fsds(hyra.HyRA(net).network(batch), target)
    assert record.fsds == pytest.approx(float(scores.mean()), rel=1e-5)


@pytest.mark.filterwarnings("ignore:the response")
def test_a_training_that_diverges_goes_on(net, lr, tmp_path):
    tracker = Tracker(net, lr, torch.rand(3, 40, 48), out=tmp_path, size=24)
    with torch.no_grad():
        for weight in net.parameters():
            weight.fill_(torch.nan)
    assert math.isnan(tracker(1).fsds)
    assert math.isnan(History.load(tmp_path).records[0].fsds)


def test_bad_input(net, lr, tmp_path):
    with pytest.raises(ValueError, match="every must be"):
        Tracker(net, lr, out=tmp_path, every=0)
    with pytest.raises(ValueError, match="lr must be"):
        Tracker(net, lr[0, 0], out=tmp_path)
    for target in (torch.rand(3, 40, 44), torch.rand(1, 40, 48), torch.rand(1, 3, 40, 48)):
        message = re.escape(f"target must be what the network makes of lr, (3, 40, 48), got {tuple(target.shape)}")
        with pytest.raises(ValueError, match=message):
            Tracker(net, lr, target, out=tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    with pytest.raises(FileNotFoundError, match=r"no file track.jsonl in .* to load the History from"):
        History.load(tmp_path / "empty")
