"""What is to be evaluated, in a file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyra._util import validate
from hyra._util.texts import message
from hyra.evaluate.inputs.methods import Method
from hyra.evaluate.inputs.networks import network_methods
from hyra.evaluate.inputs.running import at_scales
from hyra.evaluate.work.plan import Plan

_TOP = ("hr", "scores", "protocol", "modcrop", "device", "method")
_KEYS = ("name", "scale", "sr", "hr", "template")
_NETWORK_KEYS = (
    *("name", "scale", "model", "lr", "hr", "template"),
    *("input_range", "tile", "halo", "seeds", "inputs", "input_size", "adapter"),
)
_TEXTS = ("name", "sr", "hr", "model", "lr", "template", "adapter")


def from_manifest(
    file: Path, *, device: str | None = None, trust_code: bool = False, save: Path | None = None
) -> tuple[list[Method], dict[str, Any]]:
    """The methods of a TOML file, and its settings; folders and files of networks are relative to the file.

    A method has either ``sr``, a folder of images, or ``model``, a network, whose name, scale, and folder of inputs
    (``lr``) may be left out; ``inputs`` is a table of what it needs beside the image. Several scales are a list;
    ``{scale}`` stands for each in ``sr``, ``model`` and ``lr``.

    Args:
        file: the manifest.
        device: where networks run, in place of what the file says.
        trust_code: whether code in files of networks may run: a file cannot say that of itself.
        save: a folder to keep the outputs of networks in.

    Example of a file::

        hr = "DIV2K/HR"
        protocol = "div2k"
        scores = ["psnr", "ssim", "fsds"]

        [[method]]
        name = "EDSR"
        scale = [2, 4]
        sr = "results/EDSR/x{scale}"

        [[method]]
        name = "SwinIR"
        model = "swinir_x4.pth"
        tile = 256

    Raises:
        ValueError: it is no TOML, or has a key, a type or a value that has no meaning here.
    """
    try:
        contents = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} must be TOML, got: {message(error)}") from error
    try:
        _only(contents, _TOP)
        hr, tables = contents.pop("hr", None), contents.pop("method", [])
        validate.instance("method", tables, list)
        plan = Plan(**contents)
        networks = _Networks(device or plan.device, trust_code, save)
        methods = [method for table in tables for method in _of_table(table, hr, file.parent, networks)]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file}: {message(error)}") from error
    if not methods:
        raise ValueError(f"{file} must have at least one [[method]], got none")
    return methods, contents


@dataclass(frozen=True)
class _Networks:
    """What holds of all networks of a file."""

    device: str
    trust_code: bool
    save: Path | None

    def methods(self, table: Mapping[str, Any], folder: Path) -> Sequence[Method]:
        """Those of a table: a network at each scale, with each seed."""
        scales = [validate.scale("scale", scale) for scale in _scales(table)] if "scale" in table else []
        for key in ("tile", "seeds", "halo"):
            if key in table:
                validate.integer(key, table[key], int(key != "halo"))
        name = table["model"]
        files = (name.partition(":")[0].replace("{scale}", f"{float(scale):g}") for scale in scales or (0,))
        nearby = any((folder / file).is_file() for file in files)
        specs = at_scales(
            str(folder / name) if nearby else name,
            scales,
            input_range=table.get("input_range"),
            device=self.device,
            trust_code=self.trust_code,
            tile=table.get("tile"),
            halo=table.get("halo"),
            inputs=_inputs(table, folder),
            input_size=_size(table),
            adapter=table.get("adapter"),
        )
        lr = folder / table["lr"] if "lr" in table else None
        return network_methods(
            specs,
            folder / table["hr"],
            lr,
            template=table.get("template"),
            seeds=table.get("seeds"),
            name=table.get("name"),
            save=self.save,
        )


def _inputs(table: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """What the network needs beside the image, as text; files are relative to the manifest."""
    inputs = table.get("inputs", {})
    validate.instance("inputs", inputs, dict)
    texts = {
        name: ",".join(map(str, [*value, ""])) if isinstance(value, list) else str(value)
        for name, value in inputs.items()
    }
    return {name: str(folder / text) if (folder / text).is_file() else text for name, text in texts.items()}


def _size(table: Mapping[str, Any]) -> tuple[int, int] | None:
    size = table.get("input_size")
    if size is None:
        return None
    if not isinstance(size, list) or len(size) != 2:
        raise ValueError(f"input_size must be [height, width], got {size}")
    return validate.positive_integer("input_size", size[0]), validate.positive_integer("input_size", size[1])


def _of_table(table: dict[str, Any], hr: str | None, folder: Path, networks: _Networks) -> Iterator[Method]:
    validate.instance("each [[method]]", table, dict)
    is_network = "model" in table
    if is_network and "sr" in table:
        raise ValueError("a [[method]] must have sr, a folder of images, or model, a network, got both")
    _only(table, _NETWORK_KEYS if is_network else _KEYS)
    of = table if hr is None else {"hr": hr, **table}
    for key in ("model", "hr") if is_network else ("name", "sr", "hr"):
        if of.get(key) is None:
            raise ValueError(f"{key} must be given for each [[method]]")
    for key in _TEXTS:
        if key in of:
            validate.instance(key, of[key], str)
    if is_network:
        yield from networks.methods(of, folder)
        return
    for number in _scales(of):
        scale = validate.number("scale", number)
        sr = folder / of["sr"].replace("{scale}", f"{scale:g}")
        yield Method(of["name"], scale, sr, folder / of["hr"], of.get("template"))


def _scales(table: Mapping[str, Any]) -> Sequence[Any]:
    scale = table.get("scale")
    return scale if isinstance(scale, list) else [scale]


def _only(table: Mapping[str, Any], keys: Sequence[str]) -> None:
    if unknown := sorted(table.keys() - {*keys}):
        raise ValueError(f"keys must be among {', '.join(keys)}, got {', '.join(unknown)}")
