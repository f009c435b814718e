"""Networks of other forms as what the rest of hyra takes: a callable from images to images.

A network with more inputs than an image (`bind`), one that is told its scale (`at_scale`), one that is asked for single
pixels (`implicit`: LIIF and its kin), and one that takes a single size (`fixed_size`).
"""

from hyra.adapters.fixed import fixed_size
from hyra.adapters.implicit import implicit
from hyra.adapters.inputs import at_scale, bind, level

__all__ = ["at_scale", "bind", "fixed_size", "implicit", "level"]
