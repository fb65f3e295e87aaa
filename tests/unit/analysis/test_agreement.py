from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from mmfeat.analysis.agreement import language_jaccard
from mmfeat.analysis.codes import Codes
from mmfeat.analysis.units import same_text, unit_firing, unit_of_items
from mmfeat.corpus.file import open_corpus
from mmfeat.store.activations import open_activations


def test_jaccard_equals_a_loop_over_pairs_of_languages() -> None:
    rng = np.random.default_rng(0)
    fires = rng.random((3, 30, 5)) < 0.3
    fires[:, :, 4] = False
    fires[1:, :, 3] = False
    has = rng.random((30, 3)) < 0.8
    fires &= has.T[:, :, None]
    same = np.zeros((3, 3, 30), bool)
    for a, b in combinations(range(3), 2):
        same[a, b] = same[b, a] = rng.random(30) < 0.2
    text = [sp.csc_array(language.astype(np.int64)) for language in fires]
    total, pairs = language_jaccard(text, has, same)
    for feature in range(5):
        found = []
        for a, b in combinations(range(3), 2):
            units = [u for u in range(30) if has[u, a] and has[u, b] and not same[a, b, u]]
            either = [u for u in units if fires[a, u, feature] or fires[b, u, feature]]
            both = [u for u in units if fires[a, u, feature] and fires[b, u, feature]]
            if either:
                found.append(len(both) / len(either))
        assert pairs[feature] == len(found)
        assert total[feature] == pytest.approx(sum(found))
    assert pairs.tolist()[3:] == [2, 0]


def test_identical_strings_are_found_by_unit_and_pair(
    activations_path: Path, corpus_path: Path
) -> None:
    with open_activations(activations_path) as acts, open_corpus(corpus_path) as corpus:
        same = same_text(acts, corpus.captions.text)
        unit = unit_of_items(acts)
        names: dict[tuple[int, int], set[str]] = {}
        for item, language, text in zip(
            corpus.captions.item, corpus.captions.language, corpus.captions.text, strict=True
        ):
            names.setdefault((int(unit[item]), int(language)), set()).add(text)
        n = len(acts.languages)
        for a, b in combinations(range(n), 2):
            for u in range(int(unit.max()) + 1):
                expected = bool(names.get((u, a), set()) & names.get((u, b), set()))
                assert same[a, b, u] == same[b, a, u] == expected
        assert same.any()
        assert not same[np.arange(n), np.arange(n)].any()


def test_a_unit_with_several_captions_fires_once() -> None:
    indptr, indices = np.array([0, 1, 3, 4, 4]), np.array([0, 0, 1, 1], np.int32)
    codes = Codes(indptr, indices, np.ones(4, np.float16), d_sae=3)
    fires, present = unit_firing(codes, np.array([1, 1, -1, 2]), 4)
    assert fires.toarray().tolist() == [[0, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert present.tolist() == [False, True, True, False]
