"""CKNNA against dense masks and Song's formula in plain loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from mmfeat.analysis.cknna import cknna, cknna_by_language, nearest
from mmfeat.analysis.codes import encode_stream, load_matching
from mmfeat.analysis.units import unit_of_items
from mmfeat.progress import ignore
from mmfeat.store.activations import open_activations


def kernel(x: np.ndarray) -> np.ndarray:
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    return unit @ unit.T


def mask(k: np.ndarray, count: int) -> np.ndarray:
    found = np.zeros(k.shape)
    for i in range(len(k)):
        others = [j for j in np.argsort(-k[i]) if j != i]
        found[i, others[:count]] = 1
    return found


def hsic(k: np.ndarray, other: np.ndarray) -> float:
    """Song et al. 2012, equation 5, as traces and sums of whole matrices."""
    n, one = len(k), np.ones(len(k))
    k, other = k - np.diag(np.diag(k)), other - np.diag(np.diag(other))
    first = np.trace(k @ other)
    second = (one @ k @ one) * (one @ other @ one) / ((n - 1) * (n - 2))
    return (first + second - 2 / (n - 2) * (one @ k @ other @ one)) / (n * (n - 3))


def expected(x: np.ndarray, y: np.ndarray, count: int) -> float:
    k, other = kernel(x), kernel(y)
    a, b = mask(k, count), mask(other, count)
    own = hsic(a * k, a * k) * hsic(b * other, b * other)
    return hsic(a * b * k, a * b * other) / np.sqrt(own)


@pytest.mark.parametrize("count", [2, 10, 49])
def test_cknna_equals_the_formula_whatever_the_blocks(count: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 8))
    y = x @ rng.normal(size=(8, 12)) + rng.normal(size=(50, 12))
    truth = expected(x, y, count)
    for cells in (1, 170, 1 << 20):
        found = cknna(nearest(x, count, cells), nearest(y, count, cells))
        assert found == pytest.approx(truth, rel=1e-9)


def test_codes_give_what_dense_rows_give_and_order_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    x = np.where(rng.random((60, 20)) < 0.4, rng.random((60, 20)), 0) + 1e-3
    y = x + 0.3 * rng.random(x.shape)
    dense = cknna(nearest(x, 5), nearest(y, 5))
    sparse = cknna(nearest(sp.csr_array(x), 5, 100), nearest(sp.csr_array(y), 5))
    assert dense == pytest.approx(sparse, rel=1e-9)
    order = rng.permutation(60)
    assert cknna(nearest(x[order], 5), nearest(y[order], 5)) == pytest.approx(dense, rel=1e-9)


def test_the_same_neighbourhoods_score_one_and_unrelated_rows_near_zero() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(300, 10)), rng.normal(size=(300, 10))
    turn = np.linalg.qr(rng.normal(size=(10, 10)))[0]
    assert cknna(nearest(x), nearest(3 * x @ turn)) == pytest.approx(1, rel=1e-9)
    assert abs(cknna(nearest(x), nearest(y))) < 0.05


def test_ties_are_no_neighbours_in_any_order() -> None:
    x = np.array([[1.0, 0], [1, 0], [1, 0], [1, 0.1], [0, 1]])
    found = nearest(x, 1).toarray()
    # Rows 0 to 2 have two equal neighbours each for one place.
    assert (found[:3] == 0).all()
    assert found[4].nonzero()[0].tolist() == [3]
    assert found[3].nonzero()[0].tolist() == []


def test_few_units_have_no_score() -> None:
    assert cknna(nearest(np.eye(3)), nearest(np.eye(3))) is None
    assert cknna(nearest(np.zeros((9, 2)), 3), nearest(np.eye(9), 3)) is None


def test_a_language_is_scored_on_test_units_of_the_file(
    activations_path: Path, sae_path: Path
) -> None:
    with open_activations(activations_path) as acts:
        trained, hook = load_matching(sae_path, acts)
        image, text = (acts.stream(hook, name) for name in ("image.pooled", "text.pooled"))
        codes = tuple(encode_stream(trained, stream, ignore) for stream in (image, text))
        unit = unit_of_items(acts)
        found = cknna_by_language(trained, (image, text), codes, unit, acts.languages, k=5)
        chosen = np.flatnonzero(unit[image.item] >= 0)
        tag = 3
        pictures, captions, used = [], [], []
        for row in chosen:
            own = np.flatnonzero((text.item == image.item[row]) & (text.language == tag))
            if len(own):
                used.append(row)
                pictures.append(np.asarray(image.x[row], np.float64))
                captions.append(np.asarray(text.x[own], np.float64).mean(0))
        truth = expected(np.stack(pictures), np.stack(captions), 5)
        assert found["embedding"]["cknna"][acts.languages[tag]] == pytest.approx(truth, rel=1e-6)
        assert found["embedding"]["units"][acts.languages[tag]] == len(used)
        known = [found["code"]["cknna"][name] for name in acts.languages]
        assert found["code"]["cknna"]["mean"] == pytest.approx(np.mean(known))
        rebuilt = []
        for row in used:
            values, latents = trained.encode("image.pooled", image.x[[row]], np.zeros(1, int))
            x = trained.sae_of("image.pooled").decode(values, latents).numpy()[0]
            stats = trained.streams["image.pooled"]
            rebuilt.append(x / stats.scale[0] + stats.mean[0])
        caption = []
        for row in used:
            own = np.flatnonzero((text.item == image.item[row]) & (text.language == tag))
            z = trained.encode("text.pooled", text.x[own], np.full(len(own), tag))
            stats = trained.streams["text.pooled"]
            x = trained.sae_of("text.pooled").decode(*z).numpy().mean(0)
            caption.append(x / stats.scale[tag] + stats.mean[tag])
        truth = expected(np.stack(rebuilt).astype(float), np.stack(caption).astype(float), 5)
        own = found["reconstruction"]["cknna"][acts.languages[tag]]
        assert own == pytest.approx(truth, abs=0.01)  # codes are kept in half precision
        for result in found.values():
            assert abs(result["chance"]["mean"]) < 0.1
        nobody = cknna_by_language(
            trained, (image, text), codes, np.full(len(unit), -1), acts.languages
        )
        assert nobody["code"]["cknna"] == {"mean": None}
