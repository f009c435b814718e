"""Files for the command line to work on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hyra import images


@pytest.fixture
def photograph(tmp_path) -> Path:
    """A small picture with edges and texture, 64x48."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 48), torch.linspace(0, 1, 64), indexing="ij")
    picture = torch.stack([(20 * x * y).sin(), (x > y).float(), x]) * 0.4 + 0.3 + 0.05 * torch.rand(3, 48, 64)
    path = tmp_path / "photograph.png"
    images.write(picture, path)
    return path
