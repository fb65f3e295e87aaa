from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from mmfeat.errors import MmfeatError
from mmfeat.sae.interop import Standardisation, load_sae, save_sae
from mmfeat.sae.topk import TopKSAE


def saved(folder: Path) -> TopKSAE:
    torch.manual_seed(0)
    sae = TopKSAE(6, 10, 2)
    stats = Standardisation(np.ones((3, 6), np.float32), np.full(3, 2, np.float32))
    save_sae(folder, sae, {"text.pooled": stats}, {"hook_name": "joint"})
    return sae


def test_a_saved_sae_comes_back_bit_for_bit(tmp_path: Path) -> None:
    sae = saved(tmp_path)
    loaded = load_sae(tmp_path)
    x = torch.randn(7, 6)
    for ours, theirs in zip(sae.encode(x), loaded.sae.encode(x), strict=True):
        assert torch.equal(ours, theirs)
    assert loaded.streams["text.pooled"].scale.tolist() == [2, 2, 2]
    assert loaded.metadata["hook_name"] == "joint"


def test_the_folder_has_the_keys_and_tensors_that_saelens_loads(tmp_path: Path) -> None:
    saved(tmp_path)
    config = json.loads((tmp_path / "cfg.json").read_text())
    required = {"architecture": "topk", "d_in": 6, "d_sae": 10, "dtype": "float32", "k": 2}
    assert required.items() <= config.items()
    assert config["apply_b_dec_to_input"] is False
    assert config["normalize_activations"] == "none"
    assert config["metadata"]["sae_lens_version"] >= "6.0.0"
    weights = load_file(tmp_path / "sae_weights.safetensors")
    shapes = {name: value.shape for name, value in weights.items()}
    # An extra tensor is fatal there.
    assert shapes == {"W_enc": (6, 10), "b_enc": (10,), "W_dec": (10, 6), "b_dec": (6,)}


def damaged(folder: Path, name: str) -> None:
    if name == "missing":
        (folder / "sae_weights.safetensors").unlink()
    elif name == "truncated":
        file = folder / "sae_weights.safetensors"
        file.write_bytes(file.read_bytes()[:50])
    elif name == "json":
        (folder / "cfg.json").write_text("{")
    elif name == "architecture":
        config = json.loads((folder / "cfg.json").read_text()) | {"architecture": "magic"}
        (folder / "cfg.json").write_text(json.dumps(config))
    elif name == "shape":
        config = json.loads((folder / "cfg.json").read_text()) | {"d_sae": 11}
        (folder / "cfg.json").write_text(json.dumps(config))
    elif name == "nan":
        file = folder / "sae_weights.safetensors"
        weights = load_file(file)
        weights["b_dec"][0] = np.nan
        save_file(weights, file)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "sae_weights.safetensors is missing"),
        ("truncated", "holds a damaged SAE"),
        ("json", "holds a damaged SAE"),
        ("architecture", "the architecture 'magic' is unknown"),
        ("shape", "do not have the shapes that cfg.json names"),
        ("nan", "are not all finite"),
    ],
)
def test_a_damaged_folder_is_refused(tmp_path: Path, name: str, message: str) -> None:
    saved(tmp_path)
    damaged(tmp_path, name)
    with pytest.raises(MmfeatError, match=message):
        load_sae(tmp_path)
