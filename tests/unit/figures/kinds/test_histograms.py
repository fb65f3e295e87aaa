from __future__ import annotations

import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.errors import MmfeatError
from mmfeat.figures import draw, export
from tests.unit.figures.kinds.drawn import check_pages


def test_bars_count_the_features_of_the_file(atlas_path: Path) -> None:
    figure = draw("histograms", atlas_path, width="2")
    score, count = figure.axes[:2]
    with h5py.File(atlas_path) as file:
        rates = np.column_stack(
            [file["features/firing_rate_image"], file["features/by_language/firing_rate"]]
        )
        fires = (np.nan_to_num(rates) > 0).any(1)
        mu = file["features/modality_score"][fires]
        languages = file["features/n_languages"][fires]
        shared = file["features/n_shared_languages"][fires]
        kind = file["features/testable"][fires].astype(int) * (1 + file["features/shared"][fires])
    assert sum(bar.get_height() for bar in score.patches[:120]) == len(mu)
    # Shared ones stand at the bottom, then those that are not, then what was not tested.
    for at, which in enumerate((2, 1, 0)):
        own = score.patches[40 * at : 40 * (at + 1)]
        expected = np.histogram(mu[kind == which], np.linspace(0, 1, 41))[0]
        np.testing.assert_array_equal([bar.get_height() for bar in own], expected)
    tops = {}
    for bar in count.patches[:-1]:
        middle = round(bar.get_x() + bar.get_width() / 2)
        tops[middle] = max(tops.get(middle, 0), bar.get_y() + bar.get_height())
    for number, top in tops.items():
        assert top == (languages == number).sum()
    line = count.patches[-1].get_data()
    np.testing.assert_array_equal(line.values, np.bincount(shared, minlength=len(line.values)))


def test_a_language_shows_the_quantiles_of_features_that_fire(atlas_path: Path) -> None:
    with h5py.File(atlas_path) as file:
        tags = file["languages"].asstr()[:].tolist()
        own = file["features/by_language/firing_rate"][:, tags.index("ko")]
    low, quarter, middle, most, high = np.quantile(own[own > 0], (0.05, 0.25, 0.5, 0.75, 0.95))
    axes = draw("histograms", atlas_path).axes[3]
    at = 1 + tags.index("ko")
    lines = [line.get_ydata() for line in axes.lines if line.get_xdata()[0] == at]
    np.testing.assert_allclose(lines[0], [low, high])
    np.testing.assert_allclose(lines[1], [quarter, most])
    np.testing.assert_allclose(lines[2], [middle])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["pictures", *tags]


def test_pages_are_whole_and_the_same_every_time(atlas_path: Path, tmp_path: Path) -> None:
    text = check_pages("histograms", atlas_path, tmp_path)
    found = export("histograms", atlas_path, tmp_path / "a.svg")
    for key in ("shared", "not_shared", "untestable"):
        assert f"{key.replace('_', ' ')} ({found[key]:,})" in text
    assert found["shared"] + found["not_shared"] + found["untestable"] == found["features"]
    assert re.search(r"d_sae 96 · [0-9a-f]{12} · mmfeat", text)


def test_features_that_never_fire_are_said_to_be_left_out(atlas_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "atlas.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        silent = int((file["features/firing_rate_image"][:] > 0).sum())
        assert silent > 3
        for name in ("firing_rate_image", "by_language/firing_rate"):
            file[f"features/{name}"][:3] = 0
    figure = draw("histograms", path)
    assert any("never fire are left out" in text.get_text() for text in figure.texts)
    with h5py.File(path, "r+") as file:
        for name in ("firing_rate_image", "by_language/firing_rate"):
            file[f"features/{name}"][:] = 0
    with pytest.raises(MmfeatError, match=r"No feature of .* fires; train its SAE anew"):
        draw("histograms", path)
