from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.stats import binomtest

from mmfeat.errors import MmfeatError
from mmfeat.figures import draw
from tests.unit.figures.kinds.drawn import check_pages


@pytest.fixture
def curves(atlas_path: Path, tmp_path: Path) -> Path:
    """The atlas with fits of every language, one of them without ends."""
    path = tmp_path / "atlas.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        node = file["concepts/completeness"]
        found = json.loads(node.attrs["json"])
        for at, own in enumerate(found["curves"].values()):
            own |= {
                "intercept": -1.0,
                "slope": 0.3 + 0.02 * at,
                "slope_low": 0.1,
                "slope_high": 0.6,
            }
            own |= {"half": 20.0 + at, "half_low": 10.0, "half_high": 50.0}
        found["curves"]["ko"] |= {"half_low": None, "half_high": None}
        found["curves"]["ja"] |= dict.fromkeys(own, None) | {"labels": 0, "found": 0}
        node.attrs["json"] = json.dumps(found)
    return path


def test_points_are_the_shares_of_eighths_of_the_concepts(curves: Path) -> None:
    with h5py.File(curves) as file:
        node = file["concepts/completeness"]
        tested = node["tested"][:, 0].astype(bool)
        x = node["frequency"][tested, 0] * json.loads(node.attrs["json"])["alive"]
        has = node["has"][tested, 0].astype(bool)
    axes = draw("completeness", curves).axes[0]
    points = axes.containers[0]
    parts = [part for part in np.array_split(np.argsort(x, kind="stable"), 8) if len(part)]
    np.testing.assert_allclose(points[0].get_ydata(), [has[part].mean() for part in parts])
    for part, bar in zip(parts, points[2][0].get_segments(), strict=True):
        exact = binomtest(int(has[part].sum()), len(part)).proportion_ci(0.95, "exact")
        np.testing.assert_allclose(bar[:, 1], [exact.low, exact.high], atol=1e-9)


def test_lines_are_the_fits_of_the_file(curves: Path) -> None:
    axes = draw("completeness", curves, language=("fa",)).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    x = np.asarray(lines["pictures, fit"].get_xdata())
    np.testing.assert_allclose(
        lines["pictures, fit"].get_ydata(), 1 / (1 + np.exp(1.0 - 0.3 * np.log(x)))
    )
    assert lines["captions, fa"].get_linestyle() == "-"
    assert "captions, each other language" in lines


def test_columns_have_their_intervals_and_open_ends(curves: Path) -> None:
    with h5py.File(curves) as file:
        tags = ["pictures", *file["languages"].asstr()[:]]
    share, slope, half = draw("completeness", curves).axes[1:]
    assert [label.get_text() for label in share.get_yticklabels()] == tags
    rows = {round(own[0].get_ydata()[0]): own for own in slope.containers}
    assert len(rows) == len(tags) - 1  # nothing is known of Japanese
    np.testing.assert_allclose(rows[0][2][0].get_segments()[0][:, 0], [0.1, 0.6])
    assert rows[2][0].get_xdata()[0] == pytest.approx(0.34)
    marks = [(line.get_marker(), round(line.get_ydata()[0])) for line in half.lines]
    korean = tags.index("ko")
    assert ("<", korean) in marks
    assert (">", korean) in marks
    assert ("<", 0) not in marks


def test_pages_are_whole_and_the_same_every_time(curves: Path, tmp_path: Path) -> None:
    text = check_pages("completeness", curves, tmp_path, language=("ko", "en"))
    assert "captions, ko" in text
    assert "d_sae 96" in text


def test_what_cannot_be_drawn_is_refused(atlas_path: Path, curves: Path) -> None:
    with pytest.raises(MmfeatError, match="has no captions in xx; give some of"):
        draw("completeness", atlas_path, language=("xx",))
    with pytest.raises(MmfeatError, match="5 languages are too many"):
        draw("completeness", atlas_path, language=("ar", "de", "en", "es", "fa"))
    with h5py.File(curves, "r+") as file:
        node = file["concepts/completeness"]
        node.attrs["json"] = json.dumps({"alive": 1, "curves": {"image": {"slope": "steep"}}})
    with pytest.raises(MmfeatError, match="its curves are not understood; build the atlas again"):
        draw("completeness", curves)
    with h5py.File(atlas_path) as file:
        shape = file["concepts/completeness/tested"].shape
    shutil.copy(atlas_path, curves)
    with h5py.File(curves, "r+") as file:
        file["concepts/completeness/tested"][...] = np.zeros(shape, bool)
    with pytest.raises(MmfeatError, match="no concept with enough test items"):
        draw("completeness", curves)
