"""The state dictionaries in a checkpoint: where training code hides the weights of one network among all it saved.

They lie in dictionaries of dictionaries (``{"params_ema": {...}}``), under prefixes of their keys
(``module.net_g.conv.weight``), or both. Nothing here knows an architecture: it lists what may be a network's, best
first, and who knows architectures takes the first that is one.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import Tensor

_AVERAGED = {"ema", "swa", "averaged", "shadow"}
_GENERATOR = {"g", "netg", "gen", "generator"}
_OTHER = {
    *("d", "netd", "dis", "disc", "discriminator", "critic"),
    *("optim", "optimizer", "optimizers", "scheduler", "schedulers", "scaler", "callbacks", "loops", "rng"),
    *("loss", "losses", "criterion", "perceptual", "vgg", "lpips", "metric", "metrics", "teacher"),
}
_PREFIXES = 6
"""How many parts of a prefix may be taken off: module._orig_mod.model.net_g is four."""


@dataclass(frozen=True)
class StateDict:
    """Tensors by name, and where they were: the keys of the dictionaries around them, and the prefix of their own."""

    keys: tuple[str, ...]
    prefix: tuple[str, ...]
    weights: dict[str, Tensor] = field(repr=False)

    @property
    def place(self) -> str:
        """For a message: ``params_ema``, or ``state_dict: module.net_g.``."""
        return ": ".join(filter(None, (" > ".join(self.keys), "".join(f"{part}." for part in self.prefix))))

    @property
    def rank(self) -> tuple[bool, bool]:
        """Averaged weights before others, a generator's before the rest; smaller is better."""
        words = {word for part in (*self.keys, *self.prefix) for word in _words(part)}
        return not words & _AVERAGED, not words & _GENERATOR

    def surrounds(self, other: StateDict) -> bool:
        """Whether `other` is the same dictionary with more of a prefix taken off."""
        return self.keys == other.keys and other.prefix[: len(self.prefix)] == self.prefix


def state_dicts(checkpoint: object) -> list[StateDict]:
    """All that may be the weights of a network from image to image, best first; those of discriminators are not."""
    candidates = [
        candidate
        for keys, weights in _dictionaries(checkpoint)
        if not any(_is_other(key) for key in keys)
        for candidate in _without_prefixes(StateDict(keys, (), weights))
    ]
    return sorted(candidates, key=lambda candidate: (candidate.rank, len(candidate.keys), len(candidate.prefix)))


def _dictionaries(checkpoint: object) -> Iterator[tuple[tuple[str, ...], dict[str, Tensor]]]:
    """Each dictionary that holds tensors, once, however they are nested (a hostile file nests without end)."""
    queue: deque[tuple[tuple[str, ...], object]] = deque([((), checkpoint)])
    seen = set()
    while queue:
        keys, value = queue.popleft()
        if not isinstance(value, dict) or id(value) in seen:
            continue
        seen.add(id(value))
        named = {key: item for key, item in value.items() if isinstance(key, str)}
        if weights := {key: item for key, item in named.items() if isinstance(item, Tensor)}:
            yield keys, weights
        if len(keys) < 8:  # deeper than any trainer saves
            queue.extend(((*keys, key), item) for key, item in named.items() if isinstance(item, dict))


def _without_prefixes(whole: StateDict) -> Iterator[StateDict]:
    """`whole`, and what remains when the prefix of one network is taken off, again and again."""
    yield whole
    if len(whole.prefix) == _PREFIXES:
        return
    groups: dict[str, dict[str, Tensor]] = {}
    for key, tensor in whole.weights.items():
        first, dot, rest = key.partition(".")
        if dot or tensor.numel() > 1:  # no counter beside the weights, such as n_averaged
            groups.setdefault(first, {})[rest] = tensor
    own = [name for name in groups if not _is_other(name)]
    for name in own:
        if "" not in groups[name] and (len(own) == 1 or _is_role(name)):
            yield from _without_prefixes(StateDict(whole.keys, (*whole.prefix, name), groups[name]))


def _words(name: str) -> list[str]:
    """The words of a name, split as people join them: netG, net_g, model-ema. Conv2d has no word d."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+[a-z]*", name)]


def _is_other(name: str) -> bool:
    return not _OTHER.isdisjoint(_words(name))


def _is_role(name: str) -> bool:
    return not (_AVERAGED | _GENERATOR).isdisjoint(_words(name))
