"""Checkpoints that would do harm, and damaged ones: written by a script, and loaded in a child that may be lost.

``FILES`` maps a name to a function that gives the bytes of that file. Each that could run code would write the file
`canary`, so that a test sees whether anything ran. ``python hostile_checkpoints.py FOLDER`` loads every file of a
folder and prints one line of JSON for each.
"""

from __future__ import annotations

import io
import json
import pickle
import random
import struct
import sys
import tarfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

# Where each would lead, were it called with the one string that is its own argument.
SHELL = ["os.system", "posix.system", "nt.system", "os.popen", "subprocess.getoutput", "subprocess.Popen", "commands.x"]
PYTHON = ["builtins.eval", "builtins.exec", "__builtin__.eval", "builtins.compile", "timeit.timeit", "cProfile.run"]
NAMES = [
    *("builtins.__import__", "builtins.getattr", "builtins.open", "importlib.import_module", "runpy.run_path"),
    *("pickle.loads", "marshal.loads", "ctypes.CDLL", "shutil.rmtree", "pathlib.Path", "webbrowser.open", "sys.exit"),
    *("functools.partial", "operator.attrgetter", "operator.methodcaller", "types.FunctionType", "codecs.decode"),
    *("torch.load", "torch.jit.load", "torch.hub.load", "torch.serialization.load", "torch.ops.load_library"),
    *(
        "torch.storage._load_from_bytes",
        "torch._utils._import_dotted_name",
        "torch.fx.graph_module.reduce_graph_module",
    ),
    *(
        "torch.utils.cpp_extension.load",
        "torch.package.PackageImporter",
        "torch.multiprocessing.reductions.rebuild_tensor",
    ),
    *(
        "torch._tensor._rebuild_from_type_v2",
        "torch._utils._rebuild_tensor_v2",
        "torch.nn.modules.container.Sequential",
    ),
    *(
        "numpy.load",
        "numpy.core.multiarray.scalar",
        "numpy.core.multiarray._reconstruct",
        "joblib.load",
        "argparse.Namespace",
    ),
]
CODE_SUFFIXES = (".pth", ".pt", ".ckpt", ".pth.tar", ".bin", ".pt2", ".safetensors", ".PTH", ".model", "")


def _text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def _call(name: str, argument: str) -> bytes:
    """Opcodes that call a global with one string, in a dictionary as if it were a weight."""
    module, _, function = name.rpartition(".")
    call = f"c{module}\n{function}\n".encode() + _text(argument) + b"\x85R"
    return b"\x80\x02}" + _text("conv.weight") + call + b"s."


def _calls(name: str, canary: Path) -> bytes:
    argument = f"touch {canary}" if name in SHELL else f"open({str(canary)!r}, 'w').close()"
    return _call(name, argument if name in SHELL + PYTHON else str(canary))


def _archive(data: bytes, records: dict[str, bytes] | None = None, compression: int = zipfile.ZIP_STORED) -> bytes:
    """What torch.save writes, around a pickle of our own."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in {"data.pkl": data, "byteorder": b"little", "version": b"3\n", **(records or {})}.items():
            archive.writestr(f"archive/{name}", content)
    return buffer.getvalue()


def _old_archive(data: bytes) -> bytes:
    """What torch.save wrote before it wrote zip archives."""
    head = (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {}})
    return b"".join(pickle.dumps(value, 2) for value in head) + data


class Reduced:
    """Pickles as a call of eval."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return (eval, (f"open({str(self.canary)!r}, 'w').close()",))


def saved(value: object, **options) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {f"body.{i}.weight": torch.rand(4, 3, 3, 3, generator=generator) for i in range(3)}


def _safetensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded) if length is None else length) + encoded + data


class WritesOnLoading(nn.Module):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x

    @torch.jit.export
    def __getstate__(self):
        return (self.path, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]):
        self.path = state[0]
        self.training = state[1]
        torch.save(torch.zeros(1), state[0])


class LoopsOnLoading(WritesOnLoading):
    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]):
        self.path = state[0]
        self.training = state[1]
        total = torch.zeros(1)
        while bool(total >= 0):
            total += 1


def script(module: nn.Module) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(module)
        buffer = io.BytesIO()
        torch.jit.save(scripted, buffer)
    return buffer.getvalue()


def _nested(depth: int) -> bytes:
    """A dictionary in a dictionary in a dictionary: recursion meets its limit here."""
    return _archive(b"\x80\x02" + (b"}" + _text("a")) * depth + b"}" + b"s" * depth + b".")


def _laughs() -> bytes:
    """Forty dictionaries of which each holds the next twice: a walk without memory takes 2^40 steps."""
    value: dict[str, object] = {"weight": torch.zeros(2)}
    for _ in range(40):
        value = {"a": value, "b": value}
    return saved(value)


