"""Image files to and from tensors `[3, H, W]` in 0..1, resampling, and the pairing of two folders.

Read are PNG, JPEG, WebP, GIF, BMP, TIFF, netpbm (P1 to P6), JPEG 2000, JPEG XL, AVIF and NumPy's ``.npy``; the
content decides, not the suffix. What has more than 8 bits a channel (netpbm and ``.npy`` apart), JPEG 2000, JPEG XL,
AVIF and unusual TIFF need the extra `images`; PNG, JPEG and WebP are decoded faster with it, to the same pixels. One
rule for each thing that a file may hold beside plain RGB:

=============  ======================================================================================================
depth          white is ``2^bits - 1`` (netpbm: its maxval); only the 5 and 6 bits of a BMP are widened to 8 first, and
               a TIFF's palette is taken at 8. White is 1 for floats (TIFF, JPEG XL, ``.npy``), which are refused
               where they leave -1..2; integers of more than 16 bits have no known white: refused.
signedness     signed integers are refused
photometric    grey is repeated, min-is-white is inverted, a palette is looked up; CMYK of 8 bits becomes
               ``(1 - C)(1 - K)``, YCbCr what its format says; CIELab and the rest are refused
transparency   ignored with a warning where a pixel is not opaque: the colours are read as if it were. Colours that
               are multiplied by their alpha are refused there.
orientation    the pixels are read as stored, never rotated; a warning where the file asks for it
colours        no colour management and no gamma; a warning where the file names others than sRGB's
frames         the first frame or page is read; a warning where there are more; a TIFF of a volume is refused
size           at most twice ``PIL.Image.MAX_IMAGE_PIXELS`` (as Pillow sets it, 179 million pixels); refused before
               anything is decoded
=============  ======================================================================================================

A refusal is one sentence, a `ValueError`.
"""

from hyra.images.colours import in_colours, luma
from hyra.images.decoding.decoded import Decoded
from hyra.images.decoding.decoders import decode
from hyra.images.files import read, write
from hyra.images.names import SUFFIXES
from hyra.images.pairing import Pairing, pair
from hyra.images.resizing import imresize

__all__ = ["SUFFIXES", "Decoded", "Pairing", "decode", "imresize", "in_colours", "luma", "pair", "read", "write"]
