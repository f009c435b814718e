"""Image files to and from tensors [3, H, W] in 0..1, resampling, and the pairing of two folders by name."""

from hyra.images.files import SUFFIXES, Pairing, in_colours, pair, read, write

__all__ = ["SUFFIXES", "Pairing", "in_colours", "pair", "read", "write"]
