"""Train a demo network: `python -m hyra.demo.train --scale 4`. This script made the bundled weights."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hyra._util.extra import extra
from hyra._util.files import replacing
from hyra.demo.adversarial import AdversarialLoss
from hyra.demo.network import Network, load, save, super_resolve
from hyra.demo.patches import Patches, validation_pairs
from hyra.images.resampling import enlarge
from hyra.scores.loss import FSDSLoss
from hyra.scores.pixelwise import psnr

Loss = Callable[[Tensor, Tensor], Tensor]
OnStep = Callable[[int, Network, float], None]


def _mean_gain(network: Network, pairs: list[tuple[Tensor, Tensor]]) -> float:
    """Mean PSNR gain over bicubic, in dB."""
    gains = [psnr(super_resolve(network, lr), hr) - psnr(enlarge(lr, network.scale), hr) for lr, hr in pairs]
    return float(sum(gains)) / len(gains)


def train(
    network: Network,
    *,
    steps: int,
    loss: Loss = F.l1_loss,
    on_step: OnStep | None = None,
    checkpoint: Path | None = None,
    learning_rate: float = 1e-3,
    batch: int = 8,
    patch: int = 40,
    report_every: int = 500,
    bfloat16: bool = True,
    seed: int = 0,
) -> Network:
    """Train `network` in place on the CPU with Adam and a cosine schedule, showing the rate and the time left.

    Args:
        network: what to train; its `scale` decides the data.
        steps: number of batches.
        loss: `(preds, target) -> scalar`, on float32 images [batch, 3, scale*patch, scale*patch] with `target` in 0..1.
            A loss with a state worth keeping is an `nn.Module`; its state then stands in the checkpoint too.
        on_step: called after each step with the number of steps done, the network and the loss: the place for a
            tracker that records, say, the impulse response while it takes shape.
        checkpoint: file written with each report; if it exists, training (of as many `steps`) goes on from it.
        learning_rate: at the first step; it falls to 0 along half a cosine.
        batch: patches per step.
        patch: side of a patch in LR pixels.
        report_every: steps between two reports of the gain on the validation strips.
        bfloat16: run the network in bfloat16 (autocast); the weights and the loss stay float32.
        seed: decides the data. The initial weights are the caller's.

    Returns:
        `network`.

    Raises:
        ValueError: `steps` is below 1, or `patch` does not fit into every photograph.
        ModuleNotFoundError: a package of the `demo` extra is missing; the message names the extra to install.

    Example:
        >>> from hyra.demo import Network
        >>> from hyra.demo.train import train
        >>> losses = []
        >>> network = train(Network(2), steps=2, batch=1, on_step=lambda step, network, loss: losses.append(loss))
        >>> len(losses)
        2
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1; got {steps}")
    with extra("demo", "hyra.demo"):
        from tqdm import trange

    generator = torch.Generator().manual_seed(seed)
    patches = Patches(network.scale, patch, batch, generator)
    validation = validation_pairs(network.scale)
    network.train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    stateful: dict[str, Any] = {"network": network, "optimizer": optimizer, "schedule": schedule}
    if isinstance(loss, nn.Module):
        stateful["loss"] = loss

    done = 0
    if checkpoint is not None and checkpoint.exists():
        state = torch.load(checkpoint)
        for name, part in stateful.items():
            part.load_state_dict(state[name])
        generator.set_state(state["generator"])
        done = state["done"]

    progress = trange(done, steps, initial=done, total=steps, mininterval=1)
    for step in progress:
        lr, hr = patches.draw()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            preds = network(lr.contiguous(memory_format=torch.channels_last))
        value = loss(preds.float(), hr)
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        done = step + 1
        if on_step is not None:
            on_step(done, network, float(value.detach()))
        if done % report_every == 0 or done == steps:
            progress.set_postfix_str(f"validation {_mean_gain(network, validation):+.2f} dB over bicubic")
            if checkpoint is not None:
                parts = {name: part.state_dict() for name, part in stateful.items()}
                with replacing(checkpoint) as opened:  # being killed costs at most the last interval
                    torch.save({**parts, "generator": generator.get_state(), "done": done}, opened)
    return network


def _l1_and_fsds() -> Loss:
    fsds = FSDSLoss()
    return lambda preds, target: F.l1_loss(preds, target) + 1e-3 * fsds(preds, target)


_LOSSES: dict[str, Callable[[], Loss]] = {"l1": lambda: F.l1_loss, "fsds": _l1_and_fsds, "adversarial": AdversarialLoss}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m hyra.demo.train", description=__doc__)
    parser.add_argument("--scale", type=int, choices=(2, 4), default=4)
    parser.add_argument("--kind", choices=_LOSSES, default="l1", help="fsds and adversarial come on top of L1")
    parser.add_argument("--fine-tune", action="store_true", help="go on from the bundled L1 network, in smaller steps")
    parser.add_argument("--steps", type=int, default=8000, help="default: %(default)s")
    parser.add_argument("--out", type=Path, help="default: x<scale>-<kind>.safetensors, with a checkpoint beside it")
    parser.add_argument("--float32", action="store_true", help="for processors without bfloat16 arithmetic")
    args = parser.parse_args()

    out: Path = args.out or Path(f"x{args.scale}-{args.kind}.safetensors")
    torch.manual_seed(0)
    network = load(args.scale).requires_grad_() if args.fine_tune else Network(args.scale)
    train(
        network,
        steps=args.steps,
        loss=_LOSSES[args.kind](),
        learning_rate=2e-4 if args.fine_tune else 1e-3,
        checkpoint=out.with_suffix(".checkpoint"),
        bfloat16=not args.float32,
    )
    save(network, out)


if __name__ == "__main__":
    main()
