"""Networks in ONNX files: they answer as torch does, whatever their layout, and nothing in one runs unasked."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import hyra
from hyra import demo, models

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx_files  # noqa: E402 - needs onnx, as the next do
from onnx import TensorProto, helper  # noqa: E402
from onnx_files import resize, write  # noqa: E402


def nearest(image):
    return F.interpolate(image, scale_factor=2)


@pytest.fixture
def image():
    return torch.rand(1, 3, 12, 14)


def test_the_bundled_network_has_torchs_response(tmp_path):
    onnx_files.write_demo(tmp_path / "demo.onnx")
    found = models.load(tmp_path / "demo.onnx")
    assert (found.description, found.input_range) == ("demo.onnx (ONNX)", 1.0)
    ours = hyra.HyRA(found.network).impulse_response(48)
    expected = hyra.HyRA(demo.load(scale=2)).impulse_response(48)
    assert ours.scale == expected.scale == 2
    assert float((ours.response - expected.response).abs().max()) <= 1e-5


def test_half_precision(tmp_path, image):
    onnx_files.write_demo(tmp_path / "half.onnx", half=True)
    network = models.load(tmp_path / "half.onnx").network
    assert network.dtype == np.float16
    output = network(image)
    assert output.dtype == torch.float32
    torch.testing.assert_close(output, demo.load(scale=2)(image), atol=4e-3, rtol=0)


def test_a_fixed_size_is_run_in_tiles(tmp_path):
    onnx_files.write_demo(tmp_path / "fixed.onnx", shape=(1, 3, 64, 48), dynamic=False)
    found = models.load(tmp_path / "fixed.onnx")
    assert found.description == "fixed.onnx (ONNX, in tiles of 64x48)"
    whole = demo.load(scale=2)
    for shape in ((2, 3, 64, 48), (1, 3, 100, 130), (1, 3, 64, 200)):
        images = torch.rand(shape)
        assert float((found.network(images) - whole(images)).abs().max()) <= 1e-5
    split = hyra.HyRA(found.network).decompose(torch.rand(3, 70, 90))
    assert split.output.shape == (3, 140, 180)


def test_other_layouts(tmp_path, image):
    nodes, constants = resize(scales=(1, 2, 2, 1))
    for name, shape in {"dynamic": [1, "h", "w", 3], "fixed": [1, 12, 14, 3], "grey": [None, None, None, 1]}.items():
        write(tmp_path / f"{name}.onnx", nodes, {"x": (TensorProto.FLOAT, shape)}, constants)
        x = image[:, : shape[-1]]
        assert torch.equal(models.load(tmp_path / f"{name}.onnx").network(x), nearest(x))
    nodes, constants = resize(scales=(2, 2, 1))
    write(tmp_path / "alone.onnx", nodes, {"x": (TensorProto.FLOAT, ["h", "w", 3])}, constants)
    images = torch.rand(2, 3, 12, 14)
    assert torch.equal(models.load(tmp_path / "alone.onnx").network(images), nearest(images))


def test_many_bands_are_colours(tmp_path):
    nodes, constants = resize()
    images = torch.rand(1, 31, 9, 10)
    write(tmp_path / "bands.onnx", nodes, {"x": (TensorProto.FLOAT, [1, 31, "h", "w"])}, constants)
    network = hyra.HyRA(models.load(tmp_path / "bands.onnx").network, in_channels=31).network
    assert torch.equal(network(images), nearest(images))


def test_integers_are_rounded_and_divided_by_their_white(tmp_path, image):
    nodes, constants = resize()
    write(tmp_path / "bytes.onnx", nodes, {"x": (TensorProto.UINT8, onnx_files.SIZED)}, constants, TensorProto.UINT8)
    found = models.load(tmp_path / "bytes.onnx")
    assert (found.description, found.input_range) == ("bytes.onnx (ONNX, images of 8 bits)", 1.0)
    torch.testing.assert_close(found.network(image), nearest((image * 255).round() / 255))


def test_white_is_found(tmp_path):
    """A network whose biases fit 0..255 makes nonsense of an image in 0..1."""
    nodes, constants = resize(to="large")
    add = [helper.make_node("Max", ["large", "floor"], ["y"])]
    constants["floor"] = np.array([20.0], np.float32)
    write(tmp_path / "bytes.onnx", [*nodes, *add], {"x": (TensorProto.FLOAT, onnx_files.SIZED)}, constants)
    found = models.load(tmp_path / "bytes.onnx")
    assert found.input_range == 255
    assert "white found to be 255" in found.description


def test_more_inputs_need_values(tmp_path, image):
    nodes, constants = resize(to="large")
    nodes = [*nodes, helper.make_node("Mul", ["large", "gain"], ["y"])]
    path = tmp_path / "two.onnx"
    for shape, value in (([1], 0.5), ([], 0.5), ([1], torch.tensor([0.5])), (["n", 1, 1, 1], 0.5)):
        taken = {"gain": (TensorProto.FLOAT, shape), "x": (TensorProto.FLOAT, onnx_files.SIZED)}
        write(path, nodes, taken, constants)
        assert torch.equal(models.load(path, inputs={"gain": value}).network(image), nearest(image) / 2)
    with pytest.raises(ValueError, match=r"two\.onnx has more inputs .*gain .*: give a value .*--input gain=0 "):
        models.load(path)
    with pytest.raises(ValueError, match=r"inputs must be of two\.onnx, which has gain .*, got noise"):
        models.load(path, inputs={"gain": 1, "noise": 1})


def test_a_map_has_the_images_size(tmp_path, image):
    nodes, constants = resize(of="sum")
    nodes = [helper.make_node("Add", ["x", "noise"], ["sum"]), *nodes]
    taken = {"x": (TensorProto.FLOAT, onnx_files.SIZED), "noise": (TensorProto.FLOAT, ["n", 1, "h", "w"])}
    write(tmp_path / "map.onnx", nodes, taken, constants)
    found = models.load(tmp_path / "map.onnx", inputs={"noise": 0.25})
    torch.testing.assert_close(found.network(image), nearest(image + 0.25))


def test_a_device_that_onnxruntime_has_not(tmp_path):
    onnx_files.write_demo(tmp_path / "demo.onnx")
    network = models.load(tmp_path / "demo.onnx").network
    with pytest.raises(
        ValueError, match=r"device must be one that onnxruntime has here \(.*cpu.*\), got meta: for CUDA"
    ):
        network(torch.zeros(1, 3, 8, 8, device="meta"))


def test_operators_of_other_libraries_are_never_loaded(tmp_path):
    nodes = [helper.make_node("Upscale", ["x"], ["y"], domain="com.evil", library="/tmp/evil.so")]
    write(tmp_path / "own.onnx", nodes, {"x": (TensorProto.FLOAT, onnx_files.SIZED)}, domains=["com.evil"])
    with pytest.raises(ValueError, match=r"own\.onnx needs the operator com\.evil:Upscale, .* are never loaded"):
        models.load(tmp_path / "own.onnx", trust_code=True)


def test_weights_in_other_folders_are_not_read(tmp_path):
    """A file may name others that hold its weights; none outside its own folder."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret").write_bytes(np.ones(4, np.float32).tobytes())
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "weight"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [external("weight", [1, 1, 1, 4], "../secret")],
    )
    onnx_model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "inside" / "network.onnx").write_bytes(onnx_model.SerializeToString())
    with pytest.raises(ValueError, match=r"network\.onnx is damaged or incomplete"):
        models.load(tmp_path / "inside" / "network.onnx")


