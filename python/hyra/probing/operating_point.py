"""The operating point: which impulse is added to which background, and what counts as the response."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from numbers import Real

import torch
from torch import Tensor

from hyra._util import validate
from hyra.filters.response import FORMS, MODES, ImpulseResponse

CHANNELS = ("joint", "matrix")

_LEVELS = {0.0: "black", 1.0: "white"}


@dataclass(frozen=True, init=False, eq=False)
class OperatingPoint:
    """Where a network is measured: the impulse, and the background that it is added to.

    A network that is not linear has another impulse response at each operating point. The fields are the keywords of
    `HyRA.impulse_response`.

    Attributes:
        amplitude: height of the impulse over the background, on the 0..1 scale, negative for a darker pixel; 0 where
            `mode` is `"jvp"`, whatever is given.
        background: a level, or an image `[C, h, w]`.
        form: `"literal"`, `h = N(a d) / a`, which needs a black background; or `"affine"`,
            `h = (N(b + a d) - N(b)) / a`. When not given, literal where that has a meaning and affine otherwise.
        mode: `"finite"`, or `"jvp"`, the limit of small amplitudes, which is of the affine form.
        channels: `"joint"`, one impulse in all colours, or `"matrix"`, one for each colour.

    Raises:
        TypeError: the background is a tensor that is not floating-point.
        ValueError: a field is not as above.

    Example:
        >>> import torch, hyra
        >>> point = hyra.OperatingPoint(amplitude=0.1, background=0.5)
        >>> print(point)
        a pixel of 0.1 on grey 0.5, all colours, affine form
        >>> response = hyra.HyRA(torch.nn.Upsample(scale_factor=2)).impulse_response(size=16, **vars(point))
        >>> hyra.OperatingPoint.of(response) == point
        True
    """

    amplitude: float
    background: float | Tensor
    form: str
    mode: str
    channels: str

    def __init__(
        self,
        amplitude: float = 1.0,
        background: float | Tensor = 0.0,
        form: str | None = None,
        mode: str = "finite",
        channels: str = "joint",
    ) -> None:
        validate.choice("channels", channels, CHANNELS)
        validate.choice("mode", mode, MODES)
        background = _checked_background(background)
        fields = {
            "amplitude": 0.0 if mode == "jvp" else _checked_amplitude(amplitude),
            "background": background,
            "form": _checked_form(form, mode, black=not isinstance(background, Tensor) and background == 0),
            "mode": mode,
            "channels": channels,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, response: ImpulseResponse) -> OperatingPoint:
        """The operating point that a response was measured at."""
        return cls(response.amplitude, response.background, response.form, response.mode, response.channels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OperatingPoint) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Hashable, ...]:
        background: Hashable = self.background
        if isinstance(self.background, Tensor):
            background = (*self.background.shape, self.background.double().cpu().numpy().tobytes())
        return self.amplitude, background, self.form, self.mode, self.channels

    def __str__(self) -> str:
        channels = "each colour" if self.channels == "matrix" else "all colours"
        if isinstance(self.background, Tensor):
            background = "an image"
        else:
            background = _LEVELS.get(self.background, f"grey {self.background:g}")
        if self.mode == "jvp":
            return f"derivative at {background}, {channels}"
        return f"a pixel of {self.amplitude:g} on {background}, {channels}, {self.form} form"

    def colours(self, canvas: Tensor) -> Tensor:
        """The colours `[K, C]` of the impulses on a canvas `[C, h, w]`: white, or each of the primaries."""
        count = len(canvas)
        if self.channels == "joint":
            return canvas.new_ones(1, count)
        return torch.eye(count, dtype=canvas.dtype, device=canvas.device)

    def by_colour(self, planes: Tensor, colours: int) -> Tensor:
        """Planes `[..., K * C_out, kh, kw]`, one impulse's after another's, in the shape of an `ImpulseResponse`."""
        if self.channels == "joint":
            return planes
        *leading, _, height, width = planes.shape
        return planes.view(*leading, colours, -1, height, width).transpose(-4, -3)

    def response(self, output: Tensor, background_output: Tensor) -> Tensor:
        """What counts as the response in a network's output for an impulse of this height, beside that for none."""
        part = output - background_output if self.form == "affine" else output
        return part if self.amplitude == 1 else part / self.amplitude

    def excess(self, response: Tensor, background_output: Tensor) -> Tensor:
        """The part of a response that the impulse caused: without what the literal form counts of the background."""
        return response if self.form == "affine" else response - background_output / self.amplitude


def _checked_amplitude(amplitude: float) -> float:
    if not (isinstance(amplitude, Real) and amplitude != 0 and math.isfinite(amplitude)):
        raise ValueError(f"amplitude must be a finite number other than 0, got {amplitude!r}")
    return _in_float32("amplitude", float(amplitude))


def _checked_background(background: float | Tensor) -> float | Tensor:
    if isinstance(background, Tensor):
        validate.floating_tensor("background", background)
        if background.ndim != 3 or 0 in background.shape:
            raise ValueError(f"background must be a level or an image [C, h, w], got {list(background.shape)}")
        validate.finite("background", background)
        return background
    if not (isinstance(background, Real) and math.isfinite(background)):
        raise ValueError(f"background must be a finite level or an image [C, h, w], got {background!r}")
    return _in_float32("background", float(background))


def _in_float32(name: str, level: float) -> float:
    if abs(level) > torch.finfo(torch.float32).max:
        raise ValueError(f"{name} must be within the range of float32, got {level:g}")
    return level


def _checked_form(form: str | None, mode: str, *, black: bool) -> str:
    """The form asked for, or the one that has a meaning."""
    if form is None:
        return "literal" if black and mode == "finite" else "affine"
    validate.choice("form", form, FORMS)
    if form == "literal" and not black:
        raise ValueError("form='literal' needs a black background, since h = N(a d) / a: use form='affine'")
    if form == "literal" and mode == "jvp":
        raise ValueError("form='literal' needs mode='finite', since a derivative leaves N(b) out: use form='affine'")
    return form
