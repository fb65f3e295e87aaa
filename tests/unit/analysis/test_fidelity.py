from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmfeat.analysis.fidelity import fidelity
from mmfeat.sae.interop import load_sae
from mmfeat.store.activations import open_activations


def test_scores_equal_the_formulas_in_raw_space(activations_path: Path, sae_path: Path) -> None:
    trained = load_sae(sae_path)
    w = {n: p.double().numpy() for n, p in trained.sae.state_dict().items()}
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
            kth = np.sort(pre, axis=1)[:, -trained.sae.k, None]
            code = np.where(pre >= kth, np.maximum(pre, 0), 0)
            back = (code @ w["W_dec"] + w["b_dec"]) / scale + mean
            fvu = ((x - back) ** 2).sum() / ((x - mean) ** 2).sum()
            tag = acts.languages[language]
            assert found["fvu"][tag] == pytest.approx(fvu, rel=1e-4)
            assert found["l0"][tag] == pytest.approx((code > 0).sum(1).mean())
            assert found["dead"][tag] == pytest.approx(1 - (code > 0).any(0).mean())
        assert set(found["fvu"]) == set(acts.languages)
        assert set(fidelity(trained, acts, "joint", "image.pooled")["l0"]) == {"all"}
