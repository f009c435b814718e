"""What blocks of pixels contribute, by central differences: for networks that no gradients pass through."""

from __future__ import annotations

import torch
from torch import Tensor

from hyra.attribution.detail import Window, detail
from hyra.network.wrapper import Network
from hyra.probing.batching import run_in_batches

_STEP = 0.02
"""Of the path, that a block is moved back and forth. The error of the differences falls with its square, while that of
rounding grows as it falls: in float32, 0.02 leaves both below 0.1 % of the contribution of the whole image."""


def block_slopes(
    network: Network, image: Tensor, change: Tensor, windows: list[Window], *, block: int, batch_size: int | None
) -> Tensor:
    """The derivative of each window's detail as each block of an image `[C, h, w]` changes by `change`.

    Returns:
        `[W, C, h, w]` float64, spread evenly over the pixels and colours of a block.
    """
    height, width = image.shape[-2:]
    places = [(y, x) for y in range(0, height, block) for x in range(0, width, block)]
    changes = change.to(image)

    def moved(indices: Tensor) -> Tensor:
        images = image.repeat(len(indices), 1, 1, 1)
        for moved_image, index in zip(images, indices.tolist(), strict=True):
            y, x = places[index // 2]
            part = (slice(None), slice(y, y + block), slice(x, x + block))
            moved_image[part] += (_STEP if index % 2 else -_STEP) * changes[part]
        return network.run(images)

    total = change.new_zeros(len(windows), *image.shape)
    indices = torch.arange(2 * len(places), device=image.device)
    for start, outputs in run_in_batches(moved, indices, batch_size):
        numbers = torch.stack([detail(outputs.double(), window) for window in windows])
        for index, number in enumerate(numbers.unbind(1), start):
            y, x = places[index // 2]
            part = total[..., y : y + block, x : x + block]
            sign = 1 if index % 2 else -1
            part += (sign * number / (2 * _STEP * part[0].numel()))[:, None, None, None]
    return total
