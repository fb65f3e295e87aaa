"""The definition of a shared feature: calibration, power, and what it must not see."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from scipy import sparse, stats

from mmfeat.analysis.sharing import Sharing, between_languages, language_pairs, sharing, units


def run(image: np.ndarray, text: np.ndarray, groups=None, **settings) -> Sharing:
    """Apply `sharing` to dense [units, f] and [languages, units, f] with nothing missing."""
    n = len(image)
    return sharing(
        sparse.csc_array(image),
        [sparse.csr_array(language) for language in text],
        np.ones((n, len(text)), dtype=bool),
        np.ones(n, dtype=bool),
        groups,
        **settings,
    )


def planted(rng: np.random.Generator, n_shared: int, n_units: int = 800, n_features: int = 12):
    """Fire at 5 %; in the first n_shared of 14 languages 80 % of the pictures' units do."""
    image = rng.random((n_units, n_features)) < 0.05
    apart = rng.random((14, n_units, n_features)) < 0.05
    with_image = np.where(image, rng.random(apart.shape) < 0.8, rng.random(apart.shape) < 0.01)
    return image, np.where(np.arange(14)[:, None, None] < n_shared, with_image, apart)


def test_counts_p_and_bounds_against_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    image = rng.random((40, 6)) < 0.4
    text = rng.random((3, 40, 6)) < 0.4
    text[0] |= image & (rng.random(image.shape) < 0.7)
    has_text = rng.random((40, 3)) < 0.8
    has_image = rng.random(40) < 0.9
    activation = image * rng.uniform(0.1, 3, image.shape)
    found = sharing(
        sparse.csr_array(activation.astype(np.float32)),
        [sparse.csc_array(language) for language in text],
        has_text,
        has_image,
    )
    for language in range(3):
        rows = has_text[:, language] & has_image
        assert found.n_units[language] == rows.sum()
        for feature in range(6):
            i, t = image[rows, feature], text[language, rows, feature]
            both = int((i & t).sum())
            at = feature, language
            assert (found.overlap[at], found.n_image[at], found.n_text[at]) == (
                both,
                i.sum(),
                t.sum(),
            )
            table = [[both, (i & ~t).sum()], [(~i & t).sum(), (~i & ~t).sum()]]
            p = stats.fisher_exact(table, alternative="greater").pvalue
            assert found.p[at] == pytest.approx(p, rel=1e-7)
            low = [
                stats.binomtest(both, int(n), alternative="greater").proportion_ci(0.95).low
                for n in (i.sum(), t.sum())
            ]
            assert found.lower[at] == pytest.approx(min(low))
    assert found.r == 3
    np.testing.assert_allclose(found.pc_p, found.p.max(axis=1))
    np.testing.assert_allclose(found.q, stats.false_discovery_control(found.pc_p))
    np.testing.assert_allclose(found.effect, found.lower.min(axis=1))
    assert found.shared_in_language[:, 0].any()
    assert np.array_equal(found.shared_in_language, (found.p <= 0.05) & (found.lower >= 0.1))


@pytest.mark.parametrize("n_languages", [1, 14])
@pytest.mark.parametrize("stratified", [False, True])
def test_null_data_gives_a_discovery_in_at_most_five_percent(
    n_languages: int, stratified: bool
) -> None:
    n_units, n_features, seeds = 200, 30, 200
    rate = 0.5 * np.arange(1, n_features + 1) ** -0.6
    discoveries = with_effect = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        groups = rng.integers(0, 5, n_units)
        # In the stratified tier features may know the group, on both sides.
        lift = rng.uniform(0.2, 2, (5, n_features))[groups] if stratified else 1.0
        image = rng.random((n_units, n_features)) < rate * lift
        # A caption's code is mostly that of the same unit's caption in other languages.
        common = rng.random((n_units, n_features)) < rate * lift
        own = rng.random((n_languages, n_units, n_features)) < rate * lift
        text = np.where(rng.random(own.shape) < 0.8, common, own)
        found = run(image, text, groups if stratified else None, min_effect=0.0)
        assert found.testable.sum() >= 20
        discoveries += bool(found.shared.any())
        with_effect += bool((found.shared & (found.effect >= 0.1)).any())
    limit = 0.05 + 2 * np.sqrt(0.05 * 0.95 / seeds)
    assert discoveries / seeds <= limit
    assert with_effect <= discoveries


def test_p_of_one_language_is_not_needlessly_large() -> None:
    rng = np.random.default_rng(1)
    p = run(rng.random((2_000, 2_000)) < 0.2, (rng.random((1, 2_000, 2_000)) < 0.2)).p[:, 0]
    assert (p <= 0.05).mean() == pytest.approx(0.045, abs=0.015)


