"""How every figure looks: sizes that fit a page, type, colours that stay apart for all eyes, and one way to save."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ParamSpec

from torch import Tensor

from hyra._util.extra import extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

COLUMN, PAGE = 3.35, 6.9
"""Widths in inches: one column (85 mm) and the whole page (175 mm) of a two-column paper."""

COLORS = {"LR": "#7f7f7f", "H": "#0072b2", "G": "#d55e00", "SR": "#009e73", "ideal": "#000000", "fit": "#cc79a7"}
"""One colour for each quantity in every figure (Okabe and Ito's palette, which colour-blind readers can tell apart)."""

SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""For series that have no colour of their own, such as networks that are compared."""

RESPONSE = "response to a pixel of value 1"
"""What the colours of every picture of an impulse response mean."""

SIGNED = "RdBu_r"
AMPLITUDE = "magma"
PHASE = "twilight"

_STYLE: dict[str, Any] = {
    "image.cmap": AMPLITUDE,
    "font.family": ["STIXGeneral"],  # comes with matplotlib, so a figure looks the same everywhere
    "mathtext.fontset": "stix",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlepad": 4,
    "lines.linewidth": 1.1,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "figure.constrained_layout.use": True,
    "figure.dpi": 150,
    "image.interpolation": "nearest",
}

P = ParamSpec("P")


def figure(draw: Callable[P, tuple[Figure, Any]]) -> Callable[P, tuple[Figure, Any]]:
    """Decorator of every function that makes a figure: matplotlib is asked for here, and the style is in force.

    Its first argument is what it draws.

    Raises:
        ValueError: a result holds nothing, such as the spectrum of no images.
    """
    drawn = next(iter(signature(draw).parameters))

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> tuple[Figure, Any]:
        for result in (*args[:1], *(kwargs[name] for name in kwargs if name == drawn)):
            _check_not_empty(drawn, result)
        with extra("cli", "plotting"):
            import matplotlib.pyplot as plt

        # From matplotlib's own settings, not the user's: one who draws images from below would see them upside down.
        with plt.style.context(["default", _STYLE]):
            fig, axes = draw(*args, **kwargs)
            fig.draw_without_rendering()  # ticks and layout are made now, while the style is in force
        return fig, axes

    return styled


def _check_not_empty(name: str, result: object) -> None:
    """Every tensor, tuple and mapping that this kind of result cannot be made without has an element."""
    if not is_dataclass(result):
        return
    for field in fields(result):
        value = getattr(result, field.name)
        size = value.numel() if isinstance(value, Tensor) else len(value) if isinstance(value, tuple | Mapping) else 1
        if size == 0 and field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{name} must hold something to draw, got {type(result).__name__} with no {field.name}")


@contextmanager
def offscreen() -> Iterator[None]:
    """Draw without a screen, whatever backend the user's settings or MPLBACKEND name, and be it not installed."""
    with extra("cli", "plotting"):
        import matplotlib.pyplot as plt

    backend = plt.rcParams._get("backend")  # as it was set: to read it would load it
    plt.switch_backend("agg")
    try:
        yield
    finally:
        plt.rcParams["backend"] = backend
        with suppress(ImportError):  # not installed: the user learns of it where a figure is to be shown
            plt.switch_backend(backend)


def plain(text: str) -> str:
    """A user's text as it stands: the name of a network may have dollars, and what is between them is no formula."""
    return text.replace("$", r"\$")


def colorbar(drawn: ScalarMappable, axes: Axes, label: str, extend: str = "neither") -> None:
    """A scale of colours at the right of a picture; `extend` says at which ends they saturate."""
    axes.figure.colorbar(drawn, ax=axes, extend=extend, fraction=0.05, pad=0.03).set_label(label)


def save(fig: Figure, path: str | Path | BinaryIO, dpi: int = 300) -> None:
    """Write a figure to a file, as its suffix says (.png, .pdf or .svg, with real text), and close it."""
    import matplotlib.pyplot as plt

    own = {"pdf.fonttype": 42, "svg.fonttype": "none", "figure.constrained_layout.use": False}
    engine = fig.get_layout_engine()
    with plt.style.context(["default", {**_STYLE, **own}]):
        if not fig.stale:  # as `figure` laid it out: to do so again takes as long as all the rest
            fig.set_layout_engine(None)
        fig.savefig(path, dpi=dpi)
        fig.set_layout_engine(engine)
    plt.close(fig)
