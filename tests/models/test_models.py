"""Networks by name: each kind loads and runs, and each way to fail says what is wrong."""

from __future__ import annotations

import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import hyra
from hyra import models
from hyra.images import imresize


class Doubling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.pixel_shuffle(self.conv(x), 2)


@pytest.fixture
def image():
    return torch.rand(1, 3, 12, 14)


@pytest.mark.parametrize("name", ["nearest", "bilinear", "bicubic-torch"])
@pytest.mark.parametrize("scale", [2, 3])
def test_interpolations_are_torchs(name, scale, image):
    model = models.load(name, scale=scale)
    mode = name.removesuffix("-torch")
    corners = None if name == "nearest" else False
    expected = F.interpolate(image, scale_factor=scale, mode=mode, align_corners=corners)
    assert torch.equal(model.network(image), expected)
    assert (model.scale, model.input_range) == (scale, 1.0)


def test_bicubic_is_matlabs(image):
    model = models.load("bicubic", scale=3)
    assert torch.equal(model.network(image), imresize(image, 3))
    assert model.description == "bicubic interpolation as MATLAB's imresize has it, a = -0.5"
    assert models.load("bicubic-torch", 3).description == "bicubic interpolation as torch has it, a = -0.75"


def test_exported_program(tmp_path, image):
    network = Doubling().eval()
    sides = {2: torch.export.Dim("height"), 3: torch.export.Dim("width")}
    program = torch.export.export(network, (torch.rand(1, 3, 8, 8),), dynamic_shapes=(sides,))
    torch.export.save(program, tmp_path / "network.pt2")
    with pytest.raises(ValueError, match=r"holds a torch\.export program, .* say --trust-code"):
        models.load(str(tmp_path / "network.pt2"))
    model = models.load(str(tmp_path / "network.pt2"), trust_code=True)
    torch.testing.assert_close(model.network(image), network(image))
    assert model.description == "network.pt2 (torch.export)"
    assert model.scale is None
    assert model.input_range is None


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("suffix", [".pt", ".pth", ".pth.tar", ".torchscript"])
def test_torchscript_is_told_from_a_checkpoint(tmp_path, image, suffix):
    network = Doubling().train()
    torch.jit.trace(network, image).save(tmp_path / f"network{suffix}")
    with pytest.raises(ValueError, match=r"holds a TorchScript program, .* \(in Python: trust_code=True\)"):
        models.load(str(tmp_path / f"network{suffix}"), scale=2)
    model = models.load(str(tmp_path / f"network{suffix}"), scale=2, trust_code=True)
    torch.testing.assert_close(model.network(image), network(image))
    assert not model.network.training
    assert model.scale == 2


@pytest.fixture
def architecture():
    pytest.importorskip("spandrel")
    from spandrel.architectures.ESRGAN import ESRGAN

    return ESRGAN(in_nc=3, out_nc=3, num_filters=8, num_blocks=1, scale=4).eval()


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".pth.tar", ".bin", ".safetensors"])
def test_checkpoint_is_not_clamped(tmp_path, image, architecture, suffix):
    path = tmp_path / f"network{suffix}"
    if suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file(architecture.state_dict(), path)
    else:
        torch.save({"params_ema": architecture.state_dict()}, path)
    model = models.load(str(path))
    output = model.network(-image)
    assert torch.equal(output, architecture(-image))
    assert (output < 0).any()
    assert (model.scale, model.input_range) == (4, 1.0)
    assert model.description == f"network{suffix} (ESRGAN)"


PYTHON = """
import functools
import sys
import torch

class Network(torch.nn.Module):
    def forward(self, x):
        return x.repeat_interleave(2, -1).repeat_interleave(2, -2)

def function(x):
    return Network()(x)

def factory():
    return Network()

def factory_with_defaults(path="x", *, factor=2, **options):
    assert (path, factor, options) == ("x", 2, {})
    return Network()

partial_factory = functools.partial(lambda path: Network(), path="x")

def function_of_many(*images):
    return Network()(*images)

instance = Network()
number = 3

def failing():
    raise KeyError("weights")

def nothing():
    return 3

def ending():
    sys.exit(3)
"""


@pytest.fixture
def python_file(tmp_path, monkeypatch):
    (tmp_path / "my_network.py").write_text(PYTHON)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield str(tmp_path / "my_network.py")
    sys.modules.pop("my_network", None)


@pytest.mark.parametrize(
    "name",
    [
        *("Network", "function", "function_of_many", "instance"),
        *("factory", "factory_with_defaults", "partial_factory"),
    ],
)
@pytest.mark.parametrize("by_module", [False, True])
def test_python_callables(python_file, image, name, by_module):
    model = models.load(f"{'my_network' if by_module else python_file}:{name}")
    assert model.network(image).shape == (1, 3, 24, 28)
    assert not getattr(model.network, "training", False)


def test_python_file_can_import_its_neighbours(python_file, image, tmp_path, monkeypatch):
    (tmp_path / "other.py").write_text("from my_network import factory")
    monkeypatch.chdir("/")
    assert models.load(f"{tmp_path}/other.py:factory").network(image).shape == (1, 3, 24, 28)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", r"my_network\.py:missing must be a callable, got no such name"),
        ("number", r"my_network\.py:number must be a callable, got 3"),
        ("failing", r"my_network\.py:failing\(\) must make a network .* arguments, got KeyError: 'weights'"),
        ("ending", r"my_network\.py:ending\(\) must make a network .* arguments, got SystemExit: 3"),
        ("nothing", r"my_network\.py:nothing\(\) must return a callable, got int"),
    ],
)
def test_python_names_that_are_no_network(python_file, name, message):
    with pytest.raises(ValueError, match=message):
        models.load(f"{python_file}:{name}")


