"""Every user-facing check and its message: one sentence that names the argument, what was expected and what came.

The functions are small and compose; each returns what it checked where the caller can use it. Those that read pixels
(`finite`, `not_constant`) synchronise a GPU: callers skip them under ``check=False``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from math import floor
from numbers import Integral, Rational, Real
from types import EllipsisType
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

FLOATING = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
COMPLEX = (torch.complex64, torch.complex128)
INTEGER = (torch.int64,)
LARGEST_SCALE = 1024
LARGEST_FRACTION = 128, 20
"""Numerator and denominator of a scale p/q: its response has p samples a LR pixel, from q x q impulses."""
_MANY = 10**9
_ROUNDED = 1e-6
"""Relative, what a number may be off from the fraction that it stands for."""


def choice(name: str, value: str, choices: Collection[str]) -> None:
    """`value` is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(repr(item) for item in choices)
        raise ValueError(f"{name} must be one of {listed}, got {value!r}")


def integer(name: str, value: object, minimum: int) -> int:
    """`value` is an integer (a NumPy one too, but not a bool) of at least `minimum`."""
    if type(value) is not int and (not isinstance(value, Integral) or isinstance(value, bool)):
        raise TypeError(f"{name} must be an integer, got {kind(value)}")
    number = int(value)
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {number}")
    return number


def positive_integer(name: str, value: object) -> int:
    """`value` is an integer of at least 1."""
    return integer(name, value, 1)


def whole_scale(name: str, value: object) -> int:
    """`value` is how many HR pixels one LR pixel can become along a side, and a whole number of them."""
    if isinstance(value, Integral):
        _not_huge(name, int(value))
    return positive_integer(name, value)


def _not_huge(name: str, value: int | Fraction) -> None:
    """A scale is one that some network may have: others can have more digits than a message, or a float, takes."""
    if value > LARGEST_SCALE:
        came = f"{float(value):.9g}" if value < _MANY else "far more"
        raise ValueError(f"{name} must be at most {LARGEST_SCALE}, got {came}")


def scale(name: str, value: object) -> int | Fraction:
    """`value` is a scale: an integer, or a small fraction p/q, also as a number (1.5) or a text ("3/2").

    Example:
        >>> scale("scale", 2.4), scale("scale", "3/2"), scale("scale", 4.0)
        (Fraction(12, 5), Fraction(3, 2), 4)
    """
    if isinstance(value, str):
        try:
            value = Fraction(value) if "/" in value else float(value)  # a fraction of 1e999999999 takes all memory
        except (ValueError, ZeroDivisionError):
            raise ValueError(f"{name} must be a number or a fraction, such as 1.5 or '3/2', got {value!r}") from None
    if isinstance(value, Integral) or not isinstance(value, Real):
        return whole_scale(name, value)
    exact = Fraction(value) if isinstance(value, Rational) else Fraction(positive_number(name, value))
    _not_huge(name, exact)
    largest, longest = LARGEST_FRACTION
    nearest = exact.limit_denominator(longest)
    if nearest.denominator == 1 and abs(nearest - exact) <= _ROUNDED * exact:
        return whole_scale(name, nearest.numerator)
    if exact < 1:
        raise ValueError(f"{name} must be at least 1, got {float(exact):g}")
    if nearest.numerator > largest or abs(nearest - exact) > _ROUNDED * exact:
        raise ValueError(
            f"{name} must be an integer or a fraction p/q with p up to {largest} and q up to {longest}, got "
            f"{value if isinstance(value, Fraction) else f'{float(exact):.9g}'}, of which {nearest} is the nearest"
            f"{'' if nearest.numerator <= largest else ' with such a q'}"
        )
    return nearest


def enlarged(name: str, x: Tensor, scale: int | Fraction, lr: Tensor) -> None:
    """`x` has `scale` times the size of `lr`; sides of a fraction are rounded either way."""
    expected = [floor(scale * length) for length in lr.shape[-2:]]
    if isinstance(scale, int) or not all(
        abs(length - scale * side) <= 1 for length, side in zip(x.shape[-2:], lr.shape[-2:], strict=True)
    ):
        shaped(name, x, [..., None, *expected])


