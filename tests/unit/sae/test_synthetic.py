from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.special import ndtri
from scipy.stats import multivariate_normal

from mmfeat.errors import MmfeatError
from mmfeat.sae.synthetic import (
    IMAGE,
    IMAGE_ONLY,
    MOST,
    ONE_LANGUAGE,
    SHARED,
    TEXT,
    TEXT_ONLY,
    Synthetic,
    SyntheticSettings,
    match,
)

SETTINGS = SyntheticSettings(d_in=24, atoms=40, languages=3, active=4.0, gap=2.0, noise=0.3)
N = 6000


@pytest.fixture(scope="module")
def world() -> Synthetic:
    return Synthetic(SETTINGS, pairs=200)


@pytest.fixture(scope="module")
def codes(world: Synthetic) -> np.ndarray:
    """Strengths [1 + languages, N, atoms]: pictures, then captions by language."""
    rows = world.rows(N, 0)
    return np.concatenate([rows.image_codes[None], rows.text_codes.transpose(1, 0, 2)])


def test_atoms_are_unit_rows_of_the_kinds_asked_for(world: Synthetic) -> None:
    assert world.dictionary.shape == (40, 24)
    np.testing.assert_allclose(np.linalg.norm(world.dictionary, axis=1), 1, atol=1e-6)
    assert np.bincount(world.kind).tolist() == [16, 8, 8, 8]
    own = world.atom_language
    assert (own[world.kind != ONE_LANGUAGE] == -1).all()
    assert sorted(np.bincount(own[world.kind == ONE_LANGUAGE])) == [2, 3, 3]


def test_rates_are_a_power_law_with_the_number_of_active_atoms_asked_for() -> None:
    world = Synthetic(replace(SETTINGS, exponent=0.7, active=3.0))
    rate = np.sort(world.rate)[::-1]
    below = np.flatnonzero(rate < MOST)
    steps = np.diff(np.log(rate[below])) / np.diff(np.log(below + 1))
    np.testing.assert_allclose(steps, -0.7, rtol=1e-6)
    kind, rates = world.kind, world.rate
    picture = rates[(kind == SHARED) | (kind == IMAGE_ONLY)].sum()
    caption = rates[(kind == SHARED) | (kind == TEXT_ONLY)].sum()
    caption += rates[kind == ONE_LANGUAGE].sum() / 3
    assert (picture + caption) / 2 == pytest.approx(3.0)


def test_atoms_appear_at_their_rates_where_their_kind_allows(
    world: Synthetic, codes: np.ndarray
) -> None:
    for group in range(4):
        for atom, kind in enumerate(world.kind):
            shown = {
                SHARED: True,
                IMAGE_ONLY: group == 0,
                TEXT_ONLY: group > 0,
                ONE_LANGUAGE: group == 1 + world.atom_language[atom],
            }[kind]
            seen = (codes[group, :, atom] > 0).mean()
            rate = world.rate[atom] if shown else 0.0
            assert abs(seen - rate) <= 5 * np.sqrt(rate * (1 - rate) / N)


def test_a_shared_atom_is_in_all_rows_of_an_item_with_strengths_of_its_own(
    world: Synthetic, codes: np.ndarray
) -> None:
    shared = codes[:, :, world.kind == SHARED]
    assert ((shared > 0) == (shared[0] > 0)).all()
    both = shared[:, shared[0] > 0]
    np.testing.assert_allclose(both.mean(1), 1, atol=0.03)
    assert both.min() >= 0.5
    correlation = np.corrcoef(both) - np.eye(4)
    assert abs(correlation).max() < 5 / np.sqrt(both.shape[1])
    text = codes[1:, :, world.kind == TEXT_ONLY]
    assert ((text > 0) == (text[0] > 0)).all()


@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_atoms_of_a_topic_come_together_as_the_copula_says(correlation: float) -> None:
    world = Synthetic(replace(SETTINGS, atoms=16, correlation=correlation, active=1.5))
    present = world.rows(20_000, 1).image_codes[:, world.kind <= IMAGE_ONLY] > 0
    rate = world.rate[world.kind <= IMAGE_ONLY]  # 16 atoms are one topic
    covariance = [[1, correlation], [correlation, 1]]
    for a, b in [(0, 1), (2, 5), (3, 4)]:
        bounds = ndtri(rate[[a, b]])
        expected = multivariate_normal([0, 0], covariance).cdf(bounds)
        together = (present[:, a] & present[:, b]).mean()
        assert abs(together - expected) < 5 * np.sqrt(expected / 20_000)


