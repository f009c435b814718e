r"""The energy of an image's quadrant integrals as a quadratic form of its pixels, which needs no transform of it.

The integral of a spectrum over its rows ``m <= i`` and columns ``n <= j`` is linear in the pixels z, so its energy is a
quadratic form, and one that falls apart into the axes: ``E = sum of z(y, x) z(y', x') A(y, y') B(x, x')``. A belongs to
the frequencies of the rows, summed from 0 upwards and from -1 downwards, and B to those of a half spectrum's columns,
summed from 0 upwards.

**Rows.** With ``w = exp(-2 pi i y / H)``, row y > 0 enters the sum over the frequencies 0 to m by ``a (1 - w^(m + 1))``
and the sum over -1 to -(m + 1) by ``-a (1 - w^-(m + 1))``, where ``a(y) = 1 / (1 - w) = (1 - i cot(pi y / H)) / 2``. A
is the product of two rows' entries, summed over m from 0 to R - 1 and over both directions. With H = 2 R even (here the
appended row matters), the powers of w add up to 0 over even distances and, both directions together, to a constant
over odd ones. What is left is a diagonal and terms of rank one::

    A(y, y') = 2 R |a(y)|^2 [y = y'] + 2 R a(y) a*(y') + 4 odd(y) a(y) odd(y') a*(y')
    A(0, y') = conj c(y'),  c(y) = -(R / 2) (-1)^y (i cot + cot^2)(pi y / H)
    A(0, 0)  = R (R + 1) (2 R + 1) / 3

with ``odd`` 1 in odd rows and 0 in even ones. The mixed term is a difference of two squares: with the four sums over
the rows ``u = z(0) + gamma, z(0) - gamma, alpha, beta``, where alpha is the sum of ``a(y) z(y)``, beta that of
``odd(y) a(y) z(y)`` and gamma that of ``c(y) z(y) / R^3`` (a scale at which z(0) and gamma weigh alike)::

    E = sum over y of A(y, y) E_B(z(y)) + sum over k of weight(k) E_B(u(k)),   weights R^3 / 2, -R^3 / 2, 2 R, 4

and E_B the energy of one row's integral. For the complex rows u it takes their transform.

**Columns.** The rows z(y) are real, so they see the real part of B alone. With ``s = sin(pi x / W)`` and K columns in
the half spectrum, what depends on the distance d of two columns is ``sin(2 pi K d / W) / (8 s s' sin(pi d / W))``. As
2 K is W + 2 or W + 1, that is ``W / (8 s^2)`` on the diagonal, and besides a product of a function of x and one of x',
or the sum of two. So E_B of a real row is its sum of ``diagonal * z^2``, plus a form (`coupling`) of its first pixel
and of its sums of 1, cot and cot^2 over even and over odd columns; where W is odd, of 1, cot, 1 / s^2, cot / s and
1 / s.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import torch
from torch import Tensor

SUMS = 4  # over the rows


@dataclass(frozen=True)
class IntegralForm:
    """What depends on the size of the planes alone.

    ``tables`` is one float64 array, in the order of csrc/core/integral_form.hpp; ``features`` counts the functions that
    a row is summed with; ``weights``, ``[4, 1]``, are those of the sums over the rows.
    """

    tables: Tensor
    features: int
    weights: Tensor

    @classmethod
    def to_fill(cls, rows: int, columns: int, like: Tensor) -> Self:
        """Memory for the form on a GPU, which the kernel fills in every call.

        So no table is shared by streams, freed while one of them reads it or copied from the host, and a first call can
        be captured like any other.
        """
        features = 3 if columns % 2 == 0 else 5
        before = 2 * rows + (1 + features) * columns + (1 + 2 * features) ** 2
        tables = like.new_empty(before + SUMS + 1 + 2 * columns, dtype=torch.float64)  # 1: see `twiddles` there
        return cls(tables, features, tables[before : before + SUMS, None])


@lru_cache(maxsize=64)
def integral_form(rows: int, columns: int) -> IntegralForm:
    """The form of planes of this size, on the CPU."""
    diagonal, features, coupling = _columns(columns)
    half = (rows + 1) // 2
    weights = diagonal.new_tensor([half**3 / 2, -(half**3) / 2, 2 * half, 4])
    tables = torch.cat([x.flatten() for x in (*_rows(rows), diagonal, features, coupling, weights)])
    return IntegralForm(tables, len(features), weights[:, None])


def _rows(rows: int) -> tuple[Tensor, Tensor]:
    """The diagonal of A, and the cotangents."""
    half = (rows + 1) // 2
    _, cotangent = _angles(2 * half)
    diagonal = half / 2 * (1 + cotangent.square())
    diagonal[0] = half * (half + 1) * (2 * half + 1) / 3
    return diagonal[:rows], cotangent[:rows]


def _columns(columns: int) -> tuple[Tensor, Tensor, Tensor]:
    """The diagonal of Re B, the features ``[F, W]``, and the coupling ``[1 + 2 F, 1 + 2 F]`` of a row's sums.

    The sums are its first pixel, then each feature's over the even and over the odd columns.
    """
    count = columns // 2 + 1
    sine, cotangent = _angles(columns)
    diagonal = columns / 8 / sine.square()
    diagonal[0] = count * (count + 1) * (2 * count + 1) / 6
    one = torch.ones_like(sine)
    if columns % 2 == 0:
        features, coupling = [one, cotangent, cotangent.square()], _even_coupling(count)
    else:
        features, coupling = [one, cotangent, 1 / sine.square(), cotangent / sine, 1 / sine], _odd_coupling(count)
    table = torch.stack(features)
    table[:, 0] = 0
    return diagonal, table, coupling


def _even_coupling(count: int) -> Tensor:
    first, even, odd, even_cot, odd_cot, even_square, odd_square = torch.eye(7, dtype=torch.float64, device="cpu")
    one, cot = even + odd, even_cot + odd_cot
    with_first = (count + 1) ** 2 * even + count**2 * odd - (count - 1) * even_square + count * odd_square
    return (
        ((count + 3) * _square(one) + (count - 1) * _square(cot)) / 4
        + _square(odd)
        + _square(odd_cot)
        + (_product(one, odd_square - 3 * odd) + _product(first, with_first)) / 4
    )


def _odd_coupling(count: int) -> Tensor:
    first, *sums = torch.eye(11, dtype=torch.float64, device="cpu")
    one, cot, square = (sums[i] + sums[i + 1] for i in (0, 2, 4))
    alternating_cot, alternating = (sums[i] - sums[i + 1] for i in (6, 8))  # of (-1)^x cot / s and (-1)^x / s
    with_first = count * (count + 1) * one + square / 2 - count * alternating_cot
    return (
        count / 4 * (_square(one) + _square(cot))
        + (_product(one, square - alternating_cot) - _product(cot, alternating) + _square(alternating)) / 8
        + _product(first, with_first) / 4
    )


def _square(v: Tensor) -> Tensor:
    return torch.outer(v, v)


def _product(u: Tensor, v: Tensor) -> Tensor:
    return torch.outer(u, v) + torch.outer(v, u)


def _angles(size: int) -> tuple[Tensor, Tensor]:
    """Sine and cotangent of ``pi k / size`` for k in [0, size), with 1 and 0 at k = 0."""
    k = torch.arange(size, dtype=torch.float64, device="cpu")
    nearest = torch.minimum(k, size - k) * (torch.pi / size)  # from the nearer end, for the digits of a small sine
    sine = nearest.sin()
    sine[0] = 1
    cotangent = nearest.cos() / sine * torch.where(2 * k > size, -1, 1)
    cotangent[0] = 0
    return sine, cotangent