def integer_scale(purpose: str, value: int | Fraction) -> int:
    """`value` is an integer, which `purpose`, the beginning of the sentence, needs."""
    if isinstance(value, Fraction):
        raise ValueError(f"{purpose} must have an integer scale, got {value}")
    return value


def number(name: str, value: object) -> float:
    """`value` is a number (a NumPy one too, but not a bool), finite or not."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {kind(value)}")
    return float(value)


def positive_number(name: str, value: object) -> float:
    """`value` is a finite number above 0."""
    if type(value) is not float and (not isinstance(value, Real) or isinstance(value, bool)):
        raise TypeError(f"{name} must be a number, got {kind(value)}")
    number = float(value)
    if not 0 < number < float("inf"):
        raise ValueError(f"{name} must be a finite number above 0, got {number}")
    return number


def instance(name: str, value: object, expected: type) -> None:
    """`value` is of the type `expected`, such as what a file of settings may hold otherwise."""
    if not isinstance(value, expected):
        raise TypeError(f"{name} must be of the type {expected.__name__}, got {kind(value)}")


def device(name: str, value: str) -> None:
    """`value` names a device that torch can use here."""
    try:
        torch.empty(0, dtype=torch.float32, device=value)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{name} must be one that torch can use here, got {value}: {reason}") from error


WHITE = {torch.uint8: 255, torch.uint16: 65535}
"""Integers that images come in, as decoders leave them, and what they have for white."""


def pixel_tensor(name: str, x: object) -> Tensor:
    """`x` is a real floating-point tensor, or one of uint8 or uint16."""
    if isinstance(x, Tensor) and x.dtype in WHITE:
        return x
    if isinstance(x, Tensor) and not x.dtype.is_floating_point:
        raise TypeError(f"{name} must have a floating-point dtype, uint8 or uint16, got {x.dtype}")
    return floating_tensor(name, x)


def floating_tensor(name: str, x: object) -> Tensor:
    """`x` is a real floating-point tensor; integer images have no known range, so they are refused."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {kind(x)}")
    if not x.dtype.is_floating_point:
        hint = " (for 8-bit images: x / 255)" if x.dtype == torch.uint8 else ""
        raise TypeError(
            f"{name} must have a floating-point dtype, since the range of integer pixels is unknown: "
            f"convert it first{hint}, got {x.dtype}"
        )
    if x.dtype not in FLOATING:
        raise TypeError(f"{name} must be float16, bfloat16, float32 or float64, got {x.dtype}")
    if not torch.compiler.is_compiling() and (x.layout != torch.strided or x.is_nested):
        raise TypeError(f"{name} must be a dense tensor, got {'a nested one' if x.is_nested else x.layout}")
    without_tangent(name, x)
    return x


def shaped(
    name: str, x: object, shape: Sequence[int | EllipsisType | None], dtypes: Collection[torch.dtype] = FLOATING
) -> Tensor:
    """`x` is a tensor of one of the dtypes and of a shape: None is any size from 1 on, a leading ... a batch or not."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {kind(x)}")
    if x.dtype not in dtypes:
        raise TypeError(f"{name} must have one of the dtypes {', '.join(map(str, dtypes))}, got {x.dtype}")
    batched = ... in shape and x.ndim == len(shape)
    sizes = [size for size in shape if size is not ...]
    came = x.shape[1:] if batched else x.shape
    extents = zip(came, sizes, strict=False)
    if len(came) != len(sizes) or not all(n == size or (size is None and n > 0) for n, size in extents):
        expected = ", ".join("..." if size is ... else "n" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} must have the shape [{expected}], got {_sizes(x)}")
    return x


def rising(name: str, x: object, length: int | None = None) -> Tensor:
    """`x` is a row of finite numbers, one or more, of which none is below the one before. Reads them."""
    tensor = shaped(name, x, [length])
    if not bool(tensor.isfinite().all() and (tensor.diff() >= 0).all()):
        raise ValueError(f"{name} must be finite numbers that rise, got others among {len(tensor)}")
    return tensor


def without_tangent(name: str, x: Tensor) -> None:
    """`x` is no dual number of forward-mode differentiation: torch's custom ops would drop its tangent silently."""
    if torch.compiler.is_compiling() or forward_ad._current_level < 0:
        return
    unpack: Callable[[Tensor], Any] = forward_ad.unpack_dual
    if unpack(x).tangent is not None:
        raise NotImplementedError(
            f"{name} must carry no forward-mode tangent, since hyra's ops differentiate in reverse mode alone: "
            "use backward() or torch.autograd.grad, got a dual tensor"
        )


