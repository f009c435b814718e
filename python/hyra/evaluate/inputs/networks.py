"""Networks as methods of an evaluation: from LR images to scores, without a file in between."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hyra._util.warnings import warn
from hyra.evaluate.inputs.methods import Method
from hyra.evaluate.inputs.outputs import NetworkOutput
from hyra.evaluate.inputs.running import NetworkSpec
from hyra.evaluate.work.sources import File, Source
from hyra.images.names import SUFFIXES
from hyra.images.pairing import pair


@dataclass(frozen=True)
class NetworkMethod(Method):
    """A network instead of a folder of images; `sr` is what `hyra.models.load` takes.

    Attributes:
        spec: the network.
        lr: the folder of its inputs, matched with the references by name; None: they are made from these.
        seed: see `NetworkOutput`.
        network: its name, where this is one of several seeds of it.
        save: a folder to keep its outputs in, as ``METHOD/xSCALE/IMAGE.png``, which `--layout` takes; None: nowhere.

    Example:
        >>> import tempfile, torch, hyra
        >>> from hyra.evaluate.evaluation import evaluate
        >>> from hyra.evaluate.work.plan import Plan
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     hr = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))
        ...     hyra.images.write(hr, f"{folder}/a.png")
        ...     methods = network_methods([NetworkSpec.find("bicubic", 2), NetworkSpec.find("demo-x2")], Path(folder))
        ...     result = evaluate(methods, Plan(("psnr",)))
        >>> [(line.method, line.images) for line in result.summaries()]
        [('bicubic', 1), ('demo-x2', 1)]
    """

    spec: NetworkSpec | None = None
    lr: Path | None = None
    seed: int = 0
    network: str = ""
    save: Path | None = None

    def sources(self, *, allow_missing: bool = False) -> list[tuple[Source, Source]]:
        """Its outputs with their references; what is left out is warned of."""
        return [(output, File(output.hr)) for output in self.outputs(allow_missing=allow_missing)]

    def outputs(self, *, allow_missing: bool = False) -> list[NetworkOutput]:
        """One for each reference with an input.

        Raises:
            NotADirectoryError: a folder is not there.
            ValueError: there is no image, or without `allow_missing` one has no partner or several.
        """
        if self.lr is None:
            return [self._output(None, hr) for hr in _images(self.hr)]
        pairing = pair(self.lr, self.hr, self.template)
        pairs = pairing.require(allow_missing=allow_missing)
        if left := pairing.left_out():
            warn(f"left out: {left}")
        return [self._output(lr, hr) for lr, hr in pairs]

    @property
    def folder(self) -> Path | None:
        """Where its outputs are kept."""
        if self.save is None:
            return None
        name = re.sub(r"^\.|[^\w.,+#@ -]", "_", self.name)
        if name != self.name:  # two that are one without their special characters stay two
            name += f"-{hashlib.sha256(self.name.encode()).hexdigest()[:8]}"
        return self.save / name / f"x{self.scale:g}"

    def _output(self, lr: Path | None, hr: Path) -> NetworkOutput:
        if self.spec is None:
            raise ValueError("spec must be the network, got None")
        file = None if self.folder is None else self.folder / f"{hr.stem}.png"
        return NetworkOutput(self.spec, lr, hr, self.seed, file)


def _images(folder: Path) -> list[Path]:
    """The images of a folder by name, each name once."""
    if not folder.is_dir():
        raise NotADirectoryError(f"no such folder: {folder}")
    files: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.suffix.lower() in SUFFIXES and not file.name.startswith("."):
            other = files.setdefault(file.stem, file)
            if other is not file:
                raise ValueError(f"{other.name} and {file.name} in {folder} have the same name")
    if not files:
        raise ValueError(f"{folder} must hold images, got none")
    return list(files.values())


def network_methods(
    specs: Sequence[NetworkSpec],
    hr: Path,
    lr: str | Path | None = None,
    *,
    template: str | None = None,
    seeds: int | None = None,
    name: str | None = None,
    save: Path | None = None,
) -> list[NetworkMethod]:
    """Methods of several networks, each named after its file, or with the whole of `model` where these are the same.

    Args:
        specs: the networks.
        hr: the folder of references.
        lr: the folder of their inputs, where ``{scale}`` stands for the scale; None: they are made from the references.
        template: how the inputs are named, see `hyra.images.pair`.
        seeds: how often to run each, with other random numbers: ``demo#0``, ``demo#1`` ...; once when None.
        name: what to call them, in place of that.
        save: a folder to keep the outputs in, see `NetworkMethod`.
    """
    short = [Path(spec.model).name for spec in specs]
    distinct = len(set(zip(short, (spec.scale for spec in specs), strict=True))) == len(specs)
    methods = []
    for spec, named in zip(specs, short if distinct else [spec.model for spec in specs], strict=True):
        network = name or named
        folder = None if lr is None else Path(str(lr).replace("{scale}", f"{float(spec.scale):g}"))
        for seed in range(seeds or 1):
            full = network if seeds is None else f"{network}#{seed}"
            methods.append(
                NetworkMethod(
                    full,
                    float(spec.scale),
                    Path(spec.model),
                    hr,
                    template,
                    spec=spec,
                    lr=folder,
                    seed=seed,
                    network="" if seeds is None else network,
                    save=save,
                )
            )
    return methods
