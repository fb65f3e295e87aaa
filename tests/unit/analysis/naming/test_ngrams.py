from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp

from mmfeat.analysis.naming.ngrams import FLOOR, PRIOR, count, log_odds, segment


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Red apple", {"red", "apple", "red apple"}),
        ("flag: South Korea", {"flag", "south", "korea", "south korea"}),  # not across a colon
        ("l'heure d'été", {"l'heure", "d'été", "l'heure d'été"}),
        ("green-apple 2", {"green", "apple", "2", "green apple", "apple 2"}),
        ("青苹果", {"青", "苹", "果", "青苹", "苹果", "青苹果"}),
        ("빨간 사과를", {"빨간", "사과를", "사과", "빨간 사과를"}),
        ("#️⃣", set()),
        ("", set()),
    ],
)
def test_texts_are_cut_by_their_script(text: str, found: set[str]) -> None:
    assert segment(text) == found


def test_characters_of_a_run_without_spaces_are_at_most_four() -> None:
    grams = segment("スマートフォン")
    assert max(map(len, grams)) == 4
    assert len([g for g in grams if len(g) == 4]) == 4
    assert segment("가나다라마바사아자") >= {"가나다라", "아자"}  # no word is as long as that


def test_combining_marks_stay_with_their_letters() -> None:
    assert "กี" in segment("กีฬา") and "ี" not in segment("กีฬา")
    assert segment("हिन्दी") == {"हिन्दी"}
    assert segment("می‌خواهم") == {"می‌خواهم"}
    assert segment("مَدْرَسَة") == {"مَدْرَسَة"}


def test_scripts_in_one_text_are_cut_each_in_its_own_way() -> None:
    assert segment("ATM机") == {"atm", "机"}
    assert segment("A 한글") == {"a", "한글", "a 한글"}


def test_only_ngrams_of_enough_texts_are_counted() -> None:
    terms, has = count(["red apple red", "red pear", "red", "pear"], floor=2)
    assert terms == ["pear", "red"]
    assert has.toarray().tolist() == [[0, 1], [1, 1], [0, 1], [1, 0]]
    assert count([])[0] == []


def by_hand(fires: np.ndarray, has: np.ndarray) -> np.ndarray:
    """Monroe et al.'s z, a cell at a time; NaN where a cell is below the floor."""
    z = np.full((fires.shape[1], has.shape[1]), np.nan)
    total = has.sum()
    for k in range(fires.shape[1]):
        inside = has[fires[:, k] > 0]
        rest = has[fires[:, k] == 0]
        for w in range(has.shape[1]):
            y, other = int(inside[:, w].sum()), int(rest[:, w].sum())
            if y < FLOOR:
                continue
            a = PRIOR * (y + other) / total
            delta = math.log((y + a) / (inside.sum() + PRIOR - y - a)) - math.log(
                (other + a) / (rest.sum() + PRIOR - other - a)
            )
            z[k, w] = delta / math.sqrt(1 / (y + a) + 1 / (other + a))
    return z


def test_scores_are_log_odds_with_a_prior_whatever_block_and_order() -> None:
    rng = np.random.default_rng(0)
    has, fires = (rng.random((60, 17)) < 0.3) * 1, (rng.random((60, 11)) < 0.3) * 1
    fires[:, 4] = 0
    terms = [f"t{i}" for i in range(17)]
    expected = by_hand(fires, has)
    order = rng.permutation(60)
    for rows, block in ((np.arange(60), 4096), (np.arange(60), 3), (order, 4096)):
        found = log_odds(sp.csr_array(fires[rows]), sp.csr_array(has[rows]), terms, 4, block)
        for k in range(11):
            positive = [w for w in np.argsort(-expected[k]) if expected[k, w] > 0][:4]
            own = found.index[k][found.index[k] >= 0].tolist()
            assert own == positive
            np.testing.assert_allclose(found.score[k][: len(own)], expected[k, own], rtol=1e-5)
    assert (found.index[4] == -1).all()


def test_the_longer_of_two_that_always_stand_together_comes_first() -> None:
    texts = ["青苹果"] * 4 + ["红车", "蓝船", "黄狗"] * 4
    terms, has = count(texts)
    fires = sp.csr_array((np.arange(16) < 4).astype(np.int32)[:, None])
    found = log_odds(fires, has, terms, 3)
    assert terms[found.index[0, 0]] == "青苹果"


def test_what_stands_everywhere_is_no_candidate() -> None:
    texts = [f"the {word}" for word in ["fox"] * 5 + ["hen"] * 5 + ["cow"] * 5]
    terms, has = count(texts)
    fires = sp.csr_array((np.arange(15) < 5).astype(np.int32)[:, None])
    found = log_odds(fires, has, terms, 5)
    names = [terms[i] for i in found.index[0] if i >= 0]
    assert names == ["the fox", "fox"]
