from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from mmfeat.analysis.interventions.clamping import PICTURES, Clamped, Pictures, clamped
from mmfeat.analysis.interventions.controls import Effect, matched
from mmfeat.analysis.interventions.edits import Change, FeatureEdit
from mmfeat.analysis.interventions.retrieval import Gallery, edited, towards
from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.interop import TrainedSAE
from mmfeat.sae.standardisation import Standardisation

D, F, UNITS, CLASSES = 24, 40, 200, 40


@pytest.fixture(scope="module")
def world() -> tuple[TrainedSAE, Pictures, list[Gallery]]:
    """Unit u shows class u mod 40; feature f points where class f is, in pictures and captions.

    The captions of the last language know nothing of classes.
    """
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(F, D))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    of_unit = np.arange(UNITS) % CLASSES
    x = 4 * directions[of_unit] + rng.normal(0, 0.4, (UNITS, D))
    captions = [4 * directions[of_unit] + rng.normal(0, 0.8, (UNITS, D)) for _ in range(3)]
    captions.append(rng.normal(size=(UNITS, D)))
    import torch

    sae = TopKSAE(D, F, 3)
    weights = torch.from_numpy(directions).float()
    sae.restore(
        {"W_enc": weights.T, "b_enc": torch.zeros(F), "W_dec": weights, "b_dec": torch.zeros(D)}
    )
    stats = Standardisation(np.full((1, D), 0.1, np.float32), np.array([0.8], np.float32))
    trained = TrainedSAE({"image": sae, "text": sae}, {"image.pooled": stats}, {})
    rows = x.astype(np.float32)
    values, latents = trained.encode("image.pooled", rows, np.zeros(UNITS, np.int64))
    dense = torch.zeros(UNITS, F).scatter(1, latents, values).numpy()
    pictures = Pictures(rows, sp.csr_array(dense), directions.astype(np.float32), 0.8)
    return trained, pictures, [Gallery.of(c, np.arange(UNITS)) for c in captions]


def measured(world: tuple, feature: int, same_size: bool = False) -> Clamped | None:
    _, pictures, captions = world
    clamp = 5 * pictures.codes.max(axis=0).toarray().ravel()
    rate = np.full(F, 0.1)
    return clamped(pictures, captions, feature, clamp, rate, 20, 0, same_size)


def test_a_true_feature_moves_its_captions_in_the_languages_that_know_it(world: tuple) -> None:
    found = measured(world, 6)
    assert found is not None
    assert sorted(found.concept) == [6, 46, 86, 126, 166]
    assert found.exceeds.tolist() == [True, True, True, False]
    assert found.moves  # 3 of 4 languages: at least 0.7 of them


@pytest.mark.parametrize("same_size", [False, True])
def test_it_ranks_as_if_every_row_were_changed(world: tuple, same_size: bool) -> None:
    trained, pictures, captions = world
    clamp = 5 * pictures.codes.max(axis=0).toarray().ravel()
    found = measured(world, 6, same_size)
    assert found is not None
    own = pictures.codes[:, [6]].toarray()[:, 0]
    shown = np.sort(np.random.default_rng([0, 6]).permutation(np.flatnonzero(own == 0))[:PICTURES])
    drawn = matched(np.full(F, 0.1), [6], 20, 0)[:, 0]
    wanted = np.isin(np.arange(UNITS), found.concept)
    for language in (0, 3):
        before = towards(captions[language].cosines(pictures.x[shown]), wanted)
        effect = found.effects[language]
        assert effect is not None
        for feature, value in zip([6, *drawn], [effect.value, *effect.controls], strict=True):
            if same_size:
                change = Change("add", (int(feature),), (float(clamp[6]),))
            else:
                change = Change("clamp", (int(feature),), (float(clamp[feature]),))
            edit = FeatureEdit(trained, "image.pooled", 0, change)
            after = captions[language].cosines(edited(pictures.x[shown], edit))
            # Cosines are rounded for ties, which may turn a pair.
            assert value == pytest.approx((towards(after, wanted) - before).mean(), abs=2e-4)


def test_languages_without_captions_of_the_concept_count_as_not_moved(world: tuple) -> None:
    _, pictures, captions = world
    found = measured(world, 6)
    assert found is not None
    kept = ~np.isin(captions[0].key, found.concept)
    lacking = Gallery(captions[0].x[kept], captions[0].key[kept])
    again = measured((None, pictures, [lacking, lacking, *captions[2:]]), 6)
    assert again is not None and again.effects[:2] == [None, None]
    assert again.exceeds.tolist() == [False, False, True, False] and not again.moves


def test_a_feature_that_cannot_be_clamped_is_left_out(world: tuple) -> None:
    _, pictures, captions = world
    codes = pictures.codes.toarray()
    codes[:, 6] = 0
    silent = Pictures(pictures.x, sp.csr_array(codes), pictures.decoder, pictures.scale)
    assert measured((None, silent, captions), 6) is None
    codes[:, 6] = 1
    always = Pictures(pictures.x, sp.csr_array(codes), pictures.decoder, pictures.scale)
    assert measured((None, always, captions), 6) is None


def test_ten_of_fourteen_languages_are_needed() -> None:
    strong, weak = Effect(0.5, np.zeros(100)), Effect(0.5, np.r_[np.zeros(95), np.ones(5)])
    assert not weak.exceeded > 0.95
    concept = np.array([0])
    assert Clamped(0, concept, [strong] * 10 + [weak] * 4).moves
    assert not Clamped(0, concept, [strong] * 9 + [weak] * 5).moves
    assert not Clamped(0, concept, [Effect(-0.1, np.full(9, -1.0))] * 14).moves
