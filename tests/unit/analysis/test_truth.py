from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from mmfeat.analysis.codes import Codes
from mmfeat.analysis.truth import UNCLEAR, encode_rows, feature_kinds, kind_f1, recovery
from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.settings import TrainSettings
from mmfeat.sae.synthetic import SHARED, Synthetic, SyntheticSettings
from mmfeat.sae.trainer import train_sae

WORLD = SyntheticSettings(d_in=40, atoms=60, languages=2, active=2.5)


def settings(d_sae: int, k: int, steps: int) -> TrainSettings:
    return TrainSettings.model_validate(
        {
            "sae": {"d_sae": d_sae, "k": k},
            "optimiser": {"steps": steps, "lr": 1e-2, "aux_weight": 0.1, "dead_after": 20},
        }
    )


def as_codes(dense: np.ndarray) -> Codes:
    matrix = sp.csr_array(dense)
    return Codes(matrix.indptr.astype(np.int64), matrix.indices, matrix.data, dense.shape[1])


def true_kinds(world: Synthetic, n: int) -> np.ndarray:
    """The kinds that the analysis finds in the codes that made the rows."""
    rows = world.rows(n, 0)
    captions = [as_codes(rows.text_codes[:, own]) for own in range(rows.text_codes.shape[1])]
    return feature_kinds(as_codes(rows.image_codes), captions)


def test_the_true_codes_have_the_true_kinds() -> None:
    world = Synthetic(WORLD)
    assert true_kinds(world, 2000).tolist() == world.kind.tolist()


def test_without_pairs_a_shared_atom_is_unclear_and_private_ones_are_as_before() -> None:
    world = Synthetic(replace(WORLD, paired=False, seed=1))
    expected = np.where(world.kind == SHARED, UNCLEAR, world.kind)
    assert true_kinds(world, 2000).tolist() == expected.tolist()


def test_stray_energy_decides_whether_a_private_feature_is_clear() -> None:
    # Features: silent; picture with 1 % and with 20 % of its energy on one caption;
    # the second language with 1 % on pictures; both languages, the second with less;
    # the first language with 1 % on the second.
    image, first, second = np.zeros((3, 100, 6))
    image[:10, 1] = image[:10, 2] = 1
    first[50, 1], first[50, 2] = math.sqrt(0.1), math.sqrt(2.5)
    second[:10, 3], image[50, 3] = 1, math.sqrt(0.1)
    first[:10, 4], second[:10, 4] = 1, 0.6
    first[:10, 5], second[50, 5] = 1, math.sqrt(0.1)
    kinds = feature_kinds(as_codes(image), [as_codes(first), as_codes(second)])
    assert kinds.tolist() == [UNCLEAR, 1, UNCLEAR, 3, 2, 3]


def test_f1_counts_hits_misses_and_false_claims() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1, 3])
    found = np.array([0, 0, 1, UNCLEAR, 1, 0, 3])
    f1 = kind_f1(truth, found)
    assert f1[0] == pytest.approx(4 / (4 + 1 + 2))  # 2 hits, 1 false claim, 2 misses
    assert f1[1] == pytest.approx(2 / (2 + 1 + 1))
    assert math.isnan(f1[2])
    assert f1[3] == 1


def test_codes_of_rows_are_those_of_the_sae() -> None:
    world = Synthetic(replace(WORLD, atoms=20))
    torch.manual_seed(0)
    sae, rows = TopKSAE(40, 30, 4), world.rows(50, 0)
    image, text = encode_rows(sae, rows)
    assert len(text) == 2
    for codes, x in [(image, rows.image), (text[1], rows.text[:, 1])]:
        dense = sae.activate(sae.pre_activations(x)).detach().numpy()
        np.testing.assert_allclose(codes.matrix().toarray(), dense, rtol=1e-3, atol=1e-4)
        assert all(np.all(np.diff(part) > 0) for part in np.split(codes.indices, codes.indptr[1:]))


def test_an_sae_of_the_true_atoms_recovers_them_and_a_missing_one_is_unclear() -> None:
    world = Synthetic(replace(WORLD, atoms=20, noise=0.0, active=1.0, correlation=0.0))
    sae = TopKSAE(40, 19, 5)
    with torch.no_grad():
        sae.W_dec.copy_(torch.from_numpy(world.dictionary[:19]))
        sae.W_enc.copy_(torch.linalg.pinv(sae.W_dec))
    pairs = math.ceil(100 / np.sort(world.expected(1))[4])  # all but four rare atoms
    found = recovery(sae, world, pairs, world.rows(500, 0))
    assert found.qualifying.sum() == 16
    np.testing.assert_allclose(found.cosine, [1.0] * 19 + [0.0], atol=1e-6)
    assert found.found[19] == UNCLEAR
    kept = found.cosine[found.qualifying]
    assert found.mean_cosine == pytest.approx(kept.mean())


def test_training_recovers_the_dictionary_and_the_kind_of_each_feature(tmp_path: Path) -> None:
    world, plan = Synthetic(WORLD, pairs=192), settings(d_sae=72, k=4, steps=1000)
    saes = train_sae(world, 40, plan, tmp_path)
    found = recovery(saes["image"], world, 192 * 1000, world.rows(2000, 0))
    assert found.qualifying.mean() >= 0.8
    assert found.mean_cosine >= 0.95
    assert found.f1.min() >= 0.95


def test_where_nothing_is_shared_hardly_ever_is_a_feature_called_so(tmp_path: Path) -> None:
    # One language: no partial conjunction makes the test stricter than its level.
    seeds, discoveries, tested = 20, 0, 0
    for seed in range(seeds):
        unpaired = SyntheticSettings(
            d_in=16, atoms=24, shared=1, image_only=0, text_only=0, languages=1, active=2,
            paired=False, seed=seed,
        )  # fmt: skip
        world = Synthetic(unpaired, pairs=128)
        sae = train_sae(world, 16, settings(d_sae=24, k=3, steps=60), tmp_path / str(seed))["text"]
        kinds = feature_kinds(*encode_rows(sae, world.rows(500, 0)))
        discoveries += bool((kinds == SHARED).any())
        tested += int((kinds == UNCLEAR).sum())
    assert tested > 10 * seeds  # features that fire on both sides are there
    assert discoveries <= seeds * (0.05 + 2 * math.sqrt(0.05 * 0.95 / seeds))
