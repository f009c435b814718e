"""Local attribution maps, and how widely a map spreads."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.table import in_columns
from hyra.attribution.detail import Window, checked_windows
from hyra.results.result import Result

METHODS = ("gradients", "differences")

_ROUNDING = 1e-6
"""Of a window's detail: changes below cannot be told from the rounding of float32 outputs."""

_COLUMNS = ("window (y, x, side)", "diffusion index", "detail", "of it blurred", "steps", "completeness error")


@dataclass(frozen=True, eq=False, repr=False)
class Attribution(Result):
    """Which pixels of an image make the detail in windows of a network's output: what `HyRA.attribution` returns.

    Attributes:
        image: `[C, h, w]`, the network's input.
        output: `[C_out, s*h, s*w]`, what it makes of it.
        windows: HR row and column of the first pixel, and side, of each of the W windows.
        maps: `[W, C, h, w]` float64: what each pixel and colour contributes to the window's detail. Together they
            are what blurring the image takes away of it.
        detail: `[W]` float64, of the windows in the output.
        blurred_detail: `[W]` float64, of the windows in what the network makes of the blurred image.
        steps: `[W]` int64: how many the path was divided into.
        sigma: of the strongest blur, in LR pixels.
        method: `"gradients"`, or `"differences"` for a network without gradients.
        block: side in LR pixels of the squares that contributions are measured for: 1 with gradients. A square's
            contribution is spread evenly over it.
        standard_error: of `maps`, of their shape, where these are means over several seeds of a network that draws
            random numbers; None for one seed.
        index_errors: `[W]` float64, standard errors of `diffusion_index`, likewise.
    """

    image: Tensor
    output: Tensor
    windows: tuple[Window, ...]
    maps: Tensor
    detail: Tensor
    blurred_detail: Tensor
    steps: Tensor
    sigma: float
    method: str = "gradients"
    block: int = 1
    standard_error: Tensor | None = field(default=None, metadata={"since": 2})
    index_errors: Tensor | None = field(default=None, metadata={"since": 2})

    def __post_init__(self) -> None:
        validate.shaped("image", self.image, [None, None, None])
        validate.shaped("output", self.output, [None, None, None])
        (height, width), (h, w) = self.output.shape[1:], self.image.shape[1:]
        if height < h or abs(height * w - width * h) > (h + w) * (height % h > 0 or width % w > 0):
            raise ValueError(f"output must be of a multiple of {h}x{w}, the image's size, got {height}x{width}")
        if checked_windows(self.windows, height, width) != tuple(self.windows):
            raise ValueError(f"windows must be several (y, x, side), got {self.windows}")
        count = len(self.windows)
        validate.shaped("maps", self.maps, [count, *self.image.shape])
        validate.shaped("detail", self.detail, [count])
        validate.shaped("blurred_detail", self.blurred_detail, [count])
        validate.shaped("steps", self.steps, [count], validate.INTEGER)
        validate.positive_number("sigma", self.sigma)
        validate.choice("method", self.method, METHODS)
        validate.positive_integer("block", self.block)
        if self.standard_error is not None:
            validate.shaped("standard_error", self.standard_error, self.maps.shape)
        if self.index_errors is not None:
            validate.shaped("index_errors", self.index_errors, [count])

    def __repr__(self) -> str:
        indices = ", ".join(f"{index:.3g}" for index in self.diffusion_index.tolist())
        return f"Attribution({len(self.windows)} windows, diffusion index {indices})"

    @property
    def scale(self) -> float:
        """HR pixels per LR pixel."""
        return self.output.shape[-1] / self.image.shape[-1]

    @property
    def signed(self) -> Tensor:
        """`[W, h, w]` float64: contributions of all colours together; negative where a pixel takes detail away."""
        return self.maps.sum(1)

    @property
    def absolute(self) -> Tensor:
        """`[W, h, w]` float64: magnitudes of `signed`, from which the diffusion index is computed."""
        return self.signed.abs()

    @cached_property
    def diffusion_index(self) -> Tensor:
        """`[W]` float64: see `diffusion_index`. It compares networks on one image, window and size alone."""
        return diffusion_index(self.absolute)

    @property
    def completeness_error(self) -> Tensor:
        """`[W]` float64: how far the sum of all contributions is from the change of detail, relative to that.

        A change below a millionth of the detail itself counts as one of a millionth: it is rounding. NaN where there is
        no detail at all.
        """
        return completeness_error(self.maps, self.detail, self.blurred_detail)

    def table(self) -> str:
        """One line for each window below a line of headings, in columns; the index with its error, if known."""
        indices = self.diffusion_index.tolist()
        errors = [None] * len(indices) if self.index_errors is None else self.index_errors.tolist()
        rows = zip(
            self.windows,
            (
                f"{index:.2f}" if e is None else f"{index:.2f} ± {e:.2g}"
                for index, e in zip(indices, errors, strict=True)
            ),
            *(x.tolist() for x in (self.detail, self.blurred_detail, self.steps)),
            self.completeness_error.tolist(),
            strict=True,
        )
        cells = [
            (",".join(map(str, window)), index, f"{detail:.4g}", f"{blurred:.4g}", str(steps), f"{error:.2%}")
            for window, index, detail, blurred, steps, error in rows
        ]
        return in_columns([_COLUMNS, *cells])


def completeness_error(maps: Tensor, detail: Tensor, blurred_detail: Tensor) -> Tensor:
    """`Attribution.completeness_error` of its attributes."""
    change = detail - blurred_detail
    least = _ROUNDING * (detail + blurred_detail)
    return (maps.flatten(1).sum(1) - change).abs() / torch.maximum(change.abs(), least)


def is_rounding(detail: Tensor, blurred_detail: Tensor) -> Tensor:
    """`[W]` bool: whether blurring changes the detail of a window by no more than rounding does."""
    return (detail - blurred_detail).abs() <= _ROUNDING * (detail + blurred_detail)


def diffusion_index(maps: Tensor) -> Tensor:
    """How evenly contributions are spread: 100 for all pixels alike, and 100 / n where one of n pixels has all.

    `100 (1 - Gini)`, where the Gini coefficient is `sum_i sum_j |a_i - a_j| / (2 n^2 mean(a))`.

    Args:
        maps: `[..., h, w]`, not negative.

    Returns:
        `[...]` float64; NaN where a map is zero everywhere or not finite.

    Source: Gu and Dong (CVPR 2021), section 4.2. Their code adds 1e-7 to maps that it has divided by their peaks.

    Example:
        >>> import torch
        >>> diffusion_index(torch.tensor([[1.0, 2.0], [3.0, 4.0]])).item()  # sums: 20 of pairs, 2 * 16 * 2.5
        75.0
    """
    values = maps.double().flatten(-2).sort(-1).values
    count = values.shape[-1]
    weights = 2 * torch.arange(1, count + 1, dtype=torch.float64, device=values.device) - count - 1
    return 100 * (1 - (weights * values).sum(-1) / (count * values.sum(-1)))
