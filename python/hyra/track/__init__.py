"""How a network's low-pass filter takes shape while it trains (the paper's appendix H)."""

from hyra.track.history import History
from hyra.track.lightning import lightning_callback
from hyra.track.records import Record
from hyra.track.tracker import ScalarWriter, Tracker

__all__ = ["History", "Record", "ScalarWriter", "Tracker", "lightning_callback"]
