"""What a reader does with the page of an evaluation, in a real browser without a network.

`HYRA_REQUIRE_CHROMIUM=1` makes a browser that is not there an error, not a reason to skip.
"""

from __future__ import annotations

import io
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from hyra.evaluate import Evaluation
from hyra.report.evaluation import write

REQUIRED = os.environ.get("HYRA_REQUIRE_CHROMIUM", "0") != "0"
if not REQUIRED:
    pytest.importorskip("plotly")

pytestmark = pytest.mark.once  # with one set of packages

QUOTES, SCRIPT = """it's "a" & <b>bold<b> &lt;""", "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def chromium():
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        sync_playwright = None
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    missing = "the package playwright" if sync_playwright is None else "a program chromium" if program is None else ""
    if missing and REQUIRED:
        pytest.fail(f"HYRA_REQUIRE_CHROMIUM is set, and {missing} is not installed")
    if missing:
        pytest.skip(f"the page is tested in a browser where there is one: {missing} is not installed")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(original, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "page.html"
    write(original.evaluation, file, progress=False)
    return file


@pytest.fixture
def opened(chromium, file):
    """Opens a page; at the end, nothing was requested but it, no script failed and no dialog of the browser came."""
    contexts, wrong = [], []

    def open_page(path=file, **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, "offline": True, **options})
        context.set_default_timeout(120_000)  # the machine may be busy
        contexts.append(context)
        page = context.new_page()
        allowed = ("data:", "blob:", path.as_uri())
        page.on("request", lambda request: request.url.startswith(allowed) or wrong.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: said.type in {"error", "warning"} and wrong.append(said.text))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.goto(path.as_uri())
        page.wait_for_selector("#scatter .main-svg")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def column(page, table, number):
    return page.locator(f"{table} tbody tr > :nth-child({number})").all_inner_texts()


def test_sorts_by_a_click_and_by_a_key(opened):
    page = opened()
    head = page.locator("#pairs thead th", has_text="PSNR")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    values = column(page, "#pairs", 4)
    finite = [float(value) for value in values if value not in {"∞", "–"}]
    assert values[:2] == ["∞", "∞"]
    assert finite == sorted(finite, reverse=True)
    assert values[-4:] == ["–"] * 4  # those that failed
    page.keyboard.press("Enter")  # the focus is still there
    assert head.get_attribute("aria-sort") == "ascending"
    values = column(page, "#pairs", 4)
    assert [float(value) for value in values if value not in {"∞", "–"}] == finite[::-1]
    assert values[-6:] == ["∞", "∞", "–", "–", "–", "–"]
    page.locator("#pairs thead th button", has_text="image").click()
    assert head.get_attribute("aria-sort") == "none"
    names = column(page, "#pairs", 1)
    assert names[0].startswith("broken")
    assert names[-1].startswith("small")


