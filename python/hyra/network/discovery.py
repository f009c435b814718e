"""What images a network takes, found by running it: colours, squares, and each axis alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from torch import Tensor

from hyra.network.forward import NetworkError
from hyra.network.output import NoImageError
from hyra.network.sizes import CANVAS_SIDE, LARGEST_SIZE, InputSizes, bounded, search

Run = Callable[[Tensor], Tensor]

_COMMON_SIZES = (CANVAS_SIDE, 60, 56)
"""Multiples of most windows in use: 4, 8, 16; 5, 6, 12; 7."""
_RECTANGLE = 16
"""Sides of fixed inputs that are no squares are looked for among its multiples."""
_SIDES = range(_RECTANGLE, LARGEST_SIZE + 1, _RECTANGLE)


def scale_and_colours(run: Run, colours: list[int], pixel: Tensor, *, rare_sizes: bool = True) -> tuple[int, int]:
    """Scale and colours, from a black image of a size that the network takes.

    Args:
        run: the network.
        colours: numbers of channels to try.
        pixel: a black one, `[1, 1, 1, 1]`, of the type and on the device to run with.
        rare_sizes: try all squares and many rectangles where it takes none of the common sizes.

    Raises:
        NetworkError: it takes no image of these colours.
        ValueError: what it returns is no image.
    """
    first: Exception | None = None
    ran: ValueError | None = None
    common = [(side, side) for side in _COMMON_SIZES]
    rare = [*((side, side) for side in range(1, LARGEST_SIZE + 1)), *product(_SIDES, _SIDES)]
    for height, width in common + (rare if rare_sizes else []):
        if ran is not None and width not in _COMMON_SIZES:
            raise ran  # of a size that is no multiple: others will not change that
        for channels in colours:
            try:
                output = run(pixel.new_zeros(1, channels, height, width))
            except NoImageError:
                raise  # it runs, but what it returns is no image: other sizes will not change that
            except (NetworkError, ValueError) as error:
                first, ran = first or error, ran or (error if isinstance(error, ValueError) else None)
                continue
            return output.shape[-1] // width, channels
    tried = " or ".join(str(channels) for channels in colours)
    most = f"{LARGEST_SIZE}x{LARGEST_SIZE}"
    raise NetworkError(
        f"the network takes no image up to {most} with {tried} colours, so try it by itself, or say what it takes with "
        f"in_channels or hyra.adapters (on the command line --colours, --input, --input-size); at first, {first}"
    ) from first


def square_sizes(run: Run, pixel: Tensor, limit: int) -> InputSizes:
    """Which squares up to `limit` it takes; `pixel` is `[1, C, 1, 1]`.

    Raises:
        NetworkError: none.
    """
    return _search(run, pixel, lambda size: (size, size), limit)


def axis_sizes(run: Run, pixel: Tensor, height: int, width: int) -> tuple[InputSizes, InputSizes]:
    """Which heights it takes beside a width, and which widths beside a height.

    Raises:
        NetworkError: none.
    """
    rows = _search(run, pixel, lambda size: (size, width), LARGEST_SIZE)
    return rows, _search(run, pixel, lambda size: (height, size), LARGEST_SIZE)


def bounded_square(run: Run, pixel: Tensor, sizes: InputSizes, size: int) -> InputSizes:
    """The rule of the squares that it takes, with the largest where a square of `size` is too large."""
    return bounded(lambda side: _takes(run, pixel, side, side) is None, sizes, size)


def bounded_axes(
    run: Run, pixel: Tensor, axes: tuple[InputSizes, InputSizes], size: int
) -> tuple[InputSizes, InputSizes]:
    """The rules of heights and of widths, with the largest where `size` is too large."""
    rows, columns = axes
    beside = rows.at_least(CANVAS_SIDE), columns.at_least(CANVAS_SIDE)
    return (
        bounded(lambda size: _takes(run, pixel, size, beside[1]) is None, rows, size),
        bounded(lambda size: _takes(run, pixel, beside[0], size) is None, columns, size),
    )


def rectangle(run: Run, pixel: Tensor) -> tuple[int, int]:
    """A height and a width that it takes together, where it takes no square.

    Raises:
        NetworkError: none.
    """
    for height, width in product(_SIDES, _SIDES):
        if _takes(run, pixel, height, width) is None:
            return height, width
    raise NetworkError(f"the network takes no input with sides of 16, 32, ... {LARGEST_SIZE}")


def _search(run: Run, pixel: Tensor, shape: Callable[[int], tuple[int, int]], limit: int) -> InputSizes:
    last: Exception | None = None

    def works(size: int) -> bool:
        nonlocal last
        error = _takes(run, pixel, *shape(size))
        last = error or last
        return error is None

    sizes = search(works, limit)
    if sizes is None:
        raise NetworkError(f"the network takes no square input up to {limit}x{limit}: {last}") from last
    return sizes


def _takes(run: Run, pixel: Tensor, height: int, width: int) -> Exception | None:
    """None where it takes an image of that size, else what it raised."""
    try:
        run(pixel.expand(-1, -1, height, width))
    except NoImageError:
        raise
    except (NetworkError, ValueError) as error:
        return error
    return None
