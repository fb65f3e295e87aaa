from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from mmfeat.cli.common import run
from mmfeat.cli.export import app
from mmfeat.errors import MmfeatError
from mmfeat.figures import again, export
from mmfeat.figures.report import data, shelves
from mmfeat.figures.report.document import as_json

HOSTILE = "</script><img src=x onerror=alert(1)><!--<script>\u2028\u202e&amp;"


class Page(HTMLParser):
    """A report as another reader of HTML sees it: every element, and what scripts hold."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[int, str] = {}
        self.inside = False
        self.feed(path.read_text("utf-8"))
        self.close()
        self.data = {
            str(self.tags[at][1]["id"]).removeprefix("data-"): json.loads(text)
            for at, text in self._of("script")
            if self.tags[at][1].get("type") == "application/json"
        }

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        at = len(self.tags) - 1
        if self.inside:
            self.texts[at] = self.texts.get(at, "") + data

    def _of(self, tag: str) -> list[tuple[int, str]]:
        return [(at, self.texts[at]) for at, (own, _) in enumerate(self.tags) if own == tag]

    def policy(self) -> str:
        (found,) = (a["content"] for _, a in self.tags if a.get("http-equiv"))
        return str(found)

    def run(self, tag: str) -> list[str]:
        """What the browser would run of scripts, or apply of styles."""
        return [text for at, text in self._of(tag) if "type" not in self.tags[at][1]]


@pytest.fixture(scope="module")
def report(atlas_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "report.html"
    export("report", atlas_path, out, limit=12)
    return out


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return Page(report)


@pytest.fixture(scope="module")
def file(atlas_path: Path) -> h5py.File:
    with h5py.File(atlas_path, "r") as opened:
        yield opened


def raw(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8)


def code(file: h5py.File, stream: str, rows: np.ndarray, feature: int) -> np.ndarray:
    """The feature's activation in some rows of a stream, from the codes by row."""
    group = file[f"codes/{stream}/by_row"]
    found = []
    for row in rows.tolist():
        low, high = group["indptr"][row : row + 2]
        own = group["indices"][low:high] == feature
        found.append(float(group["data"][low:high][own].sum()))
    return np.array(found)


def test_shared_features_come_first_by_their_effect(page: Page, file: h5py.File) -> None:
    scores = {name: file[f"features/{name}"][:] for name in ("shared", "shared_effect")}
    energy = file["features/energy_image"][:].astype(float) + file["features/energy_text"][:]
    shared = [f for f in range(len(energy)) if scores["shared"][f]]
    shared.sort(key=lambda f: (-scores["shared_effect"][f], -energy[f], f))
    others = [f for f in range(len(energy)) if not scores["shared"][f] and energy[f] > 0]
    others.sort(key=lambda f: (-energy[f], f))
    assert page.data["index"]["features"]["feature"] == (shared + others)[:12]


def test_a_page_holds_what_the_atlas_holds(page: Page, file: h5py.File) -> None:
    languages = [tag.decode() for tag in file["languages"][:]]
    owner = file["codes/text.token/rows/caption"][:]
    texts = [text.decode() for text in file["captions/text"][:]]
    for feature in page.data["index"]["features"]["feature"][:4]:
        own = page.data[f"f{feature}"]
        assert own["energy"] == pytest.approx(
            [file[f"features/energy_{side}"][feature] for side in ("image", "text")], rel=0.01
        )
        for at, tag in enumerate(languages):
            column, table = own["columns"][at], page.data[f"captions-{tag}"]
            rows = file["examples/text.pooled/top"][feature, at]
            rows = rows[rows >= 0][:5]
            captions = file["codes/text.pooled/rows/caption"][:][rows]
            assert [table["texts"][i] for i in column["captions"]] == [texts[i] for i in captions]
            assert column["activations"] == pytest.approx(
                code(file, "text.pooled", rows, feature), rel=0.01
            )
            assert column["name"] == file["names/text"][feature, at].decode()
            assert column["shared"] == file["features/by_language/shared"][feature, at]
            shades = raw(column["tokens"]) / 255 * (own["largest"][1] or 0)
            tokens = np.concatenate([np.flatnonzero(owner == i) for i in captions] or [[]])
            truth = code(file, "text.token", tokens.astype(int), feature)
            assert shades == pytest.approx(truth, abs=0.01 * max(truth, default=0) + 0.03)
            assert len(shades) == sum(len(table["spans"][i]) // 2 for i in column["captions"])


def test_pictures_are_kept_once_with_their_heat_maps(page: Page, file: h5py.File) -> None:
    chunks = [page.data[name] for name in page.data if name.startswith("pictures-")]
    held = [picture for chunk in chunks for picture in chunk["pictures"]]
    names = [name for chunk in chunks for name in chunk["names"]]
    ids = [name.decode() for name in file["items/item_id"][:]]
    assert len(set(names)) == len(names) == len(held)
    for picture, name in list(zip(held, names, strict=True))[:20]:
        with Image.open(io.BytesIO(base64.b64decode(picture))) as decoded:
            assert decoded.format == "WEBP"
            shown = np.asarray(decoded.convert("RGB"), float)
        png = file["thumbnails/image"][ids.index(name)].tobytes()
        truth = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), float)
        assert shown.shape == truth.shape
        assert abs(shown - truth).mean() < 12
    feature = page.data["index"]["features"]["feature"][0]
    gallery = page.data[f"f{feature}"]["pictures"]
    rows = file["examples/image.pooled/top"][feature]
    rows = rows[rows >= 0][:12]
    items = file["codes/image.pooled/rows/item"][:][rows]
    assert [names[i] for i in gallery["pictures"]] == [ids[i] for i in items]
    heat, largest = raw(gallery["heat"]), page.data[f"f{feature}"]["largest"][0]
    patch = {name: file[f"codes/image.patch/rows/{name}"][:] for name in ("item", "position")}
    for item, grid in zip(items, gallery["grids"], strict=True):
        cells = grid[0] * grid[1]
        own, heat = heat[:cells], heat[cells:]
        of_item = np.flatnonzero(patch["item"] == item)
        truth = np.zeros(cells)
        truth[patch["position"][of_item]] = code(file, "image.patch", of_item, feature)
        assert own / 255 * largest == pytest.approx(truth, abs=0.02 * largest)
    assert not heat.size