def external(name, shape, place):
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=place)
    return tensor


def damaged(whole: bytes):
    for tenth in range(10):
        yield f"cut{tenth}", whole[: len(whole) * tenth // 10]
    yield "page", b"<!DOCTYPE html>\n<html><body>Sign in</body></html>"
    yield "pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 67040989\n"
    yield "zeros", bytes(1000)
    chance = np.random.default_rng(0)
    yield "noise", chance.bytes(1000)
    header = len(whole)
    for number in range(60):
        at = int(chance.integers(header))
        yield f"flipped{number}", whole[:at] + bytes([whole[at] ^ 1 << int(chance.integers(8))]) + whole[at + 1 :]


CHILD = """
import pathlib, sys, warnings
import torch
from hyra import models
warnings.simplefilter("ignore")
for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        network = models.load(file).network
        print(file.name, "loaded", flush=True)
    except Exception as error:
        print(file.name, type(error).__name__, str(error).isprintable(), len(str(error)) < 900, flush=True)
        continue
    try:
        network(torch.rand(1, 3, 8, 8))
    except Exception:
        pass
"""


def test_damaged_files_get_one_sentence(tmp_path):
    """A flipped bit may leave a network; what is none is refused in one sentence, and nothing crashes."""
    nodes, constants = resize()
    write(tmp_path / "whole.onnx", nodes, {"x": (TensorProto.FLOAT, onnx_files.SIZED)}, constants)
    whole = (tmp_path / "whole.onnx").read_bytes()
    folder = tmp_path / "damaged"
    folder.mkdir()
    for name, content in damaged(whole):
        (folder / f"{name}.onnx").write_bytes(content)
    child = subprocess.run([sys.executable, "-c", CHILD, folder], capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    lines = [line.split() for line in child.stdout.splitlines()]
    assert len(lines) == len(list(folder.iterdir()))
    refused = [line for line in lines if line[1] != "loaded"]
    assert all(line[1:] == ["ValueError", "True", "True"] for line in refused)
    assert {"cut0.onnx", "cut5.onnx", "page.onnx", "zeros.onnx"} <= {line[0] for line in refused}
    assert child.stderr == ""


def test_missing_extra_is_named(tmp_path, monkeypatch):
    onnx_files.write_demo(tmp_path / "demo.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs the package 'onnxruntime': pip install 'hyra\[onnx\]'"):
        models.load(tmp_path / "demo.onnx")
