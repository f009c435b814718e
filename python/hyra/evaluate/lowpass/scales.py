"""The filter in a network of any scale, over its scales: does it stay the same low-pass filter?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from hyra._util import validate
from hyra._util.progress import Progress
from hyra._util.table import in_columns, number, or_nan
from hyra.analyzer import HyRA, check_model
from hyra.filters.sinc import SincFit
from hyra.results.result import Result

_COLUMNS = ("scale", "cut-off", "ring cosine", "residual", "main lobe", "DC gain")


@dataclass(frozen=True, eq=False, repr=False)
class ScaleSweep(Result):
    """What the impulse response of a network says at each of its scales, which ascend.

    Cut-offs are in cycles per LR pixel, so that those of an ideal interpolator are 0.5 at every scale. A ring cosine
    compares samples of a response with those of the sinc; at scale 1, where there are none, it is None.

    Attributes:
        scales: HR pixels per LR pixel, integers and fractions.
        fits: the windowed sinc nearest to the response at each.
        main_lobes: the largest value of each response within one LR pixel of its centre.
        dc_gains: gain of a constant image at each, the mean over the colours.
    """

    scales: tuple[int | Fraction, ...]
    fits: tuple[SincFit, ...]
    main_lobes: tuple[float, ...]
    dc_gains: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.scales:
            raise ValueError("scales must hold at least one scale, got none")
        object.__setattr__(self, "scales", tuple(validate.scale("scales", scale) for scale in self.scales))
        if list(self.scales) != sorted(set(self.scales)):
            raise ValueError(f"scales must ascend, got {', '.join(map(str, self.scales))}")
        for name in ("fits", "main_lobes", "dc_gains"):
            if len(getattr(self, name)) != len(self.scales):
                raise ValueError(
                    f"{name} must be as many as the scales, {len(self.scales)}, got {len(getattr(self, name))}"
                )

    def __repr__(self) -> str:
        low, high = (f([fit.cutoff for fit in self.fits]) for f in (min, max))
        ends = f"x{self.scales[0]} to x{self.scales[-1]}"
        return f"ScaleSweep({len(self.scales)} scales from {ends}, cut-off {low:.3g} to {high:.3g})"

    def table(self) -> str:
        """One line for each scale below a line of headings, in columns."""
        rows = [
            (f"x{scale}", number(fit.cutoff), number(or_nan(fit.ring_cosine)), number(fit.residual), *map(number, rest))
            for scale, fit, *rest in zip(self.scales, self.fits, self.main_lobes, self.dc_gains, strict=True)
        ]
        return in_columns([_COLUMNS, *rows])


def scale_sweep(
    at: Callable[[int | Fraction], HyRA],
    scales: Iterable[float | Fraction | str],
    size: int | None = None,
    *,
    form: str | None = None,
    progress: bool = True,
) -> ScaleSweep:
    """Measure and fit the impulse response of a network of any scale at several of them.

    Args:
        at: the network at a scale, which it is given as an integer or a fraction.
        scales: integers and fractions p/q, as `HyRA` takes them, in any order. At p/q the network runs on q x q images.
        size: side of the canvas in LR pixels, as for `HyRA.impulse_response`.
        form: as for `HyRA.impulse_response`.
        progress: whether to show a bar on a terminal, if tqdm is installed.

    Raises:
        TypeError: `at` returns no `HyRA`.
        ValueError: no scale, or one that is none, or not that of the network.
        NetworkError: the network raised.

    Source: ours; Deng et al. (ICML 2024) look at integer scales, also of networks that have any.

    Example:
        >>> import torch, hyra
        >>> def any_scale(x, scale):
        ...     return torch.nn.functional.interpolate(x, scale_factor=scale, mode="bicubic")
        >>> def at(scale):
        ...     return hyra.HyRA(hyra.adapters.at_scale(any_scale, scale), scale, in_channels=1)
        >>> hyra.scale_sweep(at, [2, "3/2", 2.5], size=16)
        ScaleSweep(3 scales from x3/2 to x5/2, cut-off 0.495 to 0.497)
    """
    tried = sorted({validate.scale("scales", scale) for scale in scales})
    if not tried:
        raise ValueError("scales must hold at least one scale, got none")
    responses = []
    with Progress(len(tried), "scale", enabled=progress) as bar:
        for scale in tried:
            model = at(scale)
            check_model("at", model)
            if model.network.scale != scale:
                raise ValueError(f"at must return a network at x{scale}, got one at x{model.network.scale}")
            response = model.impulse_response(size, form=form)
            responses.append((response.fit_sinc(), response.main_lobe, float(response.dc_gain.mean())))
            bar.update(1)
    fits, lobes, gains = zip(*responses, strict=True)
    return ScaleSweep(tuple(tried), fits, lobes, gains)
