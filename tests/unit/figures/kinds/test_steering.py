from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest

from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.steer import Steering
from mmfeat.errors import MmfeatError
from mmfeat.figures import draw, export
from tests.unit.figures.kinds.drawn import check_pages


@pytest.fixture(scope="module")
def steered(atlas_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command prints of a picture, against captions in three scripts."""
    out = tmp_path_factory.mktemp("steer") / "steer.json"
    with Atlas(atlas_path) as atlas:
        scores = atlas.features()
        feature = int(
            np.argmax(np.minimum(scores["firing_rate_image"], scores["firing_rate_text"]))
        )
        steering = Steering(atlas, device="cpu")
        item = atlas.items().split.index("test")
        query = steering.item(atlas.items().item_id[item])
        result = steering.steer(
            query, [feature], steering.clamping(query, 5.0),
            languages=["ar", "en", "ko"], top=4, controls=12,
        )  # fmt: skip
    out.write_text(json.dumps(result), "utf-8")
    return out


def changed(steered: Path, out: Path, **values: Any) -> Path:
    out.write_text(json.dumps(json.loads(steered.read_text("utf-8")) | values), "utf-8")
    return out


def test_controls_and_changes_are_those_of_the_result(atlas_path: Path, steered: Path) -> None:
    results = json.loads(steered.read_text("utf-8"))["results"]
    figure = draw("steering", atlas_path, result=steered, width="2")
    axes = figure.axes[-1]
    for at, own in enumerate(results.values()):
        lines = [line for line in axes.lines if len(set(line.get_ydata())) == 1]
        on = {line.get_marker(): line for line in lines if line.get_ydata()[0] == at}
        towards = own["towards"]
        np.testing.assert_array_equal(on["|"].get_xdata(), towards["controls"])
        assert on["D"].get_xdata()[0] == towards["change"]
        if towards.get("difference_of_means") is not None:
            assert on["s"].get_xdata()[0] == towards["difference_of_means"]
        ranks = f"{own['own_before']['rank']:,} → {own['own_after']['rank']:,}"
        texts = [text.get_text() for text in figure.texts]
        assert ranks in texts
        assert f"{towards['p']:.2g}" in texts


def test_pages_show_results_in_their_languages(
    atlas_path: Path, steered: Path, tmp_path: Path
) -> None:
    text = check_pages("steering", atlas_path, tmp_path, result=steered)
    found = json.loads(steered.read_text("utf-8"))
    for tag, own in found["results"].items():
        assert tag in text
        for when in ("before", "after"):
            first = own[when][0]["text"].split()[0]
            assert first in text or "…" in text, (tag, first)
    with Atlas(atlas_path) as atlas:
        assert atlas.attribution in " ".join(text.split())
    with pymupdf.open(tmp_path / "steering-2.pdf") as document:
        # The query, and four results before and after in three languages.
        assert len(document[0].get_images()) <= 1 + 24
        assert len(document[0].get_image_info()) == 1 + 24


def test_chosen_languages_are_shown_and_all_are_compared(
    atlas_path: Path, steered: Path, tmp_path: Path
) -> None:
    found = export("steering", atlas_path, tmp_path / "a.svg", result=steered, language=("ko",))
    assert found["shown"] == ["ko"]
    assert set(found["p"]) == {"ar", "en", "ko"}
    with pytest.raises(MmfeatError, match="has no results in 'fr'; choose from ar, en, ko"):
        draw("steering", atlas_path, result=steered, language=("fr",))


def test_a_text_has_its_pictures_and_no_rank(
    atlas_path: Path, steered: Path, tmp_path: Path
) -> None:
    results = json.loads(steered.read_text("utf-8"))["results"]
    own = {key: value for key, value in results["en"].items() if not key.startswith("own_")}
    for row in (*own["before"], *own["after"]):
        row["text"] = ""
    path = changed(steered, tmp_path / "t.json", query="سگ بزرگ", results={"pictures": own})
    text = check_pages("steering", atlas_path, tmp_path, result=path)
    assert "سگ" in text
    assert own["before"][0]["item_id"] in text
    assert "own rank" not in text


def test_results_that_do_not_fit_the_atlas_are_refused(
    atlas_path: Path, steered: Path, tmp_path: Path
) -> None:
    found, out = json.loads(steered.read_text("utf-8")), tmp_path / "o.json"
    strange = json.loads(json.dumps(found["results"]))
    strange["en"]["before"][0]["item_id"] = "nowhere"
    for values, message in (
        ({"features": [96]}, "names feature 96, which .* does not have; steer with this atlas"),
        ({"results": strange}, "names item 'nowhere', which .* does not have"),
        ({"results": {"xx": strange["ko"]}}, "names language 'xx', which .* does not have"),
        ({"results": {}}, "results: .*; give what mmfeat steer --json printed"),
        ({"features": ["3"]}, r"features\.0: .*; give what mmfeat steer --json printed"),
    ):
        with pytest.raises(MmfeatError, match=message):
            draw("steering", atlas_path, result=changed(steered, out, **values))
