from __future__ import annotations

from itertools import combinations
from pathlib import Path
from statistics import NormalDist

import h5py
import numpy as np
import pytest

from mmfeat.atlas import language_cells
from mmfeat.atlas.language_cells import Between, LanguageCells
from mmfeat.atlas.language_table import LanguageTable
from mmfeat.atlas.reader import Atlas


def compared(cells: LanguageCells, chosen: np.ndarray | None = None) -> Between:
    *slices, found = cells.between(chosen)
    assert slices and not any(slices)
    assert found is not None
    return found


@pytest.mark.parametrize("block", [5, 4096])
def test_pairs_of_columns_are_compared_over_the_features_that_fire_in_either(
    atlas_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(language_cells, "_BLOCK", block)
    with h5py.File(atlas_path) as file:
        pictures = file["by_language/jaccard_value"][:].astype(float)
        own = [pictures, file["features/by_language/p"][:], file["features/by_language/effect"][:]]
        between = [file[f"by_pair/{name}"][:].astype(float) for name in ("jaccard", "p", "lower")]
        level = file["by_language/level"][:]
    chosen = np.arange(len(level)) % 3 == 1
    with Atlas(atlas_path) as atlas:
        cells = atlas.part(LanguageCells)
        found, everything = compared(cells, chosen), compared(cells)
        whole = atlas.part(LanguageTable).similarity().matrix
    n = level.shape[1]
    off = ~np.eye(n, dtype=bool)
    np.testing.assert_allclose(everything.mean[off], whole[off], atol=1e-6)
    columns = {(0, k + 1): [one[:, k] for one in own] for k in range(n - 1)}
    for at, (a, b) in enumerate(combinations(range(n - 1), 2)):
        columns[a + 1, b + 1] = [one[:, at] for one in between]
    for (a, b), (jaccard, p, lower) in columns.items():
        values = jaccard[chosen][np.isfinite(jaccard[chosen])]
        assert found.compared[a, b] == found.compared[b, a] == len(values)
        even = (p[chosen] <= 0.05) & (lower[chosen] >= 0.1)
        assert found.consistent[a, b] == found.consistent[b, a] == even.sum()
        both = (level[chosen][:, a] == 2) & (level[chosen][:, b] == 2)
        assert found.fires[a, b] == found.fires[b, a] == both.sum()
        if len(values) > 1:
            half = NormalDist().inv_cdf(0.975) * values.std(ddof=1) / np.sqrt(len(values))
            assert found.mean[a, b] == found.mean[b, a] == pytest.approx(values.mean())
            assert found.low[a, b] == pytest.approx(max(values.mean() - half, 0), abs=1e-6)
            assert found.high[b, a] == pytest.approx(min(values.mean() + half, 1), abs=1e-6)
    assert np.isnan(np.diagonal(found.mean)).all()
    assert np.diagonal(found.fires).tolist() == (level[chosen] == 2).sum(0).tolist()


def test_features_that_fire_in_some_columns(atlas_path: Path) -> None:
    with h5py.File(atlas_path) as file:
        level = file["by_language/level"][:]
    with Atlas(atlas_path) as atlas:
        cells = atlas.part(LanguageCells)
        assert cells.firing_in([2]).tolist() == (level[:, 2] == 2).tolist()
        both = (level[:, 0] == 2) & (level[:, 3] == 2)
        assert cells.firing_in([0, 3]).tolist() == both.tolist()


def test_the_cells_of_features_are_those_of_their_rows(atlas_path: Path) -> None:
    features = [7, 2, 31]
    with Atlas(atlas_path) as atlas:
        cells = atlas.part(LanguageCells).of_features(features)
        rows = [atlas.part(LanguageTable).row(feature) for feature in features]
    assert cells.features.tolist() == features
    for name in ("rate", "energy", "consistency", "level"):
        np.testing.assert_array_equal(getattr(cells, name), [getattr(row, name) for row in rows])
    np.testing.assert_array_equal(cells.p, [row.p for row in rows])
    np.testing.assert_array_equal(cells.effect, [row.effect for row in rows])
    for end in ("value", "low", "high"):
        np.testing.assert_array_equal(
            getattr(cells.jaccard, end), [getattr(row.measures["jaccard"], end) for row in rows]
        )


def test_no_feature_leaves_nothing_to_compare(atlas_path: Path) -> None:
    with Atlas(atlas_path) as atlas:
        cells = atlas.part(LanguageCells)
        (found,) = cells.between(np.zeros(atlas.d_sae, bool))
        empty = cells.of_features([])
    assert found is not None and np.isnan(found.mean).all() and not found.fires.any()
    assert empty.rate.shape == (0, len(cells.columns))