def test_the_map_holds_every_feature_where_the_atlas_has_it(page: Page, file: h5py.File) -> None:
    held, places = page.data["map"], file["maps/umap"][:].astype(float)
    assert held["features"] == np.flatnonzero(np.isfinite(places).all(1)).tolist()
    xy = np.frombuffer(base64.b64decode(held["places"]), "<u2").reshape(-1, 2).astype(float)
    places = places[held["features"]]
    slope = np.ptp(xy, axis=0) / np.ptp(places, axis=0)
    assert slope[0] == pytest.approx(slope[1], rel=1e-3)  # neither axis is stretched
    assert slope.min() * np.ptp(places, axis=0).max() == pytest.approx(65535, rel=1e-3)
    assert xy - xy.mean(0) == pytest.approx((places - places.mean(0)) * slope, abs=2)
    assert raw(held["languages"]).tolist() == file["features/n_languages"][:].tolist()
    shared = file["features/shared"][:].astype(bool)
    assert (raw(held["status"]) == 2).tolist() == shared.tolist()


def test_a_crowded_map_keeps_what_the_report_shows(
    atlas_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "MOST_POINTS", 10)
    out = tmp_path / "r.html"
    export("report", atlas_path, out, feature=(95, 3, 3), language=("ko",), captions=1, pictures=1)
    held = Page(out).data
    assert held["index"]["features"]["feature"] == [95, 3]
    assert [row[0] for row in held["index"]["languages"]] == ["ko"]
    assert len(held["map"]["features"]) == 10
    assert {3, 95} <= set(held["map"]["features"])
    assert len(held["f3"]["columns"]) == 1
    assert len(held["f3"]["columns"][0]["captions"]) <= 1


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (16, 17), (24, 24), (37, 50)])
def test_a_fine_heat_map_is_made_coarser_without_losing_its_peaks(shape: tuple[int, int]) -> None:
    patches = np.random.default_rng(0).random(shape, np.float32)
    found = data._small(patches)
    assert found.shape == tuple(min(size, 16) for size in shape)
    for row, column in np.ndindex(found.shape):
        box = [
            slice(at * size // n, (at + 1) * size // n)
            for at, size, n in zip((row, column), shape, found.shape, strict=True)
        ]
        assert found[row, column] == patches[box[0], box[1]].max()


def test_texts_of_strangers_end_no_element(atlas_path: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "hostile.h5", tmp_path / "r.html"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        file.attrs["name"] = file.attrs["attribution"] = HOSTILE
        file["names/text"][:] = HOSTILE
        file["captions/text"][:] = HOSTILE * 3
        file["items/item_id"][:] = HOSTILE
    plain = tmp_path / "plain.html"
    for source, target in ((atlas_path, plain), (path, out)):
        export("report", source, target, feature=(1, 2), title=HOSTILE)
    found = Page(out)
    # As many elements of each kind as without them, the data's and the page's own.
    kinds = [[tag for tag, _ in one.tags] for one in (Page(plain), found)]
    assert sorted(kinds[0]) == sorted(kinds[1])
    assert not [a for _, a in found.tags if any(name.startswith("on") for name in a)]
    assert found.data["f1"]["columns"][0]["name"] == HOSTILE
    assert "<img src=x" not in out.read_text("utf-8")


def test_json_survives_what_would_end_its_element() -> None:
    text = as_json({"a": HOSTILE, "b": None})
    assert json.loads(text) == {"a": HOSTILE, "b": None}
    assert not {"<", ">", "&", "\u2028", "\u2029"} & set(text)
    with pytest.raises(ValueError, match="JSON"):
        as_json(float("nan"))


def test_the_policy_allows_our_style_and_script_alone(page: Page) -> None:
    rules = dict(rule.split(" ", 1) for rule in page.policy().split("; "))
    for name, tag in (("script-src", "script"), ("style-src", "style")):
        (text,) = page.run(tag)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag, attributes in page.tags:
        for name in ("src", "href", "action", "style"):
            assert attributes.get(name, "#") in ("#", "data:,"), (tag, name)


def test_the_same_inputs_give_the_same_bytes(
    report: Path, atlas_path: Path, tmp_path: Path
) -> None:
    other = tmp_path / "report.html"
    found = export("report", atlas_path, other, limit=12)
    assert other.read_bytes() == report.read_bytes()
    assert found["bytes"] == other.stat().st_size
    assert again(Path(found["manifest"]), tmp_path / "again.html")["features"] == 12
    assert (tmp_path / "again.html").read_bytes() == report.read_bytes()


def test_pages_share_what_they_show(report: Path, page: Page) -> None:
    index = page.data["index"]
    per_page = [len(as_json(page.data[f"f{f}"])) for f in index["features"]["feature"]]
    assert max(per_page) < 20_000
    for at, (tag, *_) in enumerate(index["languages"]):
        columns = [page.data[f"f{f}"]["columns"][at] for f in index["features"]["feature"]]
        used = {caption for column in columns for caption in column["captions"]}
        assert used == set(range(len(page.data[f"captions-{tag}"]["texts"])))
    assert report.stat().st_size < 3_000_000


def test_pictures_shrink_until_all_fit(
    atlas_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sides(out: Path) -> tuple[int, int]:
        held = Page(out).data["pictures-0"]["pictures"]
        pictures = [base64.b64decode(one) for one in held if one]
        return max(max(Image.open(io.BytesIO(one)).size) for one in pictures), sum(
            map(len, pictures)
        )

    export("report", atlas_path, tmp_path / "large.html", feature=(1,))
    side, size = sides(tmp_path / "large.html")
    assert side == 96
    monkeypatch.setattr(shelves, "PICTURE_BYTES", size - 1)
    export("report", atlas_path, tmp_path / "small.html", feature=(1,))
    assert sides(tmp_path / "small.html") == (72, pytest.approx(size * 0.75, rel=0.3))


def test_a_large_picture_becomes_a_thumbnail_and_a_broken_one_is_named(
    atlas_path: Path, tmp_path: Path
) -> None:
    path, out = tmp_path / "a.h5", tmp_path / "r.html"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        feature = int(file["features/firing_rate_image"][:].argmax())
        row = int(file["examples/image.pooled/top"][feature, 0])
        item = int(file["codes/image.pooled/rows/item"][row])
        buffer = io.BytesIO()
        Image.new("RGB", (800, 400), (200, 30, 30)).save(buffer, "PNG")
        file["thumbnails/image"][item] = np.frombuffer(buffer.getvalue(), np.uint8)
        name = file["items/item_id"][item].decode()
    export("report", path, out, feature=(feature,))
    first = base64.b64decode(Page(out).data["pictures-0"]["pictures"][0])
    with Image.open(io.BytesIO(first)) as picture:
        assert picture.size == (96, 48)
    with h5py.File(path, "r+") as file:
        file["thumbnails/image"][item] = np.frombuffer(b"no picture", np.uint8)
    with pytest.raises(MmfeatError, match=rf"{name}.* is not a readable picture") as error:
        export("report", path, out, feature=(feature,))
    assert str(error.value).count("\n") == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feature": (96,)}, "has no feature 96; give some from 0 to 95"),
        ({"feature": (-1,)}, "has no feature -1"),
        ({"language": ("sw",)}, "has no captions in sw; give some of"),
        ({"limit": 0}, "limit"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(
    options: dict[str, Any], message: str, atlas_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "r.html"
    with pytest.raises(MmfeatError, match=message):
        export("report", atlas_path, out, **options)
    assert not out.exists()


def test_features_and_languages_are_repeated_options(
    atlas_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "r.html"
    options = ["--feature", "7", "--feature", "2", "--language", "ko", "--language", "ar"]
    assert run(app, ["report", str(atlas_path), "--out", str(out), *options, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["features"], found["languages"]) == (2, ["ko", "ar"])
    index = Page(out).data["index"]
    assert index["features"]["feature"] == [7, 2]
    assert [(row[0], row[3]) for row in index["languages"]] == [("ko", "ltr"), ("ar", "rtl")]
