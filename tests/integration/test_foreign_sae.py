"""An SAE of another program goes through scoreboard and atlas as one of ours does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mmfeat.analysis.scoreboard import evaluate
from mmfeat.atlas.build import build_atlas
from mmfeat.atlas.reader import Atlas
from mmfeat.errors import MmfeatError
from mmfeat.store.activations import open_activations

D_IN, D_SAE, K = 192, 40, 4


def written(folder: Path, **metadata: str) -> dict[str, torch.Tensor]:
    """A TopK SAE in the layout of SAELens, without a word of ours."""
    torch.manual_seed(0)
    decoder = torch.nn.functional.normalize(torch.randn(D_SAE, D_IN), dim=1)
    tensors = {
        "W_enc": decoder.T.contiguous(),
        "b_enc": torch.zeros(D_SAE),
        "W_dec": decoder,
        "b_dec": torch.zeros(D_IN),
    }
    folder.mkdir()
    save_file(tensors, folder / "sae_weights.safetensors")
    config = {
        "architecture": "topk",
        "d_in": D_IN,
        "d_sae": D_SAE,
        "dtype": "float32",
        "k": K,
        "apply_b_dec_to_input": False,
        "metadata": {"sae_lens_version": "6.0.0", **metadata},
    }
    (folder / "cfg.json").write_text(json.dumps(config))
    return tensors


def test_it_is_scored_on_raw_rows(tmp_path: Path, activations_path: Path) -> None:
    weights = written(tmp_path / "theirs", hook_name="blocks.7.hook_resid_post")
    (row,) = evaluate(activations_path, [tmp_path / "theirs"])
    with open_activations(activations_path) as acts:
        stream = acts.stream("joint", "image.pooled")
        x = torch.from_numpy(stream.x[:].astype(np.float32))[
            torch.from_numpy(~acts.is_train[stream.item])
        ].double()
    pre = x @ weights["W_enc"].double()
    values, latents = pre.topk(K, dim=1)
    z = torch.zeros_like(pre).scatter(1, latents, values.relu())
    left = (x - z @ weights["W_dec"].double()).square().sum()
    with open_activations(activations_path) as acts:
        mean = torch.from_numpy(acts.stream("joint", "image.pooled").mean).double()
    expected = float(left / (x - mean).square().sum())
    assert row["fvu"]["image.pooled"]["all"] == pytest.approx(expected, rel=1e-4)
    assert row["l0"]["image.pooled"]["all"] <= K


def test_it_has_an_atlas(tmp_path: Path, activations_path: Path) -> None:
    written(tmp_path / "theirs")
    build_atlas(activations_path, tmp_path / "theirs", tmp_path / "atlas.h5")
    with Atlas(tmp_path / "atlas.h5") as atlas:
        assert atlas.d_sae == D_SAE


def test_where_it_acts_must_be_known(tmp_path: Path, activations_path: Path) -> None:
    import shutil

    import h5py

    written(tmp_path / "theirs")
    path = tmp_path / "two.h5"
    shutil.copy(activations_path, path)
    with h5py.File(path, "r+") as file:
        file.copy("hooks/joint", file["hooks"], name="vision.blocks.1")
    with pytest.raises(MmfeatError, match="does not say at which of joint, vision.blocks.1"):
        evaluate(path, [tmp_path / "theirs"])