def test_sorts_the_means(opened):
    page = opened()
    page.locator("#means thead button", has_text="MAE").click()
    values = [float(text.split()[0]) for text in column(page, "#means", 6)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 4


def test_filters_by_words(opened):
    page = opened()
    field = page.get_by_label("Filter pairs by words")
    field.fill("x2 NEAREST")
    assert column(page, "#pairs", 2) == ["nearest"] * 6
    assert column(page, "#pairs", 3) == ["×2"] * 6
    assert "6 of 24 pairs" in page.locator("#pairs output").inner_text()
    field.fill(QUOTES)
    assert column(page, "#pairs", 1) == [QUOTES] * 4
    field.fill("no such image")
    assert column(page, "#pairs", 1) == []
    field.fill("")
    assert len(column(page, "#pairs", 1)) == 24
    page.get_by_label("Filter lines by words").fill("alert x4")
    assert column(page, "#means", 1) == [SCRIPT]


def hovered(page, plot, index):
    """The label that appears over a point of a scatter."""
    point = page.locator(f"#{plot} .scatterlayer .trace .point").nth(index)
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    label = page.locator(f"#{plot} .hoverlayer .hovertext")
    label.wait_for()
    return " ".join(label.locator("text").all_text_contents())


def test_a_point_says_its_name_and_opens_its_pair(opened, original):
    page = opened()
    label = hovered(page, "scatter", 2)  # the third image by name, of the first method at the last scale
    pair = next(o for o in original.evaluation.outcomes if (o.method, o.scale, o.image) == (SCRIPT, 4, QUOTES))
    assert QUOTES in label
    assert f"{pair.value('psnr'):.2f}, {pair.value('ssim'):.4f}" in label
    assert SCRIPT in label
    page.mouse.down()
    page.mouse.up()
    assert page.locator("dialog[open] h2").inner_text() == f"{QUOTES}, {SCRIPT} ×4"


def test_the_scatter_is_between_any_two_scores(opened, original):
    page = opened()
    page.locator("#scatter-x").select_option(label="FSDS (dB)")
    page.locator("#scatter-y").select_option(label="MAE")
    page.locator("#scatter-scale").select_option(label="×2")
    axes = page.locator("#scatter .xtitle, #scatter .ytitle").all_text_contents()
    assert sorted(axes) == ["FSDS (dB)", "MAE"]
    assert page.locator("#scatter .scatterlayer .point").count() == 5 + 2  # those with both scores
    pair = next(o for o in original.evaluation.outcomes if (o.method, o.scale, o.image) == (SCRIPT, 2, "broken"))
    assert f"{pair.value('fsds'):.2f}, {pair.value('mae'):.5f}" in hovered(page, "scatter", 0)


def test_distributions_follow_the_choice(opened):
    page = opened()
    assert page.locator("#distributions .xtitle").text_content() == "PSNR (dB)"
    assert sorted(page.locator("#distributions .ytick").all_text_contents()) == [SCRIPT, "nearest"]
    page.locator("#distributions-score").select_option(label="SSIM")
    assert page.locator("#distributions .xtitle").text_content() == "SSIM"


def covered(page):
    """The share of the reference that the prediction covers, as the browser has it."""
    clip = page.locator("dialog .above").first.evaluate("image => getComputedStyle(image).clipPath")
    return (
        100 - float(clip.split("- ")[1].split("%")[0]) if "calc" in clip else 100 - float(clip.split()[1].rstrip("%"))
    )


def test_opens_a_pair_by_keyboard_and_moves_the_slider(opened):
    page = opened()
    page.locator(".thumbnail").first.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog[open]")
    assert dialog.locator("h2").inner_text() == f"small, {SCRIPT} ×2"
    assert covered(page) == 50
    page.keyboard.press("ArrowRight")  # the slider has the focus
    assert covered(page) == 51
    page.keyboard.press("Home")
    assert covered(page) == 0
    page.keyboard.press("End")
    assert covered(page) == 100
    assert all(width > 0 for width in dialog.locator("img").evaluate_all("all => all.map((x) => x.naturalWidth)"))
    assert dialog.locator("img").count() == 5
    page.keyboard.press("Escape")
    assert dialog.count() == 0
    assert page.evaluate("document.activeElement.className").startswith("thumbnail")


def test_the_picture_itself_is_a_slider(opened):
    page = opened()
    page.locator(".thumbnail").nth(3).click()
    box = page.locator("dialog .overlaid").first.bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 30)
    page.mouse.up()
    assert covered(page) == pytest.approx(25, abs=1)
    page.get_by_role("button", name="Next").click()
    assert covered(page) == 50
    assert page.locator("dialog tr.this").count() == 1
    page.get_by_role("button", name="Close").click()
    assert page.locator("dialog[open]").count() == 0


def test_the_slider_shows_other_pixels(opened):
    page = opened()
    page.locator(".thumbnail").first.click()
    picture = page.locator("dialog .overlaid").first
    shots = []
    for key in ("Home", "End"):
        page.keyboard.press(key)
        shots.append(picture.screenshot())
    assert shots[0] != shots[1]


