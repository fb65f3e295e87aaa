from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from mmfeat.analysis.name_evaluation import Firings, Simulation, auroc, summary
from mmfeat.analysis.naming.vocabulary import unit


def example() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows, some of them twice; activations; embeddings; names of each feature."""
    rng = np.random.default_rng(0)
    rows = unit(rng.normal(size=(300, 8)))
    rows[50:90] = rows[0:40]
    activation = np.where(rng.random((300, 40)) < 0.1, rng.random((300, 40)), 0)
    activation[:, 3], activation[:, 4] = 0, 1
    embeddings = unit(rng.normal(size=(12, 8)))
    embeddings[5] = 0
    return rows, activation, embeddings, rng.integers(-1, 12, (40, 3))


def firings(rows: np.ndarray, activation: np.ndarray, background: np.ndarray) -> Firings:
    by_feature = sp.csc_array(activation)
    return Firings(rows, by_feature.indptr.astype(np.int64), by_feature.indices, background)


@pytest.mark.parametrize("background", [300, 70])
@pytest.mark.parametrize("cells", [1 << 20, 500])
def test_auroc_is_the_share_of_pairs_in_order_ties_half(background: int, cells: int) -> None:
    rows, activation, embeddings, names = example()
    behind = np.sort(np.random.default_rng(1).choice(300, background, replace=False))
    found = auroc(embeddings, names, firings(rows, activation, behind), cells)
    tied = 0
    for k in range(40):
        on = np.flatnonzero(activation[:, k] > 0)
        off = np.array([b for b in behind if activation[b, k] == 0], int)
        for column, name in enumerate(names[k]):
            if name in (-1, 5) or not len(on) or not len(off):
                assert np.isnan(found[k, column])
                continue
            cosine = rows.astype(float) @ embeddings[name].astype(float)
            difference = cosine[on][:, None] - cosine[off]
            tied += int((difference == 0).sum())
            expected = ((difference > 0) + 0.5 * (difference == 0)).mean()
            assert found[k, column] == pytest.approx(expected, rel=1e-6)
    assert tied > 100


def test_auroc_does_not_depend_on_the_order_of_rows() -> None:
    rows, activation, embeddings, names = example()
    order = np.random.default_rng(2).permutation(300)
    one = auroc(embeddings, names, firings(rows, activation, np.arange(300)))
    other = auroc(embeddings, names, firings(rows[order], activation[order], np.arange(300)))
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_name_that_is_the_direction_of_a_feature_predicts_it() -> None:
    rng = np.random.default_rng(3)
    rows = unit(rng.normal(size=(400, 4)))
    activation = np.maximum(rows @ np.array([[1.0], [0], [0], [0]]) - 0.5, 0)
    names = np.array([[0, 1, 2]])
    embeddings = np.array([[1, 0, 0, 0], [-1, 0, 0, 0], [0, 1, 0, 0]], np.float32)
    right, wrong, other = auroc(embeddings, names, firings(rows, activation, np.arange(400)))[0]
    assert right == 1 and wrong == 0 and 0.3 < other < 0.7


def test_without_names_or_background_nothing_is_known() -> None:
    rows, activation, embeddings, names = example()
    every = firings(rows, activation, np.arange(300))
    assert np.isnan(auroc(embeddings[:0], np.full((40, 1), -1), every)).all()
    assert np.isnan(auroc(embeddings, names, firings(rows, activation, np.arange(0)))).all()


def test_simulation_is_pearsons_correlation_whatever_the_chunks() -> None:
    rows, activation, embeddings, names = example()
    for step in (300, 37):
        simulation = Simulation(40, 8)
        for at in range(0, 300, step):
            part = sp.csr_array(activation[at : at + step])
            simulation.add(rows[at : at + step] * 7, part)  # norms do not matter
        found = simulation.score(embeddings, names[:, 0])
        for k, name in enumerate(names[:, 0]):
            if name in (-1, 5) or activation[:, k].std() == 0:
                assert np.isnan(found[k])
                continue
            expected = np.corrcoef(rows @ embeddings[name], activation[:, k])[0, 1]
            assert found[k] == pytest.approx(expected, abs=1e-5)


def test_simulation_of_no_rows_is_unknown() -> None:
    assert np.isnan(Simulation(2, 3).score(unit(np.eye(3)), np.array([0, -1]))).all()


def test_the_summary_counts_what_is_known() -> None:
    found = summary(
        {
            "auroc_image": np.array([0.9, 0.7, np.nan, 0.8]),
            "auroc_text": np.full(4, np.nan),
            "simulation_image": np.array([0.5, np.nan, np.nan, 0.3]),
        },
        3,
    )
    assert found["features"] == 3 and found["auroc_image_features"] == 3
    assert found["auroc_image"] == pytest.approx(0.8)
    assert found["auroc_image_good"] == pytest.approx(2 / 3)
    assert found["auroc_text"] is None and found["auroc_text_good"] is None
    assert found["simulation_image"] == pytest.approx(0.4)
