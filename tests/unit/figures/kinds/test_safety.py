from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mmfeat.atlas.safety import CAUTION, probe_atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import draw, export
from tests.unit.figures.kinds.drawn import check_pages

FLAGS = """
category: flags
description: Flags against food.
texts:
  en: {positive: [flag of France, flag of Japan, flag of Chad], negative: [bread, rice, soup]}
  ko: {positive: [깃발 프랑스, 깃발 일본, 깃발 차드], negative: [빵, 쌀, 수프]}
"""


@pytest.fixture(scope="module")
def probed(atlas_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command prints of a small list."""
    folder = tmp_path_factory.mktemp("probe")
    (folder / "flags.yaml").write_text(FLAGS, "utf-8")
    probe_atlas(atlas_path, [folder / "flags.yaml"], out=folder / "probe.json")
    return folder / "probe.json"


@pytest.fixture
def changed(probed: Path, tmp_path: Path) -> Any:
    """Write the report with changes to its first category or its best feature."""

    def write(category: dict[str, Any] | None = None, **best: Any) -> Path:
        report = json.loads(probed.read_text("utf-8"))
        report["categories"][0] |= category or {}
        if best:
            report["categories"][0]["features"][0] |= best
        out = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        out.write_text(json.dumps(report), "utf-8")
        return out

    return write


def marks(axes: Any, shape: str) -> list[float]:
    return [float(x) for line in axes.lines if line.get_marker() == shape
            for x in line.get_xdata()]  # fmt: skip


def test_what_is_drawn_are_the_numbers_of_the_report(atlas_path: Path, probed: Path) -> None:
    (category,) = json.loads(probed.read_text("utf-8"))["categories"]
    best = category["features"][0]
    assert best["causal"] is not None
    figure = draw("safety", atlas_path, result=probed, width="2")
    auroc, difference, agreement, causal = figure.axes
    assert marks(auroc, "o") == [best["auroc"]["en"], best["auroc"]["ko"]]
    np.testing.assert_allclose(marks(difference, "o"), [np.mean(list(best["difference"].values()))])
    assert marks(agreement, "o") == [category["agreement"]["languages"]]
    assert marks(causal, "D") == [best["causal"]["drop"]]
    assert marks(causal, "|") == [best["causal"]["controls_drop"]]
    if best["auroc_image"] is not None:
        assert marks(auroc, "s") == [best["auroc_image"]]
    texts = [text.get_text() for text in figure.texts]
    q = "–" if best["q"] is None else f"{best['q']:.2g}"
    assert f"{best['p']:.2g}\n{q}" in texts
    above = best["causal"]
    assert f"{above['above_controls']:.0%}\n{above['above_active']:.0%}" in texts


@pytest.mark.parametrize("width", ["1", "2"])
def test_the_caution_is_part_of_the_figure(
    width: str, atlas_path: Path, changed: Any, probed: Path
) -> None:
    report = json.loads(probed.read_text("utf-8")) | {"caution": "All is well."}
    other = probed.with_name("calm.json")
    other.write_text(json.dumps(report), "utf-8")
    figure = draw("safety", atlas_path, result=other, width=width)
    said = " ".join(text.get_text() for text in figure.texts)
    assert CAUTION in said
    assert "All is well" not in said


def test_intervals_stand_under_the_marks_they_are_of(atlas_path: Path, changed: Any) -> None:
    path = changed(
        auroc={"en": 0.9, "ko": 0.7}, auroc_interval=[0.6, 0.95],
        auroc_image=0.8, auroc_image_interval=[0.5, 0.85],
    )  # fmt: skip
    axes = draw("safety", atlas_path, result=path, width="2").axes[0]
    bars = [list(map(float, line.get_xdata())) for line in axes.lines if len(line.get_xdata()) == 2]
    assert [0.6, 0.95] in bars and [0.5, 0.85] in bars
    assert marks(axes, "|") == [pytest.approx(0.8), 0.8]
    without = changed(auroc_interval=None, auroc_image_interval=None)
    assert marks(draw("safety", atlas_path, result=without).axes[0], "|") == []


def test_gaps_are_hollow_and_named_and_discoveries_have_a_star(
    atlas_path: Path, changed: Any
) -> None:
    path = changed(gaps=["ko"], q=0.01, p=0.002, auroc={"en": 0.9, "ko": 0.6})
    figure = draw("safety", atlas_path, result=path)
    hollow = {
        line.get_xdata()[0]: str(line.get_markerfacecolor()) == "white"
        for line in figure.axes[0].lines
        if line.get_marker() == "o"
    }
    assert hollow == {0.9: False, 0.6: True}
    assert [text.get_text() for text in figure.axes[0].texts] == ["gaps: ko"]
    assert "0.002\n0.01*" in [text.get_text() for text in figure.texts]


def test_pages_are_whole_and_the_same_every_time(
    atlas_path: Path, probed: Path, tmp_path: Path
) -> None:
    text = " ".join(check_pages("safety", atlas_path, tmp_path, result=probed).split())
    assert CAUTION in text
    for word in ("flags", "AUROC", "difference", "agreement", "d_sae 96"):
        assert word in text
    found = export("safety", atlas_path, tmp_path / "a.svg", result=probed)
    assert found["categories"] == 1


def test_a_category_that_no_feature_tells_has_its_row(atlas_path: Path, changed: Any) -> None:
    figure = draw("safety", atlas_path, result=changed({"features": []}))
    texts = [text.get_text() for text in figure.texts]
    assert "no feature tells it" in texts
    assert texts.count("–") == 3


def test_reports_that_do_not_fit_are_refused(
    atlas_path: Path, probed: Path, changed: Any, tmp_path: Path
) -> None:
    other = tmp_path / "other.h5"
    shutil.copy(atlas_path, other)
    with h5py.File(other, "r+") as file:
        file.attrs["content-digest"] = "f" * 64
    with pytest.raises(MmfeatError, match="is of another atlas than .*; run mmfeat probe"):
        draw("safety", other, result=probed)
    for broken, message in (
        (changed(q=2.0), r"categories\.0\.features\.0\.q: .* less than or equal to 1"),
        (changed(auroc={"en": "high"}), r"auroc\.en: .* valid number"),
        (changed({"features": 3}), r"categories\.0\.features: .* valid array"),
    ):
        with pytest.raises(MmfeatError, match=message) as raised:
            draw("safety", atlas_path, result=broken)
        assert str(raised.value).endswith("; give what mmfeat probe --json printed.")
    text = tmp_path / "text.json"
    text.write_text("[1, 2")
    with pytest.raises(MmfeatError, match=r"text\.json: Invalid JSON"):
        draw("safety", atlas_path, result=text)
    with text.open("wb") as handle:
        handle.truncate((32 << 20) + 1)
    with pytest.raises(MmfeatError, match="is larger than 32 MiB"):
        draw("safety", atlas_path, result=text)
    with pytest.raises(MmfeatError, match="cannot be read"):
        draw("safety", atlas_path, result=tmp_path / "none.json")
