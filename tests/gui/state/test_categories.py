from __future__ import annotations

from collections import Counter

import numpy as np

from mmfeat_gui.state.categories import MOST, Coding


def test_the_commonest_values_have_a_number_each_and_the_others_share_one() -> None:
    rng = np.random.default_rng(0)
    texts = [f"v{k}" for k in rng.zipf(1.5, 500) % 40]
    coding = Coding("kind", len(texts))
    for start in range(0, len(texts), 37):
        coding.add(texts[start : start + 37])
    found = coding.categories()
    counts = Counter(texts)
    assert found.column == "kind" and found.values == len(counts) > MOST
    assert len(found.names) == MOST and found.codes.dtype == np.uint16
    assert [counts[name] for name in found.names] == list(found.counts[:-1])
    assert list(found.counts[:-1]) == sorted(counts.values(), reverse=True)[:MOST]
    assert sum(found.counts) == len(texts)
    for text, code in zip(texts, found.codes.tolist(), strict=True):
        assert (found.names[code] == text) if code < MOST else (text not in found.names)


def test_few_values_leave_no_others() -> None:
    coding = Coding("split", 5)
    coding.add(["test", "train", "train", "", "train"])
    found = coding.categories()
    assert found.names == ("train", "test", "")
    assert found.counts == (3, 1, 1, 0)
    assert found.codes.tolist() == [1, 0, 0, 2, 0]


def test_a_column_of_no_items() -> None:
    found = Coding("split", 0).categories()
    assert found.names == () and found.counts == (0,) and found.codes.shape == (0,)
