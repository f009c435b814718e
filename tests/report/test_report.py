"""The report: self-contained, complete, and the same numbers everywhere."""

from __future__ import annotations

import base64
import json
import re
from html import escape
from html.parser import HTMLParser

import matplotlib as mpl
import pytest
import torch
import torch.nn.functional as F

import hyra
from hyra import report
from hyra.report import local, numbers, page, text

mpl.use("Agg")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("report")
    network = torch.nn.Upsample(scale_factor=2, mode="bicubic")
    lr = torch.rand(3, 24, 32)
    hr = (F.interpolate(lr[None], scale_factor=2, mode="bicubic")[0] + 0.05 * torch.randn(3, 48, 64)).clamp(0, 1)
    names = {"model": "<b>bold & co</b>"}
    summary = report.write(hyra.HyRA(network), lr, folder, hr=hr, provenance=names)
    return folder, summary, (folder / "report.html").read_text("utf-8")


class Page(HTMLParser):
    """Every attribute that could fetch something, and whether all tags are closed."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str] = []
        self.open: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.references += [value for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_refers_to_nothing_outside(written):
    _, _, html = written
    parsed = Page()
    parsed.feed(html)
    assert parsed.open == []
    assert len(parsed.references) == 5
    assert all(reference.startswith("data:image/png;base64,") for reference in parsed.references)
    assert not {"script", "link", "iframe"} & set(parsed.tags)
    assert not re.search(r"https?:|//|url\(|@import", re.sub(r"base64,[^\"]*", "", html))
    assert 'name="viewport"' in html
    assert "color-scheme: light dark" in html


def test_pictures_of_the_page_are_the_files(written):
    folder, _, html = written
    pictures = [base64.b64decode(data) for data in re.findall(r"base64,([^\"]*)", html)]
    assert sorted(pictures) == sorted(path.read_bytes() for path in folder.glob("*.png"))


def test_names_are_escaped(written):
    _, _, html = written
    assert "<b>bold" not in html
    assert "&lt;b&gt;bold &amp; co" in html


def test_numbers_are_the_same_everywhere(written):
    folder, summary, html = written
    assert json.loads((folder / "summary.json").read_text("utf-8")) == summary
    response = hyra.HyRA(torch.nn.Upsample(scale_factor=2, mode="bicubic")).impulse_response()
    for number in numbers.of_response([response], response.fit_sinc()):
        assert summary["numbers"][number.key] == pytest.approx(number.value, rel=1e-6, abs=1e-12)
        assert f'<td class="value">{number}</td>' in html
    network, bicubic = summary["quality"]
    assert bicubic["method"] == "bicubic"  # MATLAB's, and the reference was made with torch's
    assert network["psnr"] == pytest.approx(26.2, abs=0.1)
    assert bicubic["psnr"] == pytest.approx(25.6, abs=0.1)


def test_provenance_says_what_was_run(written):
    _, summary, html = written
    facts = summary["provenance"]
    assert next(iter(facts)) == "model"
    for name in ("hyra", "torch", "SIMD level", "FFT libraries", "threads", "scale", "probe", "input"):
        assert name in facts
        assert facts[name] in html


def test_the_limits_of_fsds_are_told(written):
    assert "decided in the outermost pixels" in written[2]
    assert "one operating point" in written[2]


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (0.0, "0.000 dB"),
        (-0.125, "−0.125 dB"),
        (0.00123, "0.0012 dB"),
        (-1.329759e12, "−1.33e+12 dB"),
        (float("inf"), "∞ dB"),
        (float("nan"), "not defined"),
    ],
)
def test_numbers_print_for_people(value, printed):
    assert str(numbers.Number("key", "label", value, "dB", "", "")) == printed


def test_values_that_json_lacks_are_strings(tmp_path):
    lr = torch.rand(3, 16, 16)
    hr = F.interpolate(lr[None], scale_factor=2)[0]
    summary = report.write(hyra.HyRA(torch.nn.Upsample(scale_factor=2)), lr, tmp_path, hr=hr)
    assert summary["quality"][0]["fsds"] == "inf"
    json.loads((tmp_path / "summary.json").read_text(), parse_constant=pytest.fail)


def test_reference_of_another_size_is_refused(tmp_path):
    lr = torch.rand(3, 16, 16)
    model = hyra.HyRA(torch.nn.Upsample(scale_factor=2))
    with pytest.raises(ValueError, match="hr must have 2 times the size of lr, 32x32, got 16x16"):
        report.write(model, lr, tmp_path, hr=lr)


def test_letters_have_one_size_in_all_figures(written):
    _, _, html = written
    shown = re.findall(r'<img src="data:image/png;base64,([^"]*)" width="(\d+)"', html)
    widths = [(int(width), int.from_bytes(base64.b64decode(png)[16:20], "big")) for png, width in shown]
    assert len({pixels for _, pixels in widths}) > 1
    assert max(width / pixels for width, pixels in widths) < 1.01 * min(width / pixels for width, pixels in widths)


def test_a_network_is_wrapped_first(tmp_path):
    with pytest.raises(TypeError, match=r"model must be a hyra.HyRA, such as hyra.HyRA\(net\), got Upsample"):
        report.write(torch.nn.Upsample(scale_factor=2), torch.rand(3, 16, 16), tmp_path)


@pytest.mark.parametrize(
    ("opposition", "remaining", "said"),
    [
        (-0.95, 0.2, "opposes H's (cosine −0.95), and H + G has 0.20 times the energy of H: G takes part of the grid"),
        (-0.38, 1.76, "opposes H's (cosine −0.38), and H + G has 1.76 times the energy of H: G cancels some of the"),
        (0.05, 1.5, "is unrelated to H's (cosine 0.05), and H + G has 1.50 times the energy of H: G adds to what"),
        (-0.9, 1.0, "G leaves the copies as they are"),
        (float("nan"), 0.5, "G leaves the copies as they are"),
    ],
)
def test_what_is_said_of_the_copies_is_what_the_numbers_say(opposition, remaining, said):
    assert said in text.at_the_copies(opposition, remaining)


def test_the_page_tells_of_the_copies(written):
    _, summary, html = written
    found = summary["numbers"]
    assert escape(text.at_the_copies(found["copy_opposition"], found["copy_remaining"])) in html


def test_table_escapes_its_cells():
    assert '<td class="value">a &lt; b</td>' in page.table(("x",), [("a < b",)])


def test_over_an_image_a_linear_network_is_the_same_everywhere(tmp_path):
    model = hyra.HyRA(torch.nn.Upsample(scale_factor=2, mode="bicubic"))
    summary = report.write(model, torch.rand(3, 33, 140), tmp_path, over_image=True)
    over_image = summary["over_image"]
    assert over_image.pop("places") == 2 * 8  # of the middle 33x128
    assert over_image.pop("contrast_correlation") == "nan"
    for name, expected in {"ring_cosine": summary["numbers"]["ring_cosine"], "dc_gain": 1, "deviation": 0}.items():
        values = [over_image.pop(key) for key in [*over_image] if key.startswith(name)]
        assert values == pytest.approx([expected] * len(values), abs=1e-5)
    assert over_image == {}
    html = (tmp_path / "report.html").read_text("utf-8")
    assert "16 places" in html
    assert "rank correlation" not in html
    assert (tmp_path / "over_image.png").stat().st_size > 10_000


def test_over_an_image_the_place_of_an_edge_is_found():
    """Linear on smooth ground, with another filter where the image has a slope."""

    def network(x):
        slope = F.conv2d(x.mean(1, keepdim=True), torch.ones(1, 1, 3, 3).to(x), padding=1) / 9 - x
        y = F.interpolate(x, scale_factor=2, mode="bicubic")
        return y + 4 * F.interpolate(slope.square(), scale_factor=2)

    lr = torch.full((3, 48, 48), 0.25)
    lr[..., 24:] = 0.75
    found, summary = local.measure(hyra.HyRA(network), lr)
    at_edge = found.positions[:, 1] == 23
    assert at_edge.sum() == 3
    assert found.ring_cosine[at_edge].max() < found.ring_cosine[~at_edge].min() - 0.05
    assert summary.contrast_correlation < -0.9
    assert summary.ring_cosine_most == pytest.approx(0.77, abs=0.01)


def test_looks_inside(tmp_path):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 12, 3, padding=1), torch.nn.PixelShuffle(2))
    model, lr = hyra.HyRA(net), torch.rand(3, 24, 32)
    summary = report.write(model, lr, tmp_path, look_inside=True, point=hyra.OperatingPoint(form="affine"))
    found = summary["inside"]
    indices = model.attribution(lr, 2, side=12, progress=False).diffusion_index
    assert found["diffusion_index"] == pytest.approx(float(indices.mean()))
    field = model.erf(lr, support=False)
    assert found["erf_radius_90"] == pytest.approx(field.radius(0.9))
    html = (tmp_path / "report.html").read_text("utf-8")
    for heading, figure in (("Which pixels it uses", "attribution"), ("From layer to layer", "layer_spectra")):
        assert f"<h2>{heading}</h2>" in html
        assert (tmp_path / f"{figure}.png").stat().st_size > 10_000
    assert (tmp_path / "erf.png").exists()
    assert " and ".join(f"{index:.2f}" for index in indices.tolist()) in html


def test_inside_a_function_without_gradients(tmp_path):
    def network(x):
        return torch.from_numpy(x.numpy().repeat(2, -1).repeat(2, -2))

    with pytest.warns(UserWarning, match="the network has no gradients"):
        summary = report.write(hyra.HyRA(network), torch.rand(3, 16, 16), tmp_path, look_inside=True)
    assert [*summary["inside"]] == ["diffusion_index"]
    assert not (tmp_path / "erf.png").exists()


def test_a_clamp_is_said_beside_every_number_and_the_verdict_is_of_where_nothing_is_cut(tmp_path):
    def net(x):
        return F.interpolate(x, scale_factor=4, mode="bicubic").clamp(0, 1)

    summary = report.write(hyra.HyRA(net), torch.rand(3, 20, 24), tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "output is kept within 0..1, and" in page
    assert "Where nothing is cut (derivative at grey 0.5, all colours) it is 0.78." in page
    assert "likeness to the sinc, side lobes (clipped)" in page
    assert "first side lobe (clipped)" in page
    assert any("measure where nothing is cut" in warning for warning in summary["warnings"])


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 2, 40)])
def test_says_at_once_where_an_image_is_too_small_to_look_inside(shape, tmp_path):
    with pytest.raises(ValueError, match="lr must be at least 3 pixels a side to look inside the network, got"):
        report.write(hyra.HyRA(torch.nn.Identity()), torch.rand(shape), tmp_path, look_inside=True)


def test_looks_inside_the_smallest_image(tmp_path):
    net = torch.nn.Conv2d(3, 3, 3, padding=1, bias=False)
    assert "diffusion_index" in report.write(hyra.HyRA(net), torch.rand(3, 3, 3), tmp_path, look_inside=True)["inside"]