def images(name: str, x: object, *, integers: bool = False) -> Tensor:
    """`x` is one image ``[C, H, W]`` or a batch ``[N, C, H, W]``, without empty image dimensions.

    It is floating-point, or with `integers` of uint8 or uint16.
    """
    tensor = pixel_tensor(name, x) if integers else floating_tensor(name, x)
    shape = tensor.shape
    if len(shape) not in (3, 4):
        raise ValueError(f"{name} must be an image [C, H, W] or a batch [N, C, H, W], got shape {tuple(shape)}")
    if 0 in shape[-3:]:
        raise ValueError(f"{name} must have at least one channel, row and column, got shape {tuple(shape)}")
    return tensor


def not_empty(name: str, x: Tensor) -> None:
    """`x`, an image or a batch ``[N, C, H, W]``, holds an image: there is no mean over none."""
    if len(x) == 0:
        raise ValueError(f"{name} must hold at least one image, got shape {tuple(x.shape)}")


def planes(name: str, x: Tensor) -> None:
    """Planes ``[..., H, W]`` have a pixel each; there may be none of them."""
    if 0 in x.shape[-2:]:
        raise ValueError(f"{name} must have at least one row and one column, got shape {tuple(x.shape)}")


def same_shape(name: str, x: Tensor, other_name: str, other: Tensor) -> None:
    """`x` has the shape of `other`."""
    if x.shape != other.shape:
        raise ValueError(f"{name} must have the shape of {other_name}, {tuple(other.shape)}, got {tuple(x.shape)}")


def same_device(name: str, x: Tensor, other_name: str, other: Tensor) -> None:
    """`x` lives where `other` does."""
    if x.device != other.device:
        raise ValueError(f"{name} must be on the device of {other_name}, {other.device}, got {x.device}")


def finite(name: str, x: Tensor) -> None:
    """No element of `x` is NaN or infinite. Reads the pixels."""
    if not x.is_floating_point():
        return
    bad = ~x.isfinite()
    if bad.any():
        first = tuple(int(i) for i in bad.nonzero()[0])
        raise ValueError(
            f"{name} must be finite, got {int(bad.sum())} NaN or infinite values, the first at index {first}"
        )


def not_constant(name: str, x: Tensor) -> None:
    """No image of the batch `x` (or the one image) has the same value everywhere. Reads the pixels."""
    for index, image in enumerate(x if x.ndim == 4 else x[None]):
        if bool((image == image.flatten()[0]).all()):
            which = f"image {index} of the batch" if x.ndim == 4 else "it"
            raise ValueError(
                f"{name} must not be constant, since the standard deviation would be 0: "
                f"{which} is {image.flatten()[0].item():.6g} everywhere"
            )


def _sizes(x: Tensor) -> str:
    return str(list(x.shape)) if x.ndim <= 16 else f"{x.ndim} dimensions"


def kind(value: object) -> str:
    """What `value` is, for the end of a message."""
    return f"{type(value).__name__} {value!r}" if isinstance(value, (int, float, str, bool)) else type(value).__name__