def test_python_that_cannot_run(tmp_path):
    (tmp_path / "broken.py").write_text("import no_such_package")
    with pytest.raises(ValueError, match=r"broken\.py cannot be run: ModuleNotFoundError No module named 'no_such_pac"):
        models.load(f"{tmp_path}/broken.py:network")
    with pytest.raises(FileNotFoundError, match=r"no such model file: .*missing\.py"):
        models.load(f"{tmp_path}/missing.py:network")
    with pytest.raises(ValueError, match="the module 'no_such_package' cannot be imported"):
        models.load("no_such_package:network")


def test_unknown_names_list_what_there_is():
    with pytest.raises(ValueError, match="unknown model 'bicubik': expected one of nearest, bilinear, bicubic"):
        models.load("bicubik")
    with pytest.raises(ValueError, match="the model bicubic works at any scale: say which one"):
        models.load("bicubic")
    with pytest.raises(FileNotFoundError, match=r"no such model file: missing\.pth"):
        models.load("missing.pth")
    with pytest.raises(FileNotFoundError, match="no such model file: a/folder/network"):
        models.load("a/folder/network")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("network.engine", "is a TensorRT engine, which is not read here: call it from a Python function"),
        ("network.param", "is an ncnn network, which is not read here"),
        (
            "network.pkl",
            "is a pickle of anything, which is not read here: .* or run it elsewhere on the images of hyra p",
        ),
        ("network.py", r"named as FILE\.py:NAME, got '.*network\.py' without the name"),
    ],
)
def test_other_formats_say_what_to_do(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(ValueError, match=message):
        models.load(tmp_path / name)


def test_folders_and_links(tmp_path, architecture):
    pytest.importorskip("spandrel")
    (tmp_path / "folder.pth").mkdir()
    with pytest.raises(ValueError, match=r"a model must be a file, and .*folder\.pth is a folder"):
        models.load(tmp_path / "folder.pth")
    (tmp_path / "loop.pth").symlink_to(tmp_path / "loop.pth")
    (tmp_path / "nowhere.pth").symlink_to(tmp_path / "missing")
    for name in ("loop.pth", "nowhere.pth"):
        with pytest.raises(FileNotFoundError, match="no such model file"):
            models.load(tmp_path / name)
    torch.save(architecture.state_dict(), tmp_path / "network.pth")
    (tmp_path / "link.pth").symlink_to("network.pth")
    assert models.load(tmp_path / "link.pth").scale == 4


def test_missing_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "spandrel", None)
    torch.save({}, tmp_path / "network.pth")
    with pytest.raises(ModuleNotFoundError, match=r"needs the package 'spandrel': pip install 'hyra\[models\]'"):
        models.load(str(tmp_path / "network.pth"))


def test_bundled_networks(image):
    pytest.importorskip("safetensors")
    model = models.load("demo-x2")
    assert model.network(image).shape == (1, 3, 24, 28)
    assert (model.scale, model.input_range) == (2, 1.0)
    with pytest.raises(ValueError, match="the model demo has scale 4, got scale=3"):
        models.load("demo", scale=3)


def test_two_repositories_may_have_packages_of_one_name(tmp_path, image, monkeypatch):
    """Also where a file puts its repository on the path, or imports more than once."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    for number, folder in enumerate(("a", "b", "c"), 2):
        package = tmp_path / folder / "parts"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(f"FACTOR = {number}")
        (package / "layers.py").write_text(
            "from . import FACTOR\ndef up(x):\n    return x.repeat(1, 1, FACTOR, FACTOR)"
        )
        (tmp_path / folder / "net.py").write_text("from parts.layers import up\nimport parts\nnetwork = up")
    below = tmp_path / "c" / "scripts"
    below.mkdir()
    (below / "net.py").write_text(f"import sys\nsys.path.insert(0, {str(below.parent)!r})\nfrom parts.layers import up")
    places = {"a/net.py:network": 2, "b/net.py:network": 3, "c/scripts/net.py:up": 4}
    networks = {name: models.load(tmp_path / name).network for name in (*places, *places)}
    for name, factor in places.items():
        assert networks[name](image).shape == (1, 3, 12 * factor, 14 * factor)
    first = sys.modules["parts"]
    assert first.FACTOR == 2
    models.load(tmp_path / "b/net.py:network")
    assert sys.modules["parts"] is first
    for name in ("parts", "parts.layers"):
        sys.modules.pop(name)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("kind", ["pt2", "pt"])
def test_programs_of_one_size_that_is_no_square(tmp_path, kind):
    network, example = Doubling().eval(), torch.rand(1, 3, 24, 32)
    if kind == "pt2":
        torch.export.save(torch.export.export(network, (example,)), tmp_path / "network.pt2")
        size = None  # the program says it
    else:
        torch.jit.trace(OneSize().eval(), example).save(tmp_path / "network.pt")
        network, size = OneSize.network, (24, 32)
    model = models.load(tmp_path / f"network.{kind}", trust_code=True, size=size)
    images = torch.rand(2, 3, 50, 70)
    torch.testing.assert_close(model.network(images), network(images), atol=1e-5, rtol=0)
    response = hyra.HyRA(model.network).impulse_response(16)
    assert response.response.shape == (3, 32, 32)


class OneSize(nn.Module):
    """What a trace makes of a network that looks at the size of its input."""

    network = nn.Upsample(scale_factor=2).eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x.reshape(1, 3, 24, 32))


def test_inputs_beside_the_image(tmp_path, image):
    (tmp_path / "net.py").write_text("def network(x, sigma):\n    return x.repeat(1, 1, 2, 2) - sigma")
    model = models.load(f"{tmp_path}/net.py:network", inputs={"sigma": 0.5})
    assert torch.equal(model.network(image), image.repeat(1, 1, 2, 2) - 0.5)
