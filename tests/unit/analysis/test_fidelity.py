from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mmfeat.analysis.fidelity import fidelity
from mmfeat.sae.interop import load_sae
from mmfeat.sae.standardisation import Standardisation
from mmfeat.store.activations import open_activations


def test_scores_equal_the_formulas_in_raw_space(activations_path: Path, sae_path: Path) -> None:
    trained = load_sae(sae_path)
    w = {n: p.double().numpy() for n, p in trained.saes["text"].state_dict().items()}
    with open_activations(activations_path) as acts:
        stream = acts.stream("joint", "text.pooled")
        found = fidelity(trained, acts, "joint", "text.pooled")
        for language in (0, 9):
            rows = np.flatnonzero(
                (stream.language == language) & (acts.split[stream.item] == "test")
            )
            x = stream.x[rows].astype(np.float64)
            mean, scale = stream.mean[language].astype(np.float64), stream.scale[language]
            pre = ((x - mean) * scale) @ w["W_enc"] + w["b_enc"]
            kth = np.sort(pre, axis=1)[:, -trained.saes["text"].k, None]
            code = np.where(pre >= kth, np.maximum(pre, 0), 0)
            back = (code @ w["W_dec"] + w["b_dec"]) / scale + mean
            fvu = ((x - back) ** 2).sum() / ((x - mean) ** 2).sum()
            tag = acts.languages[language]
            assert found["fvu"][tag] == pytest.approx(fvu, rel=1e-4)
            assert found["l0"][tag] == pytest.approx((code > 0).sum(1).mean())
            assert found["dead"][tag] == pytest.approx(1 - (code > 0).any(0).mean())
        assert set(found["fvu"]) == set(acts.languages)
        assert set(fidelity(trained, acts, "joint", "image.pooled")["l0"]) == {"all"}


def test_fvu_is_about_the_train_mean_however_the_sae_standardises(
    activations_path: Path, sae_path: Path
) -> None:
    trained = load_sae(sae_path)
    with open_activations(activations_path) as acts:
        stream = acts.stream("joint", "image.pooled")
        scale = np.float32(2.5)
        stats = Standardisation(np.zeros_like(stream.mean), np.full_like(stream.scale, scale))
        scalar = replace(trained, streams={**trained.streams, "image.pooled": stats})
        rows = np.flatnonzero(acts.split[stream.item] == "test")
        x = np.asarray(stream.x[rows], np.float32)
        values, latents = scalar.encode("image.pooled", x, np.zeros(len(rows), np.int64))
        back = scalar.saes["image"].decode(values, latents).double().numpy() / scale
        total = ((x.astype(np.float64) - stream.mean.astype(np.float64)) ** 2).sum()
        found = fidelity(scalar, acts, "joint", "image.pooled")
    assert found["fvu"]["all"] == pytest.approx(((x - back) ** 2).sum() / total, rel=1e-5)


def test_pictures_are_scored_with_their_own_decoder(activations_path: Path, sae_path: Path) -> None:
    trained = load_sae(sae_path)
    image = deepcopy(trained.saes["image"])
    with torch.no_grad():
        image.W_dec.zero_()
        image.b_dec.zero_()
    apart = replace(trained, saes={"image": image, "text": trained.saes["text"]})
    with open_activations(activations_path) as acts:
        found = fidelity(apart, acts, "joint", "image.pooled")
        # Nothing but the train mean is left of a picture.
        assert found["fvu"]["all"] == pytest.approx(1, rel=1e-6)
        before = fidelity(trained, acts, "joint", "text.pooled")
        assert fidelity(apart, acts, "joint", "text.pooled") == before
