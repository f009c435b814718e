"""The tracker as a callback of Lightning."""

from __future__ import annotations

from typing import Any

from hyra._util.extra import extra
from hyra.track.tracker import Tracker


def lightning_callback(tracker: Tracker) -> Any:
    """A Lightning callback that calls `tracker` with the number of epochs done after each training epoch.

    The trainer's loggers get what it records, as ``hyra/ring_cosine`` and so on, at the trainer's global step like the
    training's own curves. A tracker with a `writer` of its own writes there, too.

    Raises:
        ModuleNotFoundError: Lightning is not installed.

    Example, where Lightning is installed:
        tracker = Tracker(module.network, lr, hr, out="runs/edsr")
        lightning.Trainer(logger=CSVLogger("logs"), callbacks=[lightning_callback(tracker)]).fit(module, data)
    """
    with extra("track", "lightning_callback"):
        from lightning.pytorch import Callback

    class TrackerCallback(Callback):  # type: ignore[misc]  # an untyped base
        def on_train_epoch_end(self, trainer: Any, _: Any) -> None:
            if not trainer.is_global_zero:
                return
            epoch = trainer.current_epoch
            record = tracker(epoch + 1)
            if record is not None:
                for logger in trainer.loggers:
                    logger.log_metrics({**record.scalars("hyra/"), "epoch": epoch}, step=trainer.global_step)

    return TrackerCallback()
