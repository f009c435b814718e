"""Mean and variance of impulse responses over many positions, and how far each is from a reference."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hyra._native import kernels
from hyra._native.op import op

_State = tuple[Tensor, Tensor, Tensor, Tensor]


@op(
    outputs="real [N, C, H, W]",
    origins="int64 [N, M, 2]",
    reference="real [C, kh, kw]",
    origin=(range(-(1 << 31), 1 << 31), range(-(1 << 31), 1 << 31)),
    state=("count: int64 [kh, kw]", "mean: float64 [C, kh, kw]", "m2: float64 [C, kh, kw]"),
)
def response_moments(
    outputs: Tensor, origins: Tensor, reference: Tensor, origin: Sequence[int], state: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Align the responses in a batch of network outputs, and carry their running mean and M2 on.

    Each probed position has a window as large as the reference, laid so that sample `origin` of the window falls on the
    position's pixel in `origins`. The windows are taken in order, image by image, with Welford's update in float64:
    ``delta = x - mean; mean += delta / count; m2 += delta * (x - mean)``, so thousands of positions can stream through
    in batches, and where a batch ends makes no difference to the bits. The variance is ``m2 / count``.

    A window may reach over the border of its image: samples outside count nowhere, which is why each sample has a count
    of its own. (In a packed image the caller keeps windows from overlapping.) A position whose origin lies outside the
    image is left out, and its deviations are NaN.

    Args:
        outputs: ``[N, C, H, W]``, float32 or float64, what the network returned.
        origins: ``[N, M, 2]`` int64, HR row and column of each probed cell (scale times the LR position).
        reference: ``[C, kh, kw]``, the dtype of the outputs: the response to compare with, such as that of the centre.
        origin: Row and column of the probed cell in the reference.
        state: What the batches before have left: ``count``, ``[kh, kw]`` int64, the windows seen; ``mean``,
            ``[C, kh, kw]`` float64; ``m2``, the same, their summed squared deviation from the mean. Zeros at first.

    Returns:
        The new ``count``, ``mean`` and ``m2``, which are the next state, and ``deviation``, ``[N, M, 2]`` float64: the
        relative L2 distance from the reference over the samples inside, and the largest distance over the peak
        magnitude of the reference. Both are NaN where an output is.

    Raises:
        ValueError: the reference has no sample, or a tensor of the state another shape or type.

    Example:
        Two impulses in a row of four pixels, seen through a window of one pixel on either side. The left response is
        that of the reference, the right one half of it; the window of the right one loses a sample to the border.

        >>> outputs = torch.tensor([[[[2.0, 1.0, 0.5, 1.0]]]], dtype=torch.float64)
        >>> reference = torch.tensor([[[1.0, 2.0, 1.0]]], dtype=torch.float64)
        >>> state = [torch.zeros(1, 3, dtype=torch.int64), *torch.zeros(2, 1, 1, 3, dtype=torch.float64)]
        >>> origins = torch.tensor([[[0, 0], [0, 3]]])
        >>> count, mean, m2, deviation = response_moments(outputs, origins, reference, [0, 1], state)
        >>> count.tolist(), mean.tolist(), m2.tolist()
        ([[1, 2, 1]], [[[0.5, 1.5, 1.0]]], [[[0.0, 0.5, 0.0]]])
        >>> deviation.tolist()
        [[[0.0, 0.0], [0.5, 0.5]]]
    """
    count, mean, m2 = (x.clone() for x in state)
    height, width = outputs.shape[-2:]
    rows = torch.arange(reference.shape[1], device=outputs.device) - origin[0]
    columns = torch.arange(reference.shape[2], device=outputs.device) - origin[1]
    deviation = outputs.new_zeros((*origins.shape[:2], 3), dtype=mean.dtype)
    for n, image in enumerate(outputs.to(mean.dtype)):
        for m, (row, column) in enumerate(origins[n].tolist()):
            if not (0 <= row < height and 0 <= column < width):
                continue
            y, x = (row + rows)[:, None], column + columns
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            window = image[:, y.clamp(0, height - 1), x.clamp(0, width - 1)]
            count += inside
            delta = torch.where(inside, window - mean, 0)
            mean += delta / count.clamp(min=1)
            m2 += torch.where(inside, delta * (window - mean), 0)
            off = torch.where(inside, window - reference, 0)
            expected = torch.where(inside, reference, 0).to(mean.dtype)
            deviation[n, m] = torch.stack([off.square().sum(), expected.square().sum(), off.abs().amax()])
    return count, mean, m2, _relative(deviation, reference)


def _relative(deviation: Tensor, reference: Tensor) -> Tensor:
    """``[N, M, 2]`` from ``[N, M, 3]``: squared deviation, squared reference and largest deviation."""
    squared, energy, largest = deviation.unbind(-1)
    peak = reference.abs().amax().to(deviation.dtype)
    relative = (squared / energy).sqrt()
    return torch.stack([relative, torch.where(relative.isnan(), torch.nan, largest / peak)], dim=-1)


@response_moments.register_native
def _kernel(
    outputs: Tensor, origins: Tensor, reference: Tensor, origin: Sequence[int], state: Sequence[Tensor]
) -> _State:
    images, channels, height, width = outputs.shape
    impulses, (_, kh, kw) = origins.shape[1], reference.shape
    # On a CPU a part is about eight rows of the window in one channel; on a GPU a block has the whole window.
    parts = channels * (1 + kh // 8) if kernels.backend(outputs) == "cpu" else 1
    new_count, new_mean, new_m2, _ = _fake(outputs, origins, reference, origin, state)
    deviation = outputs.new_empty((images, impulses, parts, 3), dtype=torch.float64)
    inputs = (outputs, reference, origins, *state)
    extents = (images, impulses, channels, height, width, kh, kw, *origin, parts)
    kernels.call("response_moments", (new_count, new_mean, new_m2, deviation), inputs, *extents)
    merged = torch.cat([deviation[..., :2].sum(2), deviation[..., 2:].amax(2)], dim=-1)
    return new_count, new_mean, new_m2, _relative(merged, reference)


@response_moments.register_fake
def _fake(
    outputs: Tensor, origins: Tensor, reference: Tensor, origin: Sequence[int], state: Sequence[Tensor]
) -> _State:
    count, mean, m2 = state
    deviation = mean.new_empty((*origins.shape[:2], 2))
    return count.new_empty(count.shape), mean.new_empty(mean.shape), m2.new_empty(m2.shape), deviation