@pytest.mark.parametrize("width", [320, 375])
def test_fits_a_phone(opened, width):
    page = opened(viewport={"width": width, "height": 700}, is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("innerWidth") == width  # a wider body would have made it larger
    page.locator(".thumbnail").first.tap()
    assert page.locator("dialog").evaluate("box => box.scrollWidth - box.clientWidth") <= 0
    assert page.locator("dialog").bounding_box()["width"] <= width
    for plot in ("distributions", "scatter"):
        assert page.locator(f"#{plot} .main-svg").first.bounding_box()["width"] <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_table_that_is_wider_than_a_phone_shows_it(opened, scheme):
    """By a shadow at the edge beyond which there is more, gone where there is none."""
    page = opened(viewport={"width": 375, "height": 900}, color_scheme=scheme)
    table = page.locator(".table:has(#means)")
    assert table.evaluate("box => box.scrollWidth > box.clientWidth")

    def edge(place):
        """How far the last column of pixels is from the page's colour, most of it."""
        table.evaluate(f"box => box.scrollLeft = {place}")
        picture = np.asarray(Image.open(io.BytesIO(table.screenshot())).convert("L")).astype(int)
        canvas = picture.max() if scheme == "light" else picture.min()
        return np.median(np.abs(picture[:, -2] - canvas))

    assert edge(0) > 40
    assert edge(10_000) < 20


def brightness(colour):
    return sum(map(int, colour.removeprefix("rgb(").rstrip(")").split(", ")[:3])) / 3


def test_follows_the_screen_into_the_dark(opened):
    page = opened(color_scheme="light")
    text = "text => getComputedStyle(text).fill"
    axis = page.locator("#scatter .xtick text").first
    dark_letters = brightness(axis.evaluate(text))
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.querySelector('#scatter .xtick text').style.fill.includes('255')")
    assert dark_letters < 64
    assert brightness(axis.evaluate(text)) > 192
    assert brightness(page.locator("h1").evaluate("h => getComputedStyle(h).color")) > 192
    page.locator(".thumbnail").first.click()
    assert brightness(page.locator("dialog").evaluate("box => getComputedStyle(box).backgroundColor")) < 64


def test_no_foreign_script_runs_and_nothing_is_fetched(chromium, file):
    """The policy of the page forbids both, whatever a name may bring in."""
    page = chromium.new_context().new_page()
    page.goto(file.as_uri())
    page.evaluate(
        "window.broken = []; addEventListener('securitypolicyviolation', (e) => broken.push(e.effectiveDirective))"
    )
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"http://127.0.0.1:9/x.png\">')")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = true'}))")
    page.wait_for_function("broken.length >= 2")
    assert page.evaluate("broken").sort() == ["img-src", "script-src-elem"].sort()
    assert page.evaluate("window.ran") is None
    page.context.close()


def test_a_run_in_which_all_failed(opened, original, tmp_path):
    failed = tuple(o for o in original.evaluation.outcomes if o.error is not None)
    file = tmp_path / "page.html"
    write(Evaluation(original.evaluation.run, failed), file, progress=False)
    page = opened(file)
    assert column(page, "#pairs", 4) == ["–"] * 4
    assert page.locator(".thumbnail").count() == 0
    assert "both images must have the same size" in page.locator("#pairs").inner_text()


def test_many_points_are_drawn_and_named_too(chromium, original, tmp_path):
    """From ten thousand on WebGL draws them, which needs a little more than the policy of a page allows by default."""
    values = {key: 30.0 + place for place, key in enumerate(original.evaluation.outcomes[0].values)}
    pair = replace(original.evaluation.outcomes[0], method="many", scale=4.0, image=QUOTES, values=values)
    far = {key: value + 9 for key, value in values.items()}
    pairs = [pair, *(replace(pair, image=f"img{index}", values=far) for index in range(10_000))]
    file = tmp_path / "page.html"
    write(Evaluation(original.evaluation.run, tuple(pairs)), file, count=0, progress=False)
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(file.as_uri())
    page.locator("#scatter .gl-canvas").first.wait_for(state="attached")
    page.locator("#scatter").scroll_into_view_if_needed()
    x, y = page.evaluate(
        """() => {
            const plot = document.getElementById("scatter");
            const { xaxis, yaxis } = plot._fullLayout;
            const { left, top } = plot.getBoundingClientRect();
            return [left + xaxis._offset + xaxis.l2p(30), top + yaxis._offset + yaxis.l2p(31)];
        }"""
    )
    page.mouse.move(x - 2, y)
    page.mouse.move(x, y)
    label = page.locator("#scatter .hoverlayer .hovertext")
    label.wait_for()
    assert QUOTES in " ".join(label.locator("text").all_text_contents())
    assert page.locator("#pairs output").inner_text() == "10001 pairs"
    assert page.locator("#pairs tbody tr").count() == 50
    page.get_by_role("button", name="Show more").click()
    assert page.locator("#pairs tbody tr").count() == 200
    assert wrong == []
    page.context.close()


def test_a_click_in_the_distributions_opens_the_pair(opened):
    page = opened()
    point = page.locator("#distributions .boxlayer .point").first
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    label = page.locator("#distributions .hoverlayer .hovertext", has_text=SCRIPT)
    label.first.wait_for()
    page.mouse.down()
    page.mouse.up()
    assert SCRIPT in page.locator("dialog[open] h2").inner_text()
