"""What a process waits for before it has a number: torch, and no other library before it is used."""

import subprocess
import sys

LATE = ("torch._dynamo", "scipy.stats", "scipy.optimize", "scipy.fft", "matplotlib", "PIL", "rich", "plotly", "ray")

CALLS = """
import sys
import torch
from torch import nn
before = set(sys.modules)
import hyra

def loaded(*late):
    return [name for name in late if name in sys.modules and name not in before]

print(loaded(*{late}))
x = torch.rand(1, 3, 48, 40, requires_grad=True)
hyra.fsds(x, x.detach().flip(-1)).sum().backward()
hyra.ssim(x, x.detach().flip(-1)).sum().backward()
model = hyra.HyRA(nn.Sequential(nn.Conv2d(3, 12, 3, padding=1, bias=False), nn.PixelShuffle(2)))
model.probe()
print(loaded("torch._dynamo", "scipy.stats", "matplotlib"))
"""


def test_libraries_are_loaded_when_they_are_used():
    done = subprocess.run(
        [sys.executable, "-c", CALLS.replace("{late}", repr(LATE))], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]", "[]"]
