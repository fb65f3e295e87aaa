"""A report in a real Chromium, made from an atlas whose texts try to run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pymupdf
import pytest

from mmfeat.figures import export

CHROMIUM = next(
    filter(
        None,
        map(
            shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
        ),
    ),
    None,
)
if CHROMIUM is None:
    pytest.skip("no Chromium here; install Debian's chromium", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=60_000)  # for machines that are busy

HOSTILE = (
    '</script><script>window.ran=1</script><img src=x onerror="window.ran=1">'
    '<svg onload="window.ran=1">\'"><!--\u2028\u202e{{7*7}}${window.ran=1}'
)
FEATURES = 30
KOREAN, ARABIC = "사과나무", "شجرة التفاح الكبيرة"


@dataclass
class Watched:
    """A page, and all that it says, breaks or asks for."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.said.append(f"{message.type} {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def outside(self) -> list[str]:
        """Addresses asked for that are not in the file."""
        return [url for url in self.asked if not url.startswith(("file:", "data:"))]


@pytest.fixture(scope="module")
def hostile(atlas_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An atlas with code for names, captions and ids, but for two names."""
    path = tmp_path_factory.mktemp("browser") / "hostile.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        tags = [tag.decode() for tag in file["languages"][:]]
        file.attrs["name"] = file.attrs["attribution"] = HOSTILE
        ids = [f"{HOSTILE}{at}" for at in range(len(file["items/item_id"]))]
        file["items/item_id"][:] = ids
        for at, text in enumerate(file["captions/text"].asstr()[:].tolist()):
            if at % 3 == 0:
                file["captions/text"][at] = text + HOSTILE
        names = file["names/text"].asstr()[:]
        names[1::2] = HOSTILE
        names[4, tags.index("ko")] = KOREAN
        names[6, tags.index("ar")] = ARABIC
        file["names/text"][:] = names
    return path


@pytest.fixture(scope="module")
def report(hostile: Path) -> Path:
    out = hostile.with_name("report.html")
    export("report", hostile, out, feature=tuple(range(FEATURES)))
    return out


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, timeout=120_000)
        yield found
        found.close()


@pytest.fixture
def watch(browser: Any, report: Path) -> Iterator[Callable[..., Watched]]:
    """Opens the report in a window of its own; nothing may run or be asked for by the end."""
    contexts: list[Any] = []
    opened: list[Watched] = []

    def open_report(hash: str = "", **options: Any) -> Watched:
        options = {"viewport": {"width": 1300, "height": 850}, "offline": True, **options}
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(120_000)
        watched = Watched(contexts[-1].new_page())
        watched.page.goto(report.as_uri() + hash)
        expect(watched.page.locator("#legend")).not_to_be_empty()
        opened.append(watched)
        return watched

    yield open_report
    for watched in opened:
        assert watched.page.evaluate("window.ran") is None
        assert watched.said == []
        assert watched.outside() == []
    for context in contexts:
        context.close()


def shows(page: Any, feature: int) -> None:
    """Wait for the page of a feature."""
    expect(page.locator("#feature .number")).to_have_text(f"Feature {feature}")


def starts(page: Any) -> None:
    """Wait for the start."""
    expect(page.locator("#overview")).to_be_visible()
    expect(page.locator("#feature")).to_be_hidden()


def listed(page: Any) -> list[int]:
    links = page.eval_on_selector_all("#list tbody a", "all => all.map(a => a.hash)")
    return [int(link.removeprefix("#f")) for link in links]


def finds(page: Any, text: str, features: list[int]) -> None:
    """Search, and wait for exactly these features."""
    page.fill("#search", "")
    expect(page.locator("#found")).to_have_text(f"{FEATURES} features")
    page.fill("#search", text)
    expect(page.locator("#found")).to_have_text(f"{len(features)} of {FEATURES} features found")
    assert listed(page) == features


def test_every_page_opens_and_nothing_of_a_stranger_runs(watch: Callable[..., Watched]) -> None:
    page = watch().page
    starts(page)
    elements = set()
    for feature in range(FEATURES):
        page.evaluate("feature => { location.hash = `#f${feature}` }", feature)
        shows(page, feature)
        elements |= set(
            page.eval_on_selector_all("body *", "all => all.map(one => one.tagName.toLowerCase())")
        )
    assert not {"svg", "iframe", "object"} & elements
    texts = page.eval_on_selector_all(".caption", "all => all.map(one => one.textContent)")
    assert any("<img src=x onerror=" in text for text in texts)
    assert not page.evaluate("[...document.images].some(image => image.onerror)")
    page.evaluate("Promise.all([...document.images].map(image => image.decode()))")
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")


def test_nothing_can_be_loaded_or_injected(browser: Any, report: Path) -> None:
    context = browser.new_context()
    watched = Watched(context.new_page())
    watched.page.goto(report.as_uri())
    refused = watched.page.evaluate(
        """async () => {
          const refused = [];
          addEventListener("securitypolicyviolation", (e) => refused.push(e.effectiveDirective));
          const add = (tag, values) => document.body.append(
            Object.assign(document.createElement(tag), values));
          add("img", { src: "https://example.org/a.png" });
          add("link", { rel: "stylesheet", href: "https://example.org/a.css" });
          try { add("script", { text: "window.ran = 1" }); } catch { refused.push("trusted"); }
          try { document.body.innerHTML += "<b>x</b>"; } catch { refused.push("trusted"); }
          await fetch("https://example.org/").catch(() => refused.push("fetch"));
          await new Promise((done) => setTimeout(done, 200));
          return refused;
        }"""
    )
    assert {"img-src", "style-src-elem", "connect-src", "trusted", "fetch"} <= set(refused)
    assert watched.page.evaluate("window.ran") is None
    context.close()


def test_a_click_on_the_list_opens_a_page_and_back_returns(watch: Callable[..., Watched]) -> None:
    page = watch().page
    page.click("#list tbody tr:nth-child(3) a")
    shows(page, 2)
    assert page.evaluate("location.hash") == "#f2"
    assert page.get_attribute("#list tbody tr:nth-child(3) a", "aria-current") == "page"
    page.click("[aria-label='Next feature']")
    shows(page, 3)
    page.go_back()
    shows(page, 2)
    page.go_back()
    starts(page)
    page.go_forward()
    shows(page, 2)


def test_an_address_opens_its_page_and_a_wrong_one_the_start(
    watch: Callable[..., Watched],
) -> None:
    shows(watch("#f17").page, 17)
    page = watch("#f80").page
    starts(page)
    assert "80 is not in this report" in page.inner_text("#said")
    starts(watch("#<img>").page)


def test_a_feature_is_pointed_at_and_opened_where_it_is_on_the_map(
    watch: Callable[..., Watched], hostile: Path
) -> None:
    with h5py.File(hostile) as file:
        places = file["maps/umap"][:].astype(float)
    middle, extent = (places.max(0) + places.min(0)) / 2, np.ptp(places, axis=0)
    page = watch().page
    box = page.locator("#map").bounding_box()
    room = np.array([box["width"], box["height"]])
    scale = ((room - 30) / extent).min()
    at = room / 2 + (places - middle) * scale * [1, -1]
    apart = np.linalg.norm(at[:, None] - at[None], axis=2) + np.eye(len(at)) * 1e9
    feature = int(apart[:FEATURES].min(1).argmax())
    page.hover("#map", position={"x": at[feature][0], "y": at[feature][1]})
    assert f"#{feature} " in page.inner_text("#card")
    assert page.is_visible("#card img")
    page.click("#map", position={"x": at[feature][0], "y": at[feature][1]})
    shows(page, feature)
    other = FEATURES + int(apart[FEATURES:].min(1).argmax())
    page.hover("#map", position={"x": at[other][0], "y": at[other][1]})
    assert "not in this report" in page.inner_text("#card")
    for key in ("modality", "status", "languages"):
        page.select_option("#colour", key)
        before = page.locator("#map").screenshot()
    page.locator("#map").hover(position={"x": 200, "y": 200})
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(100)
    assert page.locator("#map").screenshot() != before


def test_search_finds_names_and_captions_in_any_script(
    watch: Callable[..., Watched], hostile: Path
) -> None:
    page = watch().page
    finds(page, "사과나", [4])
    assert page.inner_text("#list mark") == "사과나"
    # Without its harakat and with other forms of its letters.
    finds(page, "شَجَرة التفاح", [6])
    assert page.get_attribute("#list .hit bdi", "lang") == "ar"
    assert (
        page.eval_on_selector("#list .hit bdi", "one => getComputedStyle(one).direction") == "rtl"
    )
    finds(page, "#12", [12])
    finds(page, "no such thing anywhere", [])
    page.goto(page.url + "#f4")
    caption = page.inner_text("[data-language=fa] .caption >> nth=0")
    page.fill("#search", caption)
    expect(page.locator("#list a[href='#f4']")).to_be_visible()
    page.fill("#search", "")
    expect(page.locator("#list tbody tr")).to_have_count(FEATURES)


def test_the_list_is_sorted_by_any_column(watch: Callable[..., Watched], hostile: Path) -> None:
    with h5py.File(hostile) as file:
        modality = file["features/modality_score"][:FEATURES]
    page = watch().page
    assert listed(page) == list(range(FEATURES))
    page.click("th[data-key=modality] button")
    order = modality[listed(page)]
    known = order[np.isfinite(order)]
    assert (np.diff(known) <= 1e-3).all()
    assert np.isnan(order[len(known) :]).all()
    assert page.get_attribute("th[data-key=modality]", "aria-sort") == "descending"
    page.click("th[data-key=modality] button")
    assert (np.diff(modality[listed(page)][: len(known)]) >= -1e-3).all()


def test_all_can_be_done_from_the_keyboard(watch: Callable[..., Watched]) -> None:
    page = watch().page
    focused = "document.activeElement.id"
    page.keyboard.press("j")
    shows(page, 0)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    shows(page, 1)
    page.keyboard.press("/")
    assert page.evaluate(focused) == "search"
    page.keyboard.type("#1")
    page.keyboard.type("2j")  # letters are text here, not keys
    assert page.input_value("#search") == "#12j"
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    shows(page, 12)
    page.keyboard.press("Escape")
    assert page.input_value("#search") == ""
    page.keyboard.press("Escape")
    assert page.evaluate(focused) != "search"
    page.keyboard.press("?")
    assert page.is_visible("#help")
    page.keyboard.press("Escape")
    assert not page.is_visible("#help")
    shows(page, 12)
    page.focus("#map")
    page.keyboard.press("ArrowRight")
    assert page.is_visible("#card")
    pointed = int(re.search(r"#(\d+) ", page.inner_text("#card"))[1])
    page.keyboard.press("Enter")
    shows(page, pointed)
    page.keyboard.press("Tab")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Escape")  # first what explains the button
    page.keyboard.press("Escape")
    starts(page)


def test_a_number_explains_itself_while_it_has_the_focus(watch: Callable[..., Watched]) -> None:
    page = watch("#f2").page
    page.focus(".numbers > div:first-child")
    assert "0 fires for captions only, 1 for pictures only" in page.inner_text("#tip")
    assert page.get_attribute(".numbers > div:first-child", "aria-describedby") == "tip"
    page.keyboard.press("Escape")
    assert not page.is_visible("#tip")


def test_each_language_has_its_direction(watch: Callable[..., Watched]) -> None:
    page = watch("#f2").page
    found = page.eval_on_selector_all(
        ".column",
        """all => all.map((one) => [one.dataset.language, [...one.querySelectorAll(".caption")]
          .map((caption) => [caption.lang, getComputedStyle(caption).direction])])""",
    )
    directions = {tag: "rtl" if tag in ("ar", "fa") else "ltr" for tag, _ in found}
    assert {"ar", "fa", "ko", "ru", "en"} <= directions.keys()
    assert sum(len(captions) for _, captions in found) > len(found)
    for tag, captions in found:
        assert captions == [[tag, directions[tag]]] * len(captions)
    heads = page.eval_on_selector_all(
        ".column h4", "all => all.map((one) => getComputedStyle(one).direction)"
    )
    assert heads == list(directions.values())


def test_heat_maps_lie_on_their_pictures_and_can_be_hidden(watch: Callable[..., Watched]) -> None:
    page = watch("#f2").page
    assert page.locator("canvas.heat").count() > 0
    strongest = """all => Math.max(...all.map((one) => Math.max(...one.getContext("2d")
      .getImageData(0, 0, one.width, one.height).data.filter((_, at) => at % 4 === 3))))"""
    assert page.eval_on_selector_all("canvas.heat", strongest) == pytest.approx(204, abs=60)
    page.uncheck("#heat")
    expect(page.locator("canvas.heat:visible")).to_have_count(0)
    page.keyboard.press("j")
    shows(page, 3)
    assert not page.is_visible("canvas.heat")  # it stays as it was chosen


def test_dark_follows_the_system_and_can_be_switched(watch: Callable[..., Watched]) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = watch().page, watch(color_scheme="dark").page
    assert (light.evaluate(ground), dark.evaluate(ground)) == (
        "rgb(246, 246, 244)",
        "rgb(22, 24, 27)",
    )
    dark.click("#theme")
    assert dark.evaluate(ground) == light.evaluate(ground)
    assert dark.inner_text("#theme") == "Dark"


def test_a_phone_needs_no_scrolling_sideways(watch: Callable[..., Watched]) -> None:
    options = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    page = watch(**options).page
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) <= 390
    page.tap("#list tbody tr:nth-child(5) a")
    shows(page, 4)
    assert page.evaluate(wide) <= 390
    assert not page.is_visible("#list")
    page.tap(".back")
    assert page.is_visible("#list")


def test_the_open_page_is_printed_in_black_on_white(
    watch: Callable[..., Watched], hostile: Path
) -> None:
    page = watch("#f4", color_scheme="dark").page
    printed = pymupdf.open(stream=page.pdf(format="A4"), filetype="pdf")
    assert 1 <= len(printed) <= 5
    text = " ".join("\n".join(sheet.get_text() for sheet in printed).split())
    assert "Feature 4" in text
    assert KOREAN in text
    assert " ".join(page.inner_text("#feature .sentence >> nth=0").split()) in text
    assert "Search names" not in text
    corner = printed[0].get_pixmap().pixel(3, 3)
    assert corner == (255, 255, 255)
    title = [
        span
        for block in printed[0].get_text("dict")["blocks"]
        for line in block.get("lines", [])
        for span in line["spans"]
        if "Strongest pictures" in span["text"]
    ]
    assert title[0]["color"] == 0