@pytest.mark.parametrize(("n_shared", "expected"), [(14, True), (10, True), (9, False)])
def test_planted_sharing_needs_ten_of_fourteen_languages(n_shared: int, expected: bool) -> None:
    image, text = planted(np.random.default_rng(2), n_shared)
    found = run(image, text)
    assert found.r == 10
    assert found.testable.all()
    assert (found.shared == expected).all()
    assert found.shared_in_language[:, :n_shared].all()
    assert not found.shared_in_language[:, n_shared:].any()
    ranked = np.sort(found.p, axis=1)
    np.testing.assert_allclose(found.pc_p, np.minimum(1, 5 * ranked[:, 9]))


def test_significance_without_effect_is_not_sharing() -> None:
    rng = np.random.default_rng(3)
    image = rng.random((100_000, 1)) < 0.05
    text = rng.random((1, 100_000, 1)) < np.where(image, 0.08, 0.05)
    found = run(image, text)
    assert found.q[0] < 1e-6
    assert 0.05 < found.effect[0] < 0.1
    assert not found.shared[0]
    assert run(image, text, min_effect=0.05).shared[0]


def test_the_group_alone_is_shared_only_without_stratification() -> None:
    rng = np.random.default_rng(4)
    groups = np.repeat([3, 7, 8], [100, 200, 300])
    of_group = np.where(groups[:, None] == 3, 0.6, 0.01)
    image = rng.random((600, 8)) < of_group
    text = rng.random((1, 600, 8)) < of_group
    # The last two follow the unit as well.
    text[:, :, 6:] = image[:, 6:] & (rng.random((1, 600, 2)) < 0.9)
    plain, within = run(image, text), run(image, text, groups)
    assert plain.shared.all()
    assert within.shared.tolist() == [False] * 6 + [True] * 2
    np.testing.assert_array_equal(plain.effect, within.effect)
    np.testing.assert_array_equal(plain.testable, within.testable)
    one_group = run(image, text, np.zeros(600, dtype=np.int64))
    np.testing.assert_allclose(one_group.p, plain.p, rtol=1e-6)


def test_stratified_p_follows_each_language_s_own_units() -> None:
    rng = np.random.default_rng(5)
    image, text = rng.random((60, 5)) < 0.4, rng.random((2, 60, 5)) < 0.4
    groups = rng.integers(0, 3, 60)
    has_text = rng.random((60, 2)) < 0.7
    has_image = np.ones(60, dtype=bool)
    whole = sharing(
        sparse.csc_array(image), [sparse.csc_array(t) for t in text], has_text, has_image, groups
    )
    for language in range(2):
        rows = has_text[:, language]
        part = run(image[rows], text[None, language, rows], groups[rows])
        np.testing.assert_allclose(whole.p[:, language], part.p[:, 0])


def test_the_order_of_units_does_not_matter() -> None:
    rng = np.random.default_rng(6)
    image, text = planted(rng, 12)
    groups = rng.integers(0, 4, len(image))
    order = rng.permutation(len(image))
    for g, h in ((None, None), (groups, groups[order])):
        one, other = run(image, text, g), run(image[order], text[:, order], h)
        for field in fields(Sharing):
            np.testing.assert_allclose(
                getattr(one, field.name), getattr(other, field.name), rtol=1e-9
            )


def test_a_language_with_no_captions_is_not_counted() -> None:
    image, text = planted(np.random.default_rng(7), 14)
    text[10:] = False
    has_text = np.ones((len(image), 14), dtype=bool)
    has_text[:, 10:] = False
    on_caption = [sparse.csc_array(language) for language in text]
    everywhere = np.ones(len(image), dtype=bool)
    found = sharing(sparse.csc_array(image), on_caption, has_text, everywhere)
    assert found.r == 7
    assert found.n_units.tolist() == [len(image)] * 10 + [0] * 4
    assert (found.p[:, 10:] == 1).all() and (found.lower[:, 10:] == 0).all()
    assert found.shared.all()
    # With captions on which nothing fires they count, and ten are needed.
    everything = sharing(sparse.csc_array(image), on_caption, has_text | True, everywhere)
    assert everything.r == 10
    assert everything.shared.all()
    ranked = np.sort(found.p, axis=1)
    np.testing.assert_allclose(found.pc_p, 4 * ranked[:, 6])
    np.testing.assert_allclose(everything.pc_p, 5 * ranked[:, 9])


def test_testable_means_enough_units_on_both_sides_in_r_languages() -> None:
    image = np.zeros((100, 3), dtype=bool)
    image[:5, 0] = image[:4, 1] = image[:5, 2] = True
    text = np.zeros((3, 100, 3), dtype=bool)
    text[:, :5, :2] = True
    text[:2, :5, 2] = True  # two of three languages, three are needed
    found = run(image, text)
    assert found.r == 3
    assert found.testable.tolist() == [True, False, False]
    assert found.shared.tolist() == [True, False, False]
    assert np.isnan(found.q).tolist() == np.isnan(found.pc_p).tolist() == [False, True, True]
    assert found.q[0] == found.pc_p[0]  # the untestable do not count in the correction


@pytest.mark.parametrize("groups", [None, np.zeros(0, dtype=np.int64)])
def test_no_units_at_all_shares_nothing(groups) -> None:
    found = run(np.zeros((0, 4), dtype=bool), np.zeros((14, 0, 4), dtype=bool), groups)
    assert not found.testable.any() and not found.shared.any()
    assert (found.p == 1).all() and np.isnan(found.q).all()
    assert found.r == 10


