"""The tracker in a Lightning training: the trainer's loggers get its numbers."""

import csv
import sys
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

import pytest
import torch
from torch import nn

from hyra.track import Tracker, lightning_callback


@pytest.fixture
def net():
    return nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2))


def test_every_logger_of_the_trainer_gets_every_number(net, tmp_path, monkeypatch):
    modules = {name: ModuleType(name) for name in ("lightning", "lightning.pytorch")}
    modules["lightning.pytorch"].Callback = object
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    tracker = Tracker(net, torch.rand(3, 16, 16), out=tmp_path, size=16, every=2)
    loggers = [MagicMock(), MagicMock()]
    callback = lightning_callback(tracker)
    for epoch in range(3):
        trainer = SimpleNamespace(
            is_global_zero=True, current_epoch=epoch, global_step=10 * epoch + 10, loggers=loggers
        )
        callback.on_train_epoch_end(trainer, None)
    trainer = SimpleNamespace(is_global_zero=False, current_epoch=3, global_step=40, loggers=loggers)
    callback.on_train_epoch_end(trainer, None)  # another process
    (record,) = tracker.history.records
    expected = {f"hyra/{name}": value for name, value in record.scalars().items()} | {"epoch": 1}
    assert expected["hyra/band_linear/0.25"] == record.band_linear[1]
    for logger in loggers:
        logger.log_metrics.assert_called_once_with(expected, step=20)


def test_in_a_training(net, tmp_path):
    lightning = pytest.importorskip("lightning")
    from lightning.pytorch.loggers import CSVLogger

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = net

        def training_step(self, batch, _):
            (lr,) = batch
            loss = self.net(lr).square().mean()
            self.log("loss", loss)
            return loss

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(4, 3, 8, 8)), batch_size=2)
    tracker = Tracker(net, torch.rand(3, 16, 16), out=tmp_path / "track", size=16)
    trainer = lightning.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=CSVLogger(tmp_path, name="logs", flush_logs_every_n_steps=1),
        callbacks=[lightning_callback(tracker)],
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(Module(), data)
    with (tmp_path / "logs/version_0/metrics.csv").open() as opened:
        rows = [row for row in csv.DictReader(opened) if row.get("hyra/ring_cosine")]
    assert [int(row["step"]) for row in rows] == [2, 4]
    assert [int(row["epoch"]) for row in rows] == [0, 1]
    values = [record.ring_cosine for record in tracker.history.records]
    assert [float(row["hyra/ring_cosine"]) for row in rows] == pytest.approx(values)
