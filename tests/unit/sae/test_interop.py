from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from mmfeat.errors import MmfeatError
from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.interop import Standardisation, load_sae, sae_config, save_sae


def saved(folder: Path) -> TopKSAE:
    torch.manual_seed(0)
    sae = TopKSAE(6, 10, 2)
    stats = Standardisation(np.ones((3, 6), np.float32), np.full(3, 2, np.float32))
    saes = {"image": sae, "text": sae}
    save_sae(folder, saes, {"text.pooled": stats}, {"hook_name": "joint"})
    return sae


def test_a_saved_sae_comes_back_bit_for_bit(tmp_path: Path) -> None:
    sae = saved(tmp_path)
    loaded = load_sae(tmp_path)
    x = torch.randn(7, 6)
    for ours, theirs in zip(sae.encode(x), loaded.sae_of("text.pooled").encode(x), strict=True):
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
    elif name == "huge":
        config = json.loads((folder / "cfg.json").read_text()) | {"d_sae": 2**62}
        (folder / "cfg.json").write_text(json.dumps(config))
    elif name == "infinite":
        config = json.loads((folder / "cfg.json").read_text()) | {"d_sae": float("inf")}
        (folder / "cfg.json").write_text(json.dumps(config))
    elif name == "integers":
        file = folder / "sae_weights.safetensors"
        save_file({key: value.astype(np.int32) for key, value in load_file(file).items()}, file)
    elif name == "scale":
        file = folder / "streams.safetensors"
        arrays = load_file(file)
        arrays["text.pooled.scale"][0] = np.inf
        save_file(arrays, file)
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
        ("huge", "do not have the shapes that cfg.json names"),
        ("infinite", "holds a damaged SAE"),
        ("integers", "are not floating-point numbers"),
        ("scale", "mean and scale of text.pooled are not all finite"),
        ("nan", "are not all finite"),
    ],
)
def test_a_damaged_folder_is_refused(tmp_path: Path, name: str, message: str) -> None:
    saved(tmp_path)
    damaged(tmp_path, name)
    with pytest.raises(MmfeatError, match=message):
        load_sae(tmp_path)


def stats(languages: int) -> Standardisation:
    rng = np.random.default_rng(languages)
    return Standardisation(
        rng.normal(size=(languages, 6)).astype(np.float32),
        rng.uniform(1, 2, languages).astype(np.float32),
    )


def test_modalities_that_differ_are_one_folder_each(tmp_path: Path) -> None:
    torch.manual_seed(0)
    image, text = TopKSAE(6, 10, 2), TopKSAE(6, 10, 2)
    streams = {"image.pooled": stats(1), "image.patch": stats(1), "text.pooled": stats(3)}
    save_sae(tmp_path, {"image": image, "text": text}, streams, {"hook_name": "joint"})
    assert not (tmp_path / "cfg.json").exists()
    loaded = load_sae(tmp_path)
    assert not loaded.one_decoder
    assert set(loaded.streams) == set(streams)
    assert "modality" not in loaded.metadata
    rows, group = np.ones((4, 6), np.float32), np.array([0, 1, 2, 2])
    x = (rows - streams["text.pooled"].mean[group]) * streams["text.pooled"].scale[group, None]
    values, latents = text.encode(torch.from_numpy(x))
    found = loaded.encode("text.pooled", rows, group)
    assert torch.equal(found[0], values)
    assert torch.equal(found[1], latents)
    np.testing.assert_allclose(loaded.decoder.norm(dim=1), 1, rtol=1e-6)
    assert loaded.decoder.shape == (10, 12)
    (tmp_path / "text" / "cfg.json").unlink()
    with pytest.raises(MmfeatError, match=r"cfg\.json is missing"):
        load_sae(tmp_path)


def test_a_folder_written_again_in_the_other_form_is_the_new_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    image, text = TopKSAE(6, 10, 2), TopKSAE(6, 10, 2)
    streams = {"image.pooled": stats(1), "text.pooled": stats(3)}
    save_sae(tmp_path, {"image": image, "text": text}, streams, {})
    saved(tmp_path)
    assert load_sae(tmp_path).one_decoder
    save_sae(tmp_path, {"image": image, "text": text}, streams, {})
    assert not load_sae(tmp_path).one_decoder


def test_a_gain_is_folded_into_a_plain_topk_sae(tmp_path: Path) -> None:
    sae = TopKSAE(6, 10, 2)
    sae.gain.copy_(torch.linspace(0.5, 2, 10))
    save_sae(tmp_path, {"image": sae, "text": sae}, {"image.pooled": stats(1)}, {})
    weights = load_file(tmp_path / "sae_weights.safetensors")
    x = torch.randn(50, 6)
    # What a plain TopK SAE makes of the saved tensors.
    pre = x.numpy() @ weights["W_enc"] + weights["b_enc"]
    kept = np.where(pre >= np.sort(pre, axis=1)[:, -2:-1], pre, 0).clip(min=0)
    plain = kept @ weights["W_dec"] + weights["b_dec"]
    for own in (sae, load_sae(tmp_path).sae_of("image.pooled")):
        values, latents = own.encode(x)
        np.testing.assert_allclose(own.decode(values, latents).detach(), plain, atol=1e-5)
        norms = np.linalg.norm(weights["W_dec"], axis=1)
        dense = torch.zeros(50, 10).scatter(1, latents, values).detach().numpy()
        np.testing.assert_allclose(dense, kept * norms, atol=1e-5)


def test_a_folder_half_written_is_not_taken_for_whole(tmp_path: Path) -> None:
    torch.manual_seed(0)
    streams = {"image.pooled": stats(1), "text.pooled": stats(3)}
    save_sae(tmp_path, {"image": TopKSAE(6, 10, 2), "text": TopKSAE(6, 10, 2)}, streams, {})
    assert sae_config(tmp_path)["d_sae"] == 10
    (tmp_path / "text" / "cfg.json").unlink()  # as a kill between the two leaves it
    with pytest.raises(OSError):
        sae_config(tmp_path)