def test_silent_features_are_untestable() -> None:
    found = run(np.zeros((20, 4)), np.zeros((2, 20, 4)), np.arange(20) % 2)
    assert not found.testable.any() and (found.effect == 0).all()


def test_shapes_that_do_not_fit_are_refused() -> None:
    image = sparse.csc_array(np.ones((4, 2)))
    with pytest.raises(ValueError, match="2 languages and 4 units"):
        sharing(image, [image, image], np.ones((4, 3), dtype=bool), np.ones(4, dtype=bool))
    with pytest.raises(ValueError, match="0 languages"):
        sharing(image, [], np.ones((4, 0), dtype=bool), np.ones(4, dtype=bool))


def test_between_languages_leaves_identical_strings_out() -> None:
    rng = np.random.default_rng(8)
    same = np.arange(300) < 100
    everywhere = np.ones(300, dtype=bool)
    a, b = rng.random((2, 300, 1)) < 0.1
    b[same] = a[same]
    kept = between_languages(
        sparse.csc_array(a), sparse.csc_array(b), everywhere, everywhere, ~everywhere
    )
    left_out = between_languages(
        sparse.csc_array(a), sparse.csc_array(b), everywhere, everywhere, same
    )
    table = stats.contingency.crosstab(~a[~same, 0], ~b[~same, 0], levels=([0, 1], [0, 1])).count
    assert left_out[0][0] == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue)
    assert kept[0][0] < 1e-3 < left_out[0][0]
    assert kept[1][0] > left_out[1][0]


def test_language_pairs_are_every_pair_once() -> None:
    rng = np.random.default_rng(9)
    text = [sparse.csr_array(rng.random((80, 7)) < 0.3) for _ in range(3)]
    has_text = rng.random((80, 3)) < 0.8
    same = rng.random((3, 3, 80)) < 0.1
    found = language_pairs(text, has_text, same)
    assert found.pairs == [(0, 1), (0, 2), (1, 2)]
    p, lower = between_languages(text[0], text[2], has_text[:, 0], has_text[:, 2], same[0, 2])
    np.testing.assert_array_equal(found.p[1], p)
    np.testing.assert_array_equal(found.lower[1], lower)
    alone = language_pairs(text[:1], has_text[:, :1], same[:1, :1])
    assert alone.pairs == [] and alone.p.shape == alone.lower.shape == (0, 7)


ITEMS = {
    "item_id": ["a1", "a2", "a3", "b1", "c1", "d1", "e1", "e2", "f1"],
    "concept": ["a", "a", "a", "b", "c", "d", "e", "e", "f"],
    "split": ["test"] * 5 + ["train"] + ["test"] * 3,
    "picture": ["1", "2", "3", "4", "4", "5", "", "", ""],
}


def test_units_are_one_a_test_concept_with_pictures_that_differ() -> None:
    drawn = set()
    for seed in range(40):
        chosen = units(**ITEMS, seed=seed)
        assert chosen.tolist() == sorted(chosen.tolist())
        names = [ITEMS["item_id"][i] for i in chosen]
        concepts = [ITEMS["concept"][i] for i in chosen]
        # b and c have the same picture; e and f have none and are both kept.
        assert concepts in (["a", "b", "e", "f"], ["a", "c", "e", "f"])
        drawn.update(names)
        assert np.array_equal(chosen, units(**ITEMS, seed=seed))
    assert drawn == set(ITEMS["item_id"]) - {"d1"}


def test_units_do_not_depend_on_the_order_of_items() -> None:
    rng = np.random.default_rng(10)
    for seed in range(10):
        order = rng.permutation(len(ITEMS["item_id"]))
        shuffled = {name: [values[i] for i in order] for name, values in ITEMS.items()}
        assert set(order[units(**shuffled, seed=seed)]) == set(units(**ITEMS, seed=seed))


def test_no_test_items_give_no_units() -> None:
    train = ITEMS | {"split": ["train"] * 9}
    chosen = units(**train, seed=0)
    assert chosen.shape == (0,) and chosen.dtype == np.int64


def test_many_features_that_fire_by_chance_are_not_shared() -> None:
    rng = np.random.default_rng(11)
    n_units, n_features, k = 2_000, 65_536, 32

    def codes() -> sparse.csr_array:
        features = (n_features * rng.random((n_units, k)) ** 3).astype(np.int64)
        cells = np.arange(n_units).repeat(k), features.reshape(-1)
        return sparse.csr_array((np.ones(n_units * k), cells), (n_units, n_features))

    text = [codes() for _ in range(14)]
    image = codes()
    everywhere = np.ones((n_units, 14), dtype=bool)
    for groups in (None, rng.integers(0, 10, n_units)):
        found = sharing(image, text, everywhere, everywhere[:, 0], groups)
        assert 100 < found.testable.sum() < n_features
        assert not found.shared.any()
