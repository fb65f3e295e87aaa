from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pymupdf
import pytest
from matplotlib.patches import Rectangle

from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.figures import choice, draw, export, palettes
from mmfeat.figures.pages import feature_page
from tests.unit.figures.kinds.drawn import check_pages


@pytest.fixture(scope="module")
def wide(atlas_path: Path) -> list[int]:
    """Three features that fire for pictures and in many languages."""
    with h5py.File(atlas_path) as file:
        rates = file["features/by_language/firing_rate"][:].min(1)
        rates[file["features/firing_rate_image"][:] == 0] = -1
    return np.argsort(-rates)[:3].tolist()


def test_a_row_holds_name_picture_and_captions_and_no_text_is_over_another(
    atlas_path: Path, tmp_path: Path, wide: list[int]
) -> None:
    tags = ("ko", "ar", "ja")
    options = {"feature": tuple(wide), "language": tags, "dpi": 100}
    text = check_pages("grid", atlas_path, tmp_path, **options)
    with Atlas(atlas_path) as atlas:
        pages = [feature_page(atlas, feature) for feature in wide]
    flat = text.replace("\n", " ")
    for page in pages:
        assert page.title.split()[0] in flat
        assert f"{100 * page.firing_image:.2g} %" in flat
        for tag in tags:
            assert f"{100 * page.firing_by_language[tag]:.2g} %" in flat
            for word in page.columns[tag][0].text.split()[:1]:
                assert word in flat, (page.feature, tag)
    assert text.index("ko 한국어") < text.index("日本語")
    with pymupdf.open(tmp_path / "grid-2.pdf") as document:
        assert len(document[0].get_image_info()) >= len(wide) + 1  # and the key


def test_shared_features_are_chosen_and_languages_of_many_scripts(
    atlas_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "made.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        file["features/shared"][:] = file["examples/image.pooled/top"][:, 0] >= 0
    found = export("grid", path, tmp_path / "grid.png", dpi=50)
    assert found["languages"] == ["ar", "en", "ja"]
    with Atlas(path) as atlas:
        assert found["features"] == choice.shared_features(atlas, 6)
    assert len(found["features"]) == 6
    assert len(export("grid", path, tmp_path / "g.png", width="2", dpi=50)["languages"]) == 5
    with h5py.File(path, "r+") as file:
        file["features/shared"][:] = False
    with pytest.raises(MmfeatError, match="no shared feature with a name; give some by --feature"):
        export("grid", path, tmp_path / "grid.png")


def test_bars_are_as_long_as_rates_and_filled_where_shared(
    atlas_path: Path, tmp_path: Path, wide: list[int]
) -> None:
    path = tmp_path / "made.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        tag = file["languages"][:].tolist().index(b"en")
        file["features/by_language/shared"][wide[0], tag] = True
        file["features/by_language/shared"][wide[1], tag] = False
        rates = file["features/by_language/firing_rate"][:][wide[:2], tag]
    figure = draw("grid", path, feature=tuple(wide[:2]), language=("en",), dpi=50)
    blue = tuple(palettes.CATEGORIES[1] / 255)
    bars = [
        patch
        for patch in figure.findobj(Rectangle)
        if patch.get_edgecolor()[:3] == pytest.approx(blue) and patch.get_linewidth() == 0.5
    ]
    assert len(bars) == 2
    assert bars[0].get_width() / bars[1].get_width() == pytest.approx(rates[0] / rates[1])
    assert bars[0].get_facecolor()[:3] == pytest.approx(blue)
    assert bars[1].get_facecolor()[:3] == (1, 1, 1)


def test_what_does_not_fit_is_refused(atlas_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "grid.pdf"
    with Atlas(atlas_path) as atlas:
        languages = atlas.languages
    with pytest.raises(MmfeatError, match=r"14 languages do not fit a figure 84 mm wide; give up"):
        export("grid", atlas_path, out, feature=(1,), language=languages)
    with pytest.raises(MmfeatError, match="41 features do not fit; give up to 40"):
        export("grid", atlas_path, out, feature=tuple(range(41)))
    with pytest.raises(MmfeatError, match="no feature 100000"):
        export("grid", atlas_path, out, feature=(100_000,))
    with pytest.raises(MmfeatError, match="has no captions in sw"):
        export("grid", atlas_path, out, feature=(1,), language=("sw",))
    assert list(tmp_path.iterdir()) == []
