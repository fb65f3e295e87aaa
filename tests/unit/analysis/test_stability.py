from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

from mmfeat.analysis import stability
from mmfeat.analysis.stability import matched_cosine, seed_stability, training_but_for_the_seed
from mmfeat.sae.interop import TrainedSAE, load_sae


def test_the_matching_equals_the_best_of_all_permutations() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 3)), rng.normal(size=(6, 3)) * 5
    cosine = (a / np.linalg.norm(a, axis=1)[:, None]) @ (b / np.linalg.norm(b, axis=1)[:, None]).T
    best = max(np.mean([cosine[i, j] for i, j in enumerate(p)]) for p in permutations(range(6), 4))
    assert matched_cosine(a, b) == pytest.approx(best)
    assert matched_cosine(b, a) == pytest.approx(best)


def test_the_same_directions_in_another_order_match_fully() -> None:
    x = np.random.default_rng(1).normal(size=(20, 5))
    assert matched_cosine(x, 3 * x[::-1]) == pytest.approx(1)


def test_nothing_to_match_or_too_much_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert matched_cosine(np.ones((0, 3)), np.ones((2, 3))) is None
    monkeypatch.setattr(stability, "MOST", 4)
    assert matched_cosine(np.ones((5, 3)), np.ones((2, 3))) is None


def rolled(trained: TrainedSAE, by: int, text: int | None = None) -> TrainedSAE:
    """The same features in another order, perhaps another one in the decoder of captions."""
    from copy import deepcopy

    saes = {}
    for modality, shift in (("image", by), ("text", by if text is None else text)):
        sae = deepcopy(trained.saes[modality])
        sae.W_dec = torch.nn.Parameter(sae.W_dec.detach().roll(shift, dims=0), requires_grad=False)
        saes[modality] = sae
    return replace(trained, saes=saes)


def test_alive_features_alone_are_matched(sae_path: Path) -> None:
    trained = load_sae(sae_path)
    alive = np.zeros(trained.d_sae, bool)
    alive[:10] = True
    everywhere = np.ones(trained.d_sae, bool)
    found = seed_stability((trained, alive), [(rolled(trained, 7), np.roll(alive, 7))])
    assert found == pytest.approx(1)
    w = trained.saes["image"].W_dec.double().numpy()
    own = matched_cosine(w[:10], np.roll(w, 7, axis=0)[:10])
    assert own is not None
    assert own < 0.99
    partners = [(rolled(trained, 7), alive), (trained, everywhere)]
    assert seed_stability((trained, alive), partners) == pytest.approx((own + 1) / 2)


def test_decoders_apart_are_matched_by_both_rows_of_a_latent(sae_path: Path) -> None:
    trained = load_sae(sae_path)
    everywhere = np.ones(trained.d_sae, bool)
    apart = rolled(trained, 0, text=3)
    same, other = rolled(trained, 5, text=8), rolled(trained, 5, text=5)
    assert not apart.one_decoder
    assert seed_stability((apart, everywhere), [(same, everywhere)]) == pytest.approx(1)
    # Images would match fully, and so would captions, but not by the same latents.
    mixed = rolled(trained, 5, text=9)
    found = seed_stability((apart, everywhere), [(mixed, everywhere)])
    w = trained.saes["image"].W_dec.double().numpy()
    w = w / np.linalg.norm(w, axis=1, keepdims=True)
    a = np.hstack([w, np.roll(w, 3, axis=0)])
    b = np.hstack([np.roll(w, 5, axis=0), np.roll(w, 9, axis=0)])
    assert found == pytest.approx(matched_cosine(a, b))
    assert found is not None
    assert found < 0.9
    assert other.one_decoder


def test_only_the_seed_may_differ(sae_path: Path) -> None:
    trained = load_sae(sae_path)
    record = trained.metadata["provenance"]

    def key(**changes: object) -> tuple[str, int] | None:
        provenance = {**record, **changes}
        return training_but_for_the_seed(replace(trained, metadata={"provenance": provenance}))

    own = key()
    assert own is not None
    assert own[1] == 0
    assert key(settings={**record["settings"], "seed": 4}) == (own[0], 4)
    changed = key(settings={**record["settings"], "hook": "else"})
    data = key(inputs={"activations": {"name": "a.h5", "sha256": "0"}})
    for other in (changed, data):
        assert other is not None
        assert other[0] != own[0]
    assert key(versions={}) == own
    assert training_but_for_the_seed(replace(trained, metadata={})) is None
    assert key(settings={}) is None