def test_rows_are_atoms_offset_and_noise_standardised(world: Synthetic, codes: np.ndarray) -> None:
    rows = world.rows(N, 0)
    groups = [(rows.image, world.streams[IMAGE], 0)]
    groups += [(rows.text[:, own], world.streams[TEXT], own) for own in range(3)]
    offsets = []
    for (x, stream, group), z in zip(groups, codes, strict=True):
        assert x.shape == (N, 24) and x.dtype == torch.float32
        # Of other items than the estimate's: within its error.
        np.testing.assert_allclose(x.mean(0), 0, atol=0.1)
        assert float(x.square().sum(1).mean()) == pytest.approx(24, rel=0.03)
        raw = x.numpy() / stream.scale[group] + stream.mean[group]
        left = raw - z @ world.dictionary
        offsets.append(left.mean(0))
        assert np.linalg.norm(offsets[-1]) == pytest.approx(2.0, rel=0.02)
        assert np.sqrt((left - offsets[-1]).var(0).sum()) == pytest.approx(0.3, rel=0.02)
    gaps = [np.linalg.norm(a - b) for i, a in enumerate(offsets) for b in offsets[:i]]
    assert min(gaps) > 1


def test_a_batch_depends_on_seed_and_step_alone(world: Synthetic) -> None:
    batch, again = world(7), Synthetic(SETTINGS, pairs=200)(7)
    assert set(batch.rows) == {IMAGE, TEXT}
    for view in batch.rows:
        assert batch.rows[view].shape == (200, 24) and batch.rows[view].dtype == torch.float32
        assert torch.equal(batch.rows[view], again.rows[view])
        assert not torch.equal(batch.rows[view], world(8).rows[view])
        assert torch.equal(batch.weight[view], torch.ones(200))
    assert (batch.language[IMAGE] == -1).all()
    assert batch.language[TEXT].unique().tolist() == [0, 1, 2]
    assert not set(batch.item.tolist()) & set(world(8).item.tolist())
    assert len(batch.concept.unique()) == 200
    other = Synthetic(replace(SETTINGS, seed=1), pairs=200)
    assert not torch.equal(batch.rows[IMAGE], other(7).rows[IMAGE])


def test_expected_activations_are_those_of_a_caption_a_pair(
    world: Synthetic, codes: np.ndarray
) -> None:
    on = codes > 0
    seen = on[0].sum(0) + on[1:].sum((0, 1)) / 3
    np.testing.assert_allclose(world.expected(N), seen, rtol=0.25)
    kind, rate = world.kind, world.rate
    factor = np.array([2, 1, 1, 1 / 3])[kind]
    np.testing.assert_allclose(world.expected(N), N * rate * factor, rtol=1e-12)


def test_captions_of_an_unpaired_world_have_nothing_in_common_with_the_picture() -> None:
    world = Synthetic(replace(SETTINGS, paired=False))
    rows = world.rows(N, 0)
    shared = world.kind == SHARED
    picture, caption = rows.image_codes[:, shared] > 0, rows.text_codes[:, 0, shared] > 0
    expected = world.rate[shared] ** 2
    together = (picture & caption).mean(0)
    assert (abs(together - expected) <= 5 * np.sqrt(expected / N)).all()
    assert ((rows.text_codes[:, 1, shared] > 0) == caption).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"shared": 0.9, "image_only": 0.2}, "whose sum is at most 1"),
        ({"text_only": -0.1}, "shares from 0 to 1"),
        ({"correlation": 1.0}, "from 0 to below 1"),
        ({"active": 30.0}, "lower it"),
    ],
)
def test_what_is_no_world_is_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(MmfeatError, match=message):
        Synthetic(replace(SETTINGS, **values))


def test_a_match_is_the_best_of_all_assignments() -> None:
    torch.manual_seed(0)
    decoder, dictionary = torch.randn(6, 3), torch.randn(5, 3).numpy()
    assignment, cosine = match(decoder, dictionary)
    unit = dictionary / np.linalg.norm(dictionary, axis=1, keepdims=True)
    directions = torch.nn.functional.normalize(decoder).numpy()
    cosines = unit @ directions.T
    best = max(permutations(range(6), 5), key=lambda p: cosines[range(5), p].sum())
    assert assignment.tolist() == list(best)
    np.testing.assert_allclose(cosine, cosines[range(5), best], atol=1e-6)


def test_a_match_finds_shuffled_atoms_but_neither_opposites_nor_missing_ones() -> None:
    dictionary = np.eye(4, 6, dtype=np.float32)
    decoder = torch.from_numpy(np.stack([dictionary[2], dictionary[0], -dictionary[3]]))
    assignment, cosine = match(3 * decoder, dictionary)
    assert assignment[[0, 2]].tolist() == [1, 0]
    assert assignment[1] == -1 or assignment[3] == -1
    np.testing.assert_allclose(cosine, [1, 0, 1, 0], atol=1e-6)
