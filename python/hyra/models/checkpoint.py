"""Networks from checkpoints: which weights in the file are the network's, and which architecture they are of."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from hyra._util.extra import extra
from hyra._util.texts import printable
from hyra.models.model import Model, Network, reason
from hyra.models.state_dicts import StateDict, state_dicts
from hyra.models.weights import check_tensors, read_checkpoint

_SHOWN = 4


def load_checkpoint(path: Path, scale: int | Fraction | None, trust_code: bool) -> Model:
    """The network whose weights `path` holds; with `trust_code` also one that was saved whole."""
    content = read_checkpoint(path, trust_code)
    if isinstance(content, torch.nn.Module):
        return Model(cast(Network, content.eval()), f"{path.name} ({type(content).__name__})", scale)
    with extra("models", f"the checkpoint {path.name}"):
        import spandrel
    with suppress(ImportError):  # architectures whose licences spandrel does not share, where the user has them
        importlib.import_module("spandrel_extra_arches").install(ignore_duplicates=True)

    candidates = state_dicts(content)
    for candidate in candidates:
        check_tensors(path, candidate.weights)
    best, architecture = _recognised(path, candidates)
    if architecture is None:
        raise _unknown(path, content, candidates)
    try:
        found = architecture.load(dict(best.weights))
    except Exception as error:
        raise _explained(
            f"{path} resembles {architecture.name}{_in(best)}, but its weights do not fit: {_mismatch(error)}",
            path,
            best,
        ) from error
    if not isinstance(found, spandrel.ImageModelDescriptor):
        raise ValueError(f"{path} must hold a network from one image to one image, got {architecture.name}")
    _check_dtypes(path, found.model, best)
    # spandrel's models take and give 0..1; what its own call adds, clamping and padding, is left out
    return Model(found.model.eval(), f"{path.name} ({architecture.name})", found.scale, 1.0, found.input_channels)


def _recognised(path: Path, candidates: list[StateDict]) -> tuple[StateDict, Any]:
    """The best candidate that has an architecture of spandrel, and that; the next best must not be another network."""
    import spandrel

    known: list[tuple[StateDict, Any]] = []
    for candidate in candidates:
        if known and candidate.rank != known[0][0].rank:
            break
        if any(other.surrounds(candidate) for other, _ in known) or not _numbered_plausibly(candidate.weights):
            continue
        supports = spandrel.MAIN_REGISTRY.architectures("detection")
        if support := next((support for support in supports if support.detect(candidate.weights)), None):
            known.append((candidate, support.architecture))
    if not known:
        return candidates[0] if candidates else StateDict((), (), {}), None
    different = [candidate for candidate, _ in known if not _equal(candidate.weights, known[0][0].weights)]
    if different:
        names = ", ".join(printable(candidate.place, 100) or "its own keys" for candidate in (known[0][0], *different))
        raise _explained(
            f"{path} holds several networks ({names}): save the one that is meant in a file of its own",
            path,
            known[0][0],
        )
    return known[0]


def _equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        one[key].dtype == other[key].dtype and torch.equal(one[key], other[key]) for key in one
    )


def _numbered_plausibly(weights: Iterable[str]) -> bool:
    """Whether layers are numbered as if they were there: spandrel makes as many blocks as the largest number says."""
    keys = list(weights)
    most = 1000 + 10 * len(keys)
    numbers = (part for key in keys for part in key.split(".") if part.isdecimal())
    return all(len(number) < 10 and int(number) <= most for number in numbers)


def _check_dtypes(path: Path, network: torch.nn.Module, found: StateDict) -> None:
    """Refuse what torch would convert without a word: integers, or complex numbers, for weights."""
    expected = network.state_dict()
    for key, weight in found.weights.items():
        is_weight = expected[key].is_floating_point() if key in expected else key.endswith((".weight", ".bias"))
        if is_weight and not weight.is_floating_point():
            raise ValueError(f"{path} must hold floating-point weights, got {weight.dtype} for {printable(key, 80)}")


def _mismatch(error: Exception) -> str:
    """The first thing that does not fit, since torch's own first line says only that something does not."""
    lines = [line.strip().rstrip(".") for line in str(error).splitlines()]
    if len(lines) < 2 or "state_dict" not in lines[0]:
        return reason(error)
    more = f" (and {len(lines) - 2} more)" if len(lines) > 2 else ""
    return printable(lines[1], 200) + more


def _unknown(path: Path, content: object, candidates: list[StateDict]) -> ValueError:
    """What was seen of a file that no architecture fits, and the way on."""
    if not isinstance(content, dict):
        return ValueError(
            f"{path} holds no weights by name: expected a dictionary of tensors, got {type(content).__name__}"
        )
    if not candidates:
        keys = ", ".join(printable(str(key), 60) for key in list(content)[:8]) or "none"
        return ValueError(
            f"{path} holds no weights of a network: expected a dictionary of tensors, its keys are {keys}"
        )
    largest = max(candidates, key=lambda candidate: (len(candidate.weights), _wrappers_off(candidate)))
    shown = (f"{printable(key, 80)} {list(tensor.shape)}" for key, tensor in list(largest.weights.items())[:_SHOWN])
    dots = ", ..." if len(largest.weights) > _SHOWN else ""
    has_more = importlib.util.find_spec("spandrel_extra_arches") is not None
    others = "" if has_more else ", or try pip install spandrel_extra_arches, if its licences suit you"
    return _explained(
        f"{path} holds {len(largest.weights)} tensors{_in(largest)} of no architecture that spandrel recognises "
        f"({', '.join(shown)}{dots}): make the network in a Python file, and name it as file.py:NAME{others}",
        path,
        largest,
    )


def _wrappers_off(candidate: StateDict) -> int:
    """How many prefixes of torch's own wrappers have been taken off, and none of the network's."""
    return len(candidate.prefix) if {"module", "_orig_mod"}.issuperset(candidate.prefix) else 0


def _in(place: StateDict) -> str:
    return f" under {printable(place.place, 100)!r}" if place.place else ""


def _explained(sentence: str, path: Path, place: StateDict) -> ValueError:
    """The sentence, with the file that the user would write as its note."""
    reading = (
        "safetensors.torch.load_file({!r})"
        if path.suffix.lower() == ".safetensors"
        else "torch.load({!r}, 'cpu', weights_only=True)"
    )
    weights = reading.format(str(path)) + "".join(f"[{key!r}]" for key in place.keys)
    if place.prefix:
        prefix = ".".join((*place.prefix, ""))
        weights = f"{{key.removeprefix({prefix!r}): value for key, value in {weights}.items()}}"
    error = ValueError(sentence)
    error.add_note(
        "For example, in a file upscaler.py, then named as upscaler.py:network:\n"
        f"    import {reading.partition('.load')[0]}\n"
        "    from my_networks import Network  # the class that was trained\n"
        "    network = Network()\n"
        f"    network.load_state_dict({weights})"
    )
    return error
