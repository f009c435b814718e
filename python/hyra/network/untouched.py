"""Leaving a module as it was found, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from torch import Tensor, nn


@contextmanager
def evaluating(module: nn.Module | None, device: torch.device | None) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards training flags, parameters, buffers and random state are restored.

    Values are compared and copied back, since networks that merge their branches for inference write into their own
    parameters in `forward`, past every version counter.
    """
    cuda = [device] if device is not None and device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda), torch.no_grad():
        if module is None:
            yield
            return
        flags = [(part, part.training) for part in module.modules()]
        tensors = [saved for part, _ in flags for saved in _save(part)]
        try:
            if any(flag for _, flag in flags):
                with suppress(NotImplementedError):  # exported programs refuse, having no training mode
                    module.eval()
            yield
        finally:
            for part, flag in flags:
                part.training = flag
            for saved in tensors:
                _restore(*saved)


_Saved = tuple[nn.Module, str, Tensor, Tensor, Tensor]


def _save(part: nn.Module) -> list[_Saved]:
    named = [*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)]
    return [(part, name, tensor, tensor.data, tensor.detach().clone()) for name, tensor in named]


def _restore(part: nn.Module, name: str, tensor: Tensor, data: Tensor, value: Tensor) -> None:
    if getattr(part, name, None) is not tensor and not isinstance(part, torch.jit.ScriptModule):
        setattr(part, name, tensor)
    if tensor.data_ptr() != data.data_ptr():
        tensor.data = data
    if not torch.equal(data, value):
        data.copy_(value)