def _endless() -> bytes:
    value: dict[str, object] = {"weight": torch.zeros(2)}
    value["state_dict"] = value
    return saved(value)


def _esrgan() -> dict[str, torch.Tensor]:
    from spandrel.architectures.ESRGAN import ESRGAN

    return ESRGAN(in_nc=3, out_nc=3, num_filters=8, num_blocks=1, scale=4).state_dict()


def _changed(**tensors: torch.Tensor) -> bytes:
    return saved({**_esrgan(), **{key.replace("__", "."): value for key, value in tensors.items()}})


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("storages", "tensors", "pickle"):
            content = b"cos\nsystem\n(S'true'\ntR."
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _program(canary: Path) -> bytes:
    """A torch.export program, as far as anything may look at it before consent."""
    records = {"archive_format": b"pt2", "models/model.json": b"{}", "data/sample_inputs/model.pt": b""}
    return _archive(_calls("os.system", canary), records)


def _hostile() -> Iterator[tuple[str, Callable[[Path], bytes]]]:
    for name in SHELL + PYTHON + NAMES:
        yield f"{name}.pth", lambda canary, name=name: _archive(_calls(name, canary))
        yield f"{name}.old.ckpt", lambda canary, name=name: _old_archive(_calls(name, canary))
    for protocol in range(6):
        yield f"pickle{protocol}.pt", lambda canary, protocol=protocol: pickle.dumps(Reduced(canary), protocol)
        yield (
            f"pickle{protocol}.zip.pt",
            lambda canary, protocol=protocol: _archive(pickle.dumps({"conv.weight": Reduced(canary)}, protocol)),
        )
    yield "instance.pth", lambda canary: f"(S'touch {canary}'\nios\nsystem\n.".encode()
    yield "extension.pth", lambda _: _archive(b"\x80\x02\x82\x01.")
    yield "saved.pth", lambda canary: saved({"weights": Reduced(canary)})
    yield "saved.old.pth", lambda canary: saved({"a": Reduced(canary)}, _use_new_zipfile_serialization=False)
    yield "beside_weights.ckpt", lambda canary: saved({"state_dict": weights(), "hyper_parameters": Reduced(canary)})
    yield "whole_network.pth", lambda _: saved(nn.Conv2d(3, 3, 3))
    yield "legacy.tar", lambda _: _tar()
    for suffix in CODE_SUFFIXES:
        yield f"script{suffix}", lambda canary: script(WritesOnLoading(str(canary)))
        yield f"endless{suffix}", lambda canary: script(LoopsOnLoading(str(canary)))
        yield f"program{suffix}", _program
        yield f"pickled{suffix}", lambda canary: _archive(_calls("os.system", canary))


def _damaged() -> Iterator[tuple[str, Callable[[Path], bytes]]]:
    whole, old = saved(weights()), saved(weights(), _use_new_zipfile_serialization=False)
    for tenth in range(10):
        yield f"cut{tenth}.pth", lambda _, tenth=tenth: whole[: len(whole) * tenth // 10]
        yield f"cut{tenth}.old.pth", lambda _, tenth=tenth: old[: len(old) * tenth // 10]
    yield "cut_last.pth", lambda _: whole[:-1]
    chance = random.Random(0)
    for number in range(40):
        source = whole if number % 2 else old
        at = chance.randrange(len(source))
        flipped = source[:at] + bytes([source[at] ^ 1 << chance.randrange(8)]) + source[at + 1 :]
        yield f"flipped{number}.pth", lambda _, flipped=flipped: flipped
    yield "flipped_weight.pth", lambda _: _flipped_weight()
    header = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    good = _safetensors(header, bytes(8))
    for end in (1, 7, 8, 20, len(good) - 1):
        yield f"cut{end}.safetensors", lambda _, end=end: good[:end]
    yield "text.safetensors", lambda _: b"this is not a network" * 10
    yield "length.safetensors", lambda _: _safetensors(header, bytes(8), 2**63)
    yield "long_length.safetensors", lambda _: _safetensors(header, bytes(8), 10**8)
    yield "no_json.safetensors", lambda _: _safetensors(b"\xff" * 100)
    yield "nested.safetensors", lambda _: _safetensors(b'{"a":' * 10**5)
    yield "list.safetensors", lambda _: _safetensors([1, 2])
    for number, entry in enumerate(
        (
            {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 8]},
            {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 8]},
            {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]},
            {"dtype": "F32", "shape": [2], "data_offsets": [0, 10**15]},
            {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]},
            {"dtype": "O", "shape": [2], "data_offsets": [0, 8]},
            {"dtype": "F32", "shape": "2", "data_offsets": [0, 8]},
        )
    ):
        yield f"header{number}.safetensors", lambda _, entry=entry: _safetensors({"a": entry}, bytes(8))
    yield "empty.pth", lambda _: b""
    yield "empty.safetensors", lambda _: b""
    yield "page.pth", lambda _: b"<!DOCTYPE html>\n<html><body>Sign in</body></html>"
    yield "pointer.pth", lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 67040989\n"
    yield "zeros.pth", lambda _: bytes(1000)
    yield "noise.pth", lambda _: random.Random(1).randbytes(1000)
    yield "other_archive.pth", lambda _: _other_archive()
    for suffix in ("pth", "safetensors"):
        yield f"bomb.{suffix}", lambda _: _archive(_call("os.x", ""), {"data/0": bytes(2**26)}, zipfile.ZIP_DEFLATED)
    yield "deep.pth", lambda _: _nested(10**5)
    yield "laughs.pth", lambda _: _laughs()
    yield "itself.pth", lambda _: _endless()


