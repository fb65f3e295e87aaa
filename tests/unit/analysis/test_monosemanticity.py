from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmfeat.analysis.codes import Codes
from mmfeat.analysis.monosemanticity import (
    monosemanticity,
    monosemanticity_across,
    weighted,
)
from mmfeat.errors import MmfeatError
from mmfeat.store.activations import Stream, open_activations


def codes_of(dense: np.ndarray) -> Codes:
    rows, columns = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum((dense > 0).sum(1))])
    values = dense[rows, columns].astype(np.float16)
    return Codes(indptr, columns.astype(np.int32), values, dense.shape[1])


def embeddings(stream: Stream, rows: np.ndarray) -> np.ndarray:
    """Raw rows less the mean of their stream and language, to unit norm, in float64."""
    group = np.maximum(stream.language[rows], 0)
    x = np.asarray(stream.x[rows], np.float64) - stream.mean[group]
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def min_max(values: np.ndarray) -> np.ndarray:
    span = values.max() - values.min()
    return (values - values.min()) / span if span else np.zeros(len(values))


def pairwise(e: np.ndarray, a: np.ndarray, f: np.ndarray, b: np.ndarray, same: bool) -> float:
    similar, weight = 0.0, 0.0
    for i in range(len(a)):
        for j in range(len(b)):
            if not (same and i == j):
                similar += a[i] * b[j] * (e[i] @ f[j])
                weight += a[i] * b[j]
    return similar / weight


def test_scores_equal_the_mean_over_all_pairs(activations_path: Path) -> None:
    rng = np.random.default_rng(0)
    with open_activations(activations_path) as acts:
        found, dense, units, streams = {}, {}, {}, {}
        for name, density in (("image.pooled", 0.3), ("text.pooled", 0.2)):
            stream = acts.stream("joint", name)
            rows = np.sort(rng.choice(stream.n, 40, replace=False))
            x = np.where(rng.random((stream.n, 7)) < density, rng.random((stream.n, 7)) + 0.1, 0)
            x = x.astype(np.float16).astype(np.float64)
            x[:, 3] = np.float16(rng.random(stream.n) + 0.1)  # never silent: its least counts
            x[rows, 4] = 0
            x[rows[5], 4] = 1  # once
            x[:, 5] = 0
            x[:, 6] = 2  # alike everywhere
            sums = weighted(stream, codes_of(x), rows)
            dense[name], units[name], streams[name] = x[rows], rows, stream
            found[name] = sums
            score = monosemanticity(sums)
            e = embeddings(stream, rows)
            for feature in range(4):
                a = min_max(x[rows, feature])
                assert score[feature] == pytest.approx(pairwise(e, a, e, a, True), rel=1e-4)
                assert sums.count[feature] == (x[rows, feature] > 0).sum()
            assert np.isnan(score[4:]).all()
        i, t = "image.pooled", "text.pooled"
        across = monosemanticity_across(found[i], found[t])
        e, f = embeddings(streams[i], units[i]), embeddings(streams[t], units[t])
        for feature in range(4):
            a, b = min_max(dense[i][:, feature]), min_max(dense[t][:, feature])
            expected = pairwise(e, a, f, b, False)
            assert across[feature] == pytest.approx(expected, rel=1e-3, abs=1e-5)
        assert np.isnan(across[4:]).all()


def test_a_feature_of_one_direction_scores_one_and_of_opposites_less_than_zero(
    activations_path: Path,
) -> None:
    with open_activations(activations_path) as acts:
        stream = acts.stream("joint", "image.pooled")
        e = embeddings(stream, np.arange(stream.n))
        cosine = e @ e.T
        a, b = np.unravel_index(cosine.argmin(), cosine.shape)
        x = np.zeros((stream.n, 1))
        x[[a, b]] = 1
        score = monosemanticity(weighted(stream, codes_of(x), np.arange(stream.n)))
        assert score[0] == pytest.approx(cosine[a, b], rel=1e-4)
        assert score[0] < 0
        sums = weighted(stream, codes_of(x), np.array([a]))
        assert np.isnan(monosemanticity(sums)[0])


def test_a_second_encoder_of_pictures_judges_both_modalities(activations_path: Path) -> None:
    rng = np.random.default_rng(5)
    with open_activations(activations_path) as acts:
        second = rng.normal(size=(len(acts.item_id), 9)).astype(np.float32) + 0.5
        unknown = rng.choice(len(second), len(second) // 3, replace=False)
        second[unknown] = np.nan
        unit = second.astype(np.float64)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        found, dense, items = {}, {}, {}
        for name in ("image.pooled", "text.pooled"):
            stream = acts.stream("joint", name)
            rows = np.sort(rng.choice(stream.n, 50, replace=False))
            x = np.where(rng.random((stream.n, 3)) < 0.4, rng.random((stream.n, 3)) + 0.1, 0)
            x = x.astype(np.float16).astype(np.float64)
            found[name] = weighted(stream, codes_of(x), rows, second)
            kept = rows[~np.isnan(second[stream.item[rows], 0])]
            assert 0 < len(kept) < 50
            dense[name], items[name] = x[kept], stream.item[kept]
            score = monosemanticity(found[name])
            e = unit[items[name]]
            for feature in range(3):
                a = min_max(dense[name][:, feature])
                assert found[name].count[feature] == (dense[name][:, feature] > 0).sum()
                assert score[feature] == pytest.approx(pairwise(e, a, e, a, True), rel=1e-4)
        i, t = "image.pooled", "text.pooled"
        across = monosemanticity_across(found[i], found[t])
        for feature in range(3):
            a, b = min_max(dense[i][:, feature]), min_max(dense[t][:, feature])
            expected = pairwise(unit[items[i]], a, unit[items[t]], b, False)
            assert across[feature] == pytest.approx(expected, rel=1e-3, abs=1e-6)
        stream = acts.stream("joint", "image.pooled")
        with pytest.raises(MmfeatError, match=r"has pictures of 3 items, but the activations"):
            weighted(stream, codes_of(np.ones((stream.n, 1))), np.arange(5), second[:3])


def test_a_second_stream_s_rows_are_found_by_item(activations_path: Path) -> None:
    rng = np.random.default_rng(6)
    with open_activations(activations_path) as acts:
        pictures, captions = (acts.stream("joint", f"{m}.pooled") for m in ("image", "text"))
        x = np.where(rng.random((pictures.n, 4)) < 0.4, rng.random((pictures.n, 4)) + 0.1, 0)
        rows = np.arange(0, pictures.n, 3)
        own = weighted(pictures, codes_of(x), rows)
        same = weighted(pictures, codes_of(x), rows, pictures)
        np.testing.assert_allclose(same.embedding, own.embedding, rtol=1e-4, atol=1e-5)
        assert same.count.tolist() == own.count.tolist()
        by_item = np.full((len(acts.item_id), pictures.d), np.nan, np.float32)
        by_item[pictures.item] = pictures.standardised(pictures.x[:], pictures.group)
        x = np.where(rng.random((captions.n, 4)) < 0.2, rng.random((captions.n, 4)) + 0.1, 0)
        rows = np.arange(0, captions.n, 7)
        a = weighted(captions, codes_of(x), rows, pictures)
        b = weighted(captions, codes_of(x), rows, by_item)
        np.testing.assert_allclose(a.embedding, b.embedding, rtol=1e-4, atol=1e-5)
        assert a.embedding.any()
