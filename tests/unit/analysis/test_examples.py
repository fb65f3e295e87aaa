from __future__ import annotations

import numpy as np
import pytest

from mmfeat.analysis import examples as module
from mmfeat.analysis.codes import Codes
from mmfeat.analysis.examples import BANDS, Examples, examples


def skewed(n: int = 300, f: int = 12, seed: int = 0) -> Codes:
    """Codes with many ties; the first feature fires on every row, the last on none."""
    rng = np.random.default_rng(seed)
    rate = np.linspace(1, 0, f)
    dense = np.where(rng.random((n, f)) < rate, rng.integers(1, 30, (n, f)) / 8, 0)
    rows, columns = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum((dense > 0).sum(1))])
    values = dense[rows, columns].astype(np.float16)
    return Codes(indptr, columns.astype(np.int32), values, d_sae=f)


def choose(codes: Codes, group: np.ndarray, seed: int = 0, per_band: int = 3) -> Examples:
    groups = int(group.max()) + 1
    return examples(
        codes, group, groups, top=4, per_band=per_band, seed=seed, advance=lambda n: None
    )


def test_every_feature_and_group_equals_a_plain_loop() -> None:
    codes = skewed()
    group = np.random.default_rng(1).integers(0, 3, codes.n)
    found, dense = choose(codes, group), codes.matrix().toarray()
    for feature in range(codes.d_sae):
        for g in range(3):
            rows = np.flatnonzero((dense[:, feature] > 0) & (group == g))
            values = dense[rows, feature]
            order = np.lexsort((rows, -values))
            best = rows[order][:4].tolist()
            assert found.top[feature, g].tolist() == best + [-1] * (4 - len(best))
            assert found.top_activation[feature, g, : len(best)].tolist() == (
                dense[best, feature].tolist()
            )
            assert (found.top_activation[feature, g, len(best) :] == 0).all()
            for b in range(BANDS):
                drawn = found.bands[feature, g, b]
                kept = drawn[drawn >= 0]
                inside = []
                if len(rows):
                    # The k-th band holds what is above (3 - k) quarters of the largest.
                    place = np.ceil(values / values.max() * BANDS - 1e-9).astype(int)
                    inside = rows[np.maximum(place, 1) == BANDS - b].tolist()
                assert len(kept) == len(set(kept.tolist())) == min(3, len(inside))
                assert set(kept.tolist()) <= set(inside)
                own = dense[kept, feature]
                assert found.bands_activation[feature, g, b, : len(kept)].tolist() == own.tolist()
                assert (np.diff(own) <= 0).all()  # shown in the order of strength


@pytest.mark.parametrize("entries", [1, 7, 400])
def test_the_choice_does_not_depend_on_how_many_codes_are_sorted_at_a_time(
    entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes, steps = skewed(), []
    group = np.arange(codes.n) % 2
    whole = choose(codes, group)
    monkeypatch.setattr(module, "_ENTRIES", entries)
    found = examples(codes, group, 2, top=4, per_band=3, seed=0, advance=steps.append)
    for name in ("top", "top_activation", "bands", "bands_activation"):
        assert (getattr(found, name) == getattr(whole, name)).all()
    assert sum(steps) == codes.d_sae
    assert len(steps) > 1


def test_a_draw_of_a_group_does_not_depend_on_the_other_groups() -> None:
    codes = skewed()
    group = np.arange(codes.n) % 3
    merged = np.where(group == 2, 1, group)
    assert (choose(codes, group).bands[:, 0] == choose(codes, merged).bands[:, 0]).all()


def test_every_row_of_a_band_is_drawn_equally_often() -> None:
    n = 40
    codes = Codes(
        np.arange(n + 1), np.zeros(n, np.int32), np.ones(n, np.float16), d_sae=1
    )  # all rows alike: one band
    count, seeds = np.zeros(n), 2000
    for seed in range(seeds):
        count[choose(codes, np.zeros(n, int), seed, per_band=5).bands[0, 0, 0]] += 1
    expected = seeds * 5 / n
    chi2 = ((count - expected) ** 2 / expected).sum() * (n - 1) / (n - 5)
    assert chi2 < 72.1  # the 99.9 % quantile with 39 degrees of freedom


def test_codes_without_a_firing_have_no_examples() -> None:
    codes = Codes(np.zeros(4, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float16), d_sae=2)
    found = choose(codes, np.zeros(3, int))
    assert (found.top == -1).all()
    assert (found.bands == -1).all()
