"""What networks are compared on: their names, and an image with what it should become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from hyra._util import validate
from hyra.analyzer import check_model


def check_models(models: Mapping[str, Any], *others: type) -> None:
    """`models` maps at least one name to a `HyRA`, or to one of the `others`.

    Raises:
        TypeError: it is no mapping, or holds something else.
        ValueError: it is empty.
    """
    if not isinstance(models, Mapping):
        raise TypeError(f"models must be a mapping from names to hyra.HyRA, got {validate.kind(models)}")
    if not models:
        raise ValueError("models must hold at least one network, got none")
    for name, model in models.items():
        if not isinstance(model, others):
            check_model(f"models[{name!r}]", model)


def check_pictures(image: Tensor | None, target: Tensor | None) -> None:
    """Both are single images without NaN or infinite values, where they are given.

    Raises:
        TypeError, ValueError: one is not.
    """
    for name, picture in (("image", image), ("target", target)):
        if picture is not None and validate.images(name, picture).ndim != 3:
            raise ValueError(f"{name} must be one image [C, H, W], got shape {tuple(picture.shape)}")
        if picture is not None:
            validate.finite(name, picture)
