"""Small trained super-resolution networks, and photographs to try them on, without a download."""

from hyra.demo.network import Network, load
from hyra.demo.photographs import HELD_OUT, TRAINING

__all__ = ["HELD_OUT", "TRAINING", "Network", "load"]
