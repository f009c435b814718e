"""How a network's low-pass filter takes shape while it trains (the paper's appendix H)."""

from hyra.results.writers import ScalarWriter, open_writer
from hyra.track.history import History
from hyra.track.lightning import lightning_callback
from hyra.track.records import Record
from hyra.track.tracker import Tracker

__all__ = ["History", "Record", "ScalarWriter", "Tracker", "lightning_callback", "open_writer"]
