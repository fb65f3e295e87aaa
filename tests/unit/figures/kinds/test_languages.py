from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.cluster.hierarchy import dendrogram, linkage
from scipy.spatial.distance import squareform

from mmfeat.errors import MmfeatError
from mmfeat.figures import draw, export
from tests.unit.figures.kinds.drawn import check_pages


@pytest.fixture
def order(atlas_path: Path) -> list[int]:
    """Columns in the order of an average linkage, by SciPy alone."""
    with h5py.File(atlas_path) as file:
        matrix = file["language_similarity/matrix"][:]
    distance = 1 - np.nan_to_num(matrix)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance), "average", optimal_ordering=True)
    return dendrogram(tree, no_plot=True)["leaves"]


@pytest.mark.parametrize("width", ["1", "2"])
def test_the_matrix_is_that_of_the_file_in_the_order_of_its_tree(
    width: str, atlas_path: Path, order: list[int]
) -> None:
    figure = draw("languages", atlas_path, width=width)
    (image,) = figure.axes[1].images
    with h5py.File(atlas_path) as file:
        tags = ["pictures", *file["languages"].asstr()[:]]
        expected = file["language_similarity/matrix"][:][np.ix_(order, order)]
        means = file["by_language/means"]
        ends = [means[f"jaccard_{end}"][:] for end in ("low", "high")]
    np.fill_diagonal(expected, np.nan)
    np.testing.assert_array_equal(image.get_array().filled(np.nan), expected)
    below = figure.axes[1] if width == "2" else figure.axes[3]
    assert [label.get_text() for label in below.get_xticklabels()] == [tags[i] for i in order]
    # Intervals stand beside the rows, or below the columns where it is narrow.
    bars = [own[2][0].get_segments()[0] for own in figure.axes[3].containers]
    along, across = (1, 0) if width == "2" else (0, 1)
    places = {round(bar[0, along]): bar[:, across] for bar in bars}
    for place, column in enumerate(order):
        if column:
            np.testing.assert_allclose(places[place], [end[column - 1] for end in ends])
    assert order.index(0) not in places


def test_cells_hold_their_numbers_where_there_is_room(atlas_path: Path, order: list[int]) -> None:
    with h5py.File(atlas_path) as file:
        matrix = file["language_similarity/matrix"][:]
    texts = draw("languages", atlas_path, width="2").axes[1].texts
    n = len(matrix)
    assert len(texts) == n * (n - 1)
    value = matrix[order[0], order[1]]
    assert texts[0].get_text() == f"{value:.2f}".removeprefix("0")
    assert not draw("languages", atlas_path, width="1").axes[1].texts


def test_features_show_rates_and_where_they_are_shared(atlas_path: Path, order: list[int]) -> None:
    with h5py.File(atlas_path) as file:
        count = file["features/n_shared_languages"][:]
        chosen = np.argsort(-count, kind="stable")[:3].tolist()
        rates = np.column_stack(
            [file["features/firing_rate_image"], file["features/by_language/firing_rate"]]
        )[chosen][:, order]
        shared = file["features/by_language/shared"][:][chosen]
    assert count[chosen[0]] > 0
    axes = draw("languages", atlas_path, feature=(*chosen, chosen[0])).axes[1]
    np.testing.assert_allclose(
        axes.images[0].get_array(), rates / rates.max(1, keepdims=True), rtol=1e-6
    )
    dots = next(line for line in axes.lines if line.get_label() == "shared with pictures")
    found = {(round(y), order[round(x)] - 1) for x, y in dots.get_xydata()}
    assert found == set(zip(*map(np.ndarray.tolist, np.nonzero(shared)), strict=True))


def test_pages_are_whole_and_the_same_every_time(atlas_path: Path, tmp_path: Path) -> None:
    text = check_pages("languages", atlas_path, tmp_path)
    for word in ("pictures", "ko", "Hang", "Arab", "Cyrl", "mean Jaccard", "d_sae 96"):
        assert word in text
    (tmp_path / "features").mkdir()
    text = check_pages("languages", atlas_path, tmp_path / "features", feature=(3, 50, 7))
    for word in ("50", "largest", "shared with pictures", "d_sae 96"):
        assert word in text
    found = export("languages", atlas_path, tmp_path / "a.svg", feature=(3,))
    assert sorted(found["order"])[:2] == ["ar", "de"]
    assert "image" in found["order"]


def test_features_that_are_not_there_or_too_many_are_refused(atlas_path: Path) -> None:
    with pytest.raises(MmfeatError, match="has no feature 96; give one from 0 to 95"):
        draw("languages", atlas_path, feature=(3, 96))
    with pytest.raises(MmfeatError, match="65 features do not fit; give up to 64"):
        draw("languages", atlas_path, feature=tuple(range(65)))
