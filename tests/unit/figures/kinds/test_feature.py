from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pymupdf
import pytest
from matplotlib.patches import StepPatch

from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import draw, export
from mmfeat.figures.pages import feature_page
from tests.unit.figures.kinds.drawn import check_pages


@pytest.fixture(scope="module")
def busy(atlas_path: Path) -> int:
    """The feature that fires for the most languages and pictures."""
    with h5py.File(atlas_path) as file:
        languages = (file["features/by_language/firing_rate"][:] > 0).sum(1)
        rate = file["features/firing_rate_image"][:]
    return int((languages + rate).argmax())


def words(text: str) -> set[str]:
    return set(text.split())


def test_the_page_says_what_the_atlas_holds_and_no_text_is_over_another(
    atlas_path: Path, tmp_path: Path, busy: int
) -> None:
    text = check_pages("feature", atlas_path, tmp_path, feature=busy, dpi=100)
    with Atlas(atlas_path) as atlas:
        page, attribution = feature_page(atlas, busy), atlas.attribution
        languages = atlas.languages
    assert page.title in text.replace("\n", " ")
    assert page.sentence() in text.replace("\n", " ")
    assert f"feature {busy}" in text and attribution in text
    for tag in languages:  # all fit at two columns
        assert tag in words(text)
        if page.columns[tag]:
            first = page.columns[tag][0].text.split()[0]
            assert first in text, tag
    for near in page.neighbours[:4]:
        assert f"cosine {near.cosine:.2f}" in text
    for picture in page.pictures[:5]:
        assert f"{picture.activation:.2f}" in words(text)
    for key in ("modality_score", "shared_effect"):
        (shown,) = (number.text for number in page.numbers if number.key == key)
        assert shown in words(text)
    with pymupdf.open(tmp_path / "feature-1.pdf") as document:
        narrow = document[0].get_text()
    assert "ko 한국어" in narrow and "日本語" in narrow and "Русский" in narrow
    assert "Türkçe" not in narrow  # of 14 languages six fit


def test_scores_stand_beside_what_they_would_be_of_all_pictures(
    atlas_path: Path, tmp_path: Path, busy: int
) -> None:
    out = tmp_path / "page.pdf"
    export("feature", atlas_path, out, feature=busy, width="2", dpi=60)
    with pymupdf.open(out) as document:
        text = document[0].get_text()
    assert "nan" not in words(text)
    with h5py.File(atlas_path) as file:
        group = file["concepts/purity/image.pooled"]
        value, share, rows, base = (
            group[name][busy] for name in ("value", "share", "rows", "base")
        )
        known = [at for at in range(len(value)) if value[at] >= 0 and np.isfinite(share[at]).any()]
    for at in known:
        band = int(np.flatnonzero(np.isfinite(share[at]))[0])
        expected = f"{100 * share[at, band]:.0f} % of {rows[at, band]} ({100 * base[at]:.2g} %)"
        assert expected in text
        assert f"at {100 * (3 - band) / 4:.0f}–{100 * (4 - band) / 4:.0f} %" in text
    assert known


def test_captions_are_of_the_languages_asked_for(
    atlas_path: Path, tmp_path: Path, busy: int
) -> None:
    out = tmp_path / "page.pdf"
    found = export("feature", atlas_path, out, feature=busy, language=("KO", "fa"), dpi=60)
    assert (found["feature"], found["languages"]) == (busy, ["ko", "fa"])
    with pymupdf.open(out) as document:
        text = document[0].get_text()
    assert "한국어" in text and "فارسی" in text and "English" not in text
    with pytest.raises(MmfeatError, match="has no captions in sw; give some of ar, "):
        export("feature", atlas_path, out, feature=busy, language=("sw",))
    with pytest.raises(MmfeatError, match="no feature 100000; give one from 0 to"):
        export("feature", atlas_path, out, feature=100_000)


def test_histograms_are_of_all_activations(atlas_path: Path, busy: int) -> None:
    figure = draw("feature", atlas_path, feature=busy, dpi=50)
    stairs = [
        found for axes in figure.axes for found in axes.patches if isinstance(found, StepPatch)
    ]
    with h5py.File(atlas_path) as file:
        for own, stream in zip(stairs, ("image.pooled", "text.pooled"), strict=True):
            group = file[f"codes/{stream}/by_feature"]
            low, high = group["indptr"][busy : busy + 2]
            values = group["data"][low:high].astype(np.float64)
            shares, edges, _ = own.get_data()
            expected = [
                ((values >= a) & ((values < b) | (b == edges[-1]))).mean()
                for a, b in pairwise(edges)
            ]
            np.testing.assert_allclose(shares, expected, atol=1e-9)
            assert shares.sum() == pytest.approx(1)


def charts(figure: Any) -> tuple[Any, Any]:
    rates = next(axes for axes in figure.axes if axes.get_ylabel() == "fires on, %")
    jaccard = next(axes for axes in figure.axes if axes.get_ylabel().startswith("Jaccard"))
    return rates, jaccard


def test_charts_show_rates_and_intervals_of_the_file(atlas_path: Path, busy: int) -> None:
    rates, jaccard = charts(draw("feature", atlas_path, feature=busy, width="2", dpi=50))
    with h5py.File(atlas_path) as file:
        expected = file["features/by_language/firing_rate"][busy]
        image = file["features/firing_rate_image"][busy]
        value, low, high = (
            file[f"by_language/jaccard_{end}"][busy] for end in ("value", "low", "high")
        )
        shared = file["features/by_language/shared"][busy].astype(bool)
    heights = [bar.get_height() for bar in rates.patches]
    np.testing.assert_allclose(heights, 100 * np.array([image, *expected]), rtol=1e-5)
    drawn = {float(x): y for line in jaccard.lines for x, y in line.get_xydata()}
    known = [(at + 1, y) for at, y in enumerate(value) if np.isfinite(y)]
    assert [(at, pytest.approx(y)) for at, y in known] == [(at, drawn[at]) for at, _ in known]
    filled = {int(x) for x, _ in jaccard.lines[0].get_xydata()}
    assert filled == {int(at) + 1 for at in np.flatnonzero(shared)}
    ends = [segment[:, 1] for segment in jaccard.collections[0].get_segments()]
    np.testing.assert_allclose(ends, np.stack([low, high], 1), rtol=1e-5)


def test_a_feature_that_never_fires_has_a_page(atlas_path: Path, tmp_path: Path, busy: int) -> None:
    path = tmp_path / "silent.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        for stream in ("image.pooled", "text.pooled"):
            for name in ("top", "bands"):
                file[f"examples/{stream}/{name}"][busy] = -1
        file["by_language/level"][busy] = 0
        file["names/text"][busy] = ""
        file["features/shared_p"][busy] = np.nan
        file["features/by_language/firing_rate"][busy] = 0
    text = check_pages("feature", path, tmp_path, feature=busy, dpi=60)
    assert f"feature {busy}" in text
    assert "It fires for no picture." in text
    assert "Fires on no picture and no caption" in text
    assert "not tested" in text