def _flipped_weight() -> bytes:
    """A network with one bit changed amid a tensor: only the checksum tells."""
    network = saved(_esrgan())
    middle = len(network) // 2
    return network[:middle] + bytes([network[middle] ^ 64]) + network[middle + 1 :]


def _other_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "<xml/>")
    return buffer.getvalue()


def _nonsense() -> Iterator[tuple[str, Callable[[Path], bytes]]]:
    for number, value in enumerate(
        (None, 3, "text", [torch.zeros(3)], (1, 2), torch.zeros(3), {}, {"a": 1}, {1: torch.zeros(3)}, {None: {}}, b"x")
    ):
        yield f"value{number}.pth", lambda _, value=value: saved(value)
    yield "unknown.pth", lambda _: saved(weights())
    yield "optimizer.pth", lambda _: saved({"optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}}})
    yield "discriminator.pth", lambda _: saved({"net_d": _esrgan()})
    yield "two.pth", lambda _: saved({"netG_A": _esrgan(), "netG_B": {k: v + 1 for k, v in _esrgan().items()}})
    first = torch.rand(8, 3, 3, 3)
    yield "integers.pth", lambda _: _changed(model__0__weight=(100 * first).to(torch.int8))
    yield "booleans.pth", lambda _: _changed(model__0__weight=first > 0)
    yield "complex.pth", lambda _: _changed(model__0__weight=first.to(torch.complex64))
    yield "quantised.pth", lambda _: _changed(model__0__weight=torch.quantize_per_tensor(first, 0.1, 0, torch.qint8))
    yield "sparse.pth", lambda _: _changed(model__0__weight=first.to_sparse())
    yield "nested.pth", lambda _: _changed(model__0__weight=torch.nested.nested_tensor([torch.rand(2), torch.rand(3)]))
    yield "meta.pth", lambda _: _changed(model__0__weight=first.to("meta"))
    yield "vector.pth", lambda _: _changed(model__0__weight=torch.zeros(3))
    yield "scalar.pth", lambda _: _changed(model__0__weight=torch.tensor(1.0))
    yield "empty_tensor.pth", lambda _: _changed(model__0__weight=torch.zeros(0, 3, 3, 3))
    yield "huge.pth", lambda _: _changed(model__0__weight=torch.zeros(1).expand(2**20, 2**20, 3, 3))
    yield "wide.pth", lambda _: _changed(model__0__weight=torch.zeros(1).expand(2**30, 3, 3, 3))
    yield "numbered.pth", lambda _: _changed(model__999999999__weight=first)
    yield "numbered_deep.pth", lambda _: _changed(model__1__sub__999999999__weight=first)
    yield "numbered_long.pth", lambda _: saved({**_esrgan(), f"model.{'9' * 5000}.weight": first})
    yield "long_key.pth", lambda _: saved({"a" * 10**6: first, "b." * 10**5: first})
    yield "lines.pth", lambda _: saved({"a\nb\r\x1b[31m": first, "c\u2028": first})
    yield "extra.pth", lambda _: _changed(other__weight=first)
    yield "missing.pth", lambda _: saved(dict(list(_esrgan().items())[:3]))


FILES: dict[str, Callable[[Path], bytes]] = {**dict(_hostile()), **dict(_damaged()), **dict(_nonsense())}


def write(folder: Path, canary: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tensors of some kinds are deprecated, or a prototype
        for name, content in FILES.items():
            (folder / name).write_bytes(content(canary))


def attempt(path: Path) -> dict[str, object]:
    """What loading `path` without consent comes to."""
    from hyra import models

    start = time.perf_counter()
    try:
        model = models.load(path)
        kind, message = "loaded", model.description
    except BaseException as error:
        kind, message = type(error).__name__, str(error)
    return {"name": path.name, "kind": kind, "message": message, "seconds": time.perf_counter() - start}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for file in sorted(Path(sys.argv[1]).iterdir()):
        for line in ({"begins": file.name}, attempt(file)):
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
