"""The tracker as a callback of Lightning."""

from __future__ import annotations

from typing import Any

from hyra._util.extra import extra
from hyra.track.tracker import Tracker


def lightning_callback(tracker: Tracker) -> Any:
    """A Lightning callback that calls `tracker` with the number of epochs done after each training epoch.

    Raises:
        ModuleNotFoundError: Lightning is not installed.

    Example, where Lightning is installed:
        tracker = Tracker(module.network, lr, hr, out="runs/edsr")
        lightning.Trainer(callbacks=[lightning_callback(tracker)]).fit(module, data)
    """
    with extra("track", "lightning_callback"):
        from lightning.pytorch import Callback

    class TrackerCallback(Callback):  # type: ignore[misc]  # an untyped base
        def on_train_epoch_end(self, trainer: Any, _: Any) -> None:
            if trainer.is_global_zero:
                tracker(trainer.current_epoch + 1)

    return TrackerCallback()
