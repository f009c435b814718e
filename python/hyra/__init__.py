"""What an image super-resolution network really does: impulse responses, the HyRA split and FSDS."""

from hyra import ops

__version__ = "0.1.0"
__all__ = ["ops"]
