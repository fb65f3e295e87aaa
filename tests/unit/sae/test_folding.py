"""Folded SAEs against the arithmetic they stand for, in float64."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from mmfeat.cli.app import app
from mmfeat.cli.common import run
from mmfeat.errors import MmfeatError
from mmfeat.sae.architectures.gated import GatedSAE
from mmfeat.sae.architectures.jump_relu import JumpReLUSAE
from mmfeat.sae.architectures.relu import ReLUSAE
from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.base import SAE
from mmfeat.sae.export import export_sae
from mmfeat.sae.folding import fold_norms
from mmfeat.sae.interop import Standardisation, load_sae, save_sae

D_IN, D_SAE, K = 6, 10, 3
LANGUAGES = ["en", "ko", "zh-hans"]
NAMES = ["topk", "jumprelu", "relu", "gated"]


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(shape)


def an_sae(name: str) -> SAE:
    """Return a finished SAE with no tensor at its first value."""
    sae: SAE
    if name == "topk":
        sae = TopKSAE(D_IN, D_SAE, K)
        sae.gain.copy_(torch.linspace(0.5, 2, D_SAE))
    elif name == "jumprelu":
        sae = JumpReLUSAE(D_IN, D_SAE)
        sae.threshold.data = torch.rand(D_SAE)
    elif name == "relu":
        sae = ReLUSAE(D_IN, D_SAE).finished()
    else:
        sae = GatedSAE(D_IN, D_SAE)
        for bias in (sae.b_gate, sae.b_mag, sae.r_mag):
            bias.data = numbers(D_SAE) / 2
    sae.b_dec.data = numbers(D_IN)
    sae.W_enc.data = numbers(D_IN, D_SAE)
    if name != "gated":
        sae.b_enc.data = numbers(D_SAE)
    return sae.finished()


def plain(weights: dict[str, np.ndarray], name: str, x: np.ndarray) -> np.ndarray:
    """Return the codes that the tensors of a SAELens folder give, after the papers."""
    w = {key: value.astype(np.float64) for key, value in weights.items()}
    product = x @ w["W_enc"]
    if name == "gated":
        magnitude = product * np.exp(w["r_mag"]) + w["b_mag"]
        return magnitude.clip(min=0) * (product + w["b_gate"] > 0)
    pre = product + w["b_enc"]
    if name == "topk":
        return np.where(pre >= np.sort(pre, axis=1)[:, -K][:, None], pre, 0).clip(min=0)
    if name == "jumprelu":
        return pre * (pre > w["threshold"])
    return pre.clip(min=0)


def stats(groups: int) -> Standardisation:
    rng = np.random.default_rng(groups)
    return Standardisation(
        rng.normal(0, 5, (groups, D_IN)).astype(np.float32),
        rng.uniform(0.3, 3, groups).astype(np.float32),
    )


def trained(folder: Path, saes: dict[str, SAE], **streams: Standardisation) -> Path:
    streams = streams or {"image.pooled": stats(1), "text.pooled": stats(3)}
    metadata = {"hook_name": "joint", "streams": list(streams), "languages": LANGUAGES}
    save_sae(folder, saes, streams, metadata)
    return folder


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("stream", "language"), [("image.pooled", None), ("text.pooled", "ko")])
def test_a_folded_copy_does_to_raw_rows_what_the_sae_does_to_standardised(
    tmp_path: Path, name: str, stream: str, language: str | None
) -> None:
    torch.manual_seed(0)
    sae = an_sae(name)
    source = trained(tmp_path / "sae", {"image": sae, "text": sae})
    done = export_sae(source, tmp_path / "raw", stream, language)
    assert done["stream"] == stream
    assert done["languages"] == (None if language is None else ["ko"])
    before = load_file(source / "sae_weights.safetensors")
    after = load_file(tmp_path / "raw" / "sae_weights.safetensors")
    group = 0 if language is None else 1
    own = stats(1 if language is None else 3)
    mean, scale = own.mean[group].astype(np.float64), float(own.scale[group])
    raw = mean + np.random.default_rng(1).normal(0, 2, (60, D_IN))
    expected = plain(before, name, (raw - mean) * scale)
    found = plain(after, name, raw)
    assert 0.05 < (expected > 0).mean() < 0.95
    np.testing.assert_allclose(found, expected, atol=3e-5)
    rebuilt = (expected @ before["W_dec"] + before["b_dec"]) / scale + mean
    np.testing.assert_allclose(found @ after["W_dec"] + after["b_dec"], rebuilt, atol=3e-5)
    if name == "jumprelu":
        assert np.array_equal(before["threshold"], after["threshold"])
    # Read here again it says the same, along unit rows.
    again = load_sae(tmp_path / "raw")
    rows = raw.astype(np.float32)
    values, latents = again.encode(stream, rows, np.zeros(60, np.int64))
    own_sae = again.sae_of(stream)
    np.testing.assert_allclose(own_sae.decode(values, latents).numpy(), rebuilt, atol=5e-5)
    dense = torch.zeros(60, D_SAE).scatter(1, latents, values).numpy()
    norms = np.linalg.norm(after["W_dec"], axis=1)
    np.testing.assert_allclose(dense, found * norms, atol=5e-5)
    np.testing.assert_allclose(again.decoder.norm(dim=1), 1, rtol=1e-5)


def test_a_folded_copy_names_what_it_acts_on(tmp_path: Path) -> None:
    sae = an_sae("topk")
    source = trained(tmp_path / "sae", {"image": sae, "text": sae})
    export_sae(source, tmp_path / "raw", "text.pooled", "zh-hans")
    loaded = load_sae(tmp_path / "raw")
    assert list(loaded.streams) == ["text.pooled"]
    assert loaded.streams["text.pooled"].scale.tolist() == [1]
    assert not loaded.streams["text.pooled"].mean.any()
    assert loaded.metadata["languages"] == ["zh-hans"]
    assert loaded.metadata["folded"] == {"stream": "text.pooled", "language": "zh-hans"}
    assert loaded.metadata["hook_name"] == "joint"


def test_each_stream_gets_the_sae_of_its_modality(tmp_path: Path) -> None:
    torch.manual_seed(0)
    image, text = an_sae("gated"), an_sae("gated")
    source = trained(tmp_path / "sae", {"image": image, "text": text})
    for stream, language, sae in (("image.pooled", None, image), ("text.pooled", "en", text)):
        out = tmp_path / stream
        export_sae(source, out, stream, language)
        weights = load_file(out / "sae_weights.safetensors")
        scale = stats(1 if language is None else 3).scale[0]
        np.testing.assert_allclose(weights["W_enc"], sae.W_enc * float(scale), rtol=1e-6)


def test_a_language_is_asked_for_only_where_it_matters(tmp_path: Path) -> None:
    sae = an_sae("relu")
    equal = Standardisation(np.zeros((3, D_IN), np.float32), np.full(3, 0.5, np.float32))
    source = trained(tmp_path / "sae", {"image": sae, "text": sae}, **{"text.pooled": equal})
    done = export_sae(source, tmp_path / "raw", "text.pooled")
    assert done["languages"] == LANGUAGES
    assert len(load_sae(tmp_path / "raw").streams["text.pooled"].scale) == 3
    weights = load_file(tmp_path / "raw" / "sae_weights.safetensors")
    np.testing.assert_allclose(weights["W_enc"], sae.W_enc / 2, rtol=1e-6)


def test_an_sae_written_as_it_is_is_the_same_sae(tmp_path: Path) -> None:
    torch.manual_seed(0)
    saes = {"image": an_sae("topk"), "text": an_sae("topk")}
    source = trained(tmp_path / "sae", saes)
    assert export_sae(source, tmp_path / "copy")["stream"] is None
    for modality in ("image", "text"):
        for file in ("sae_weights.safetensors", "streams.safetensors"):
            before = load_file(source / modality / file)
            after = load_file(tmp_path / "copy" / modality / file)
            assert set(before) == set(after)
            for name, values in before.items():
                np.testing.assert_allclose(after[name], values, rtol=1e-6)
    assert load_sae(tmp_path / "copy").metadata == load_sae(source).metadata


@pytest.mark.parametrize(
    ("stream", "language", "message"),
    [
        ("image.patch", None, r"no stream 'image\.patch'; choose from image\.pooled, text\.pooled"),
        ("text.pooled", None, r"each of 3 languages; .* choose from en, ko, zh-hans\."),
        ("text.pooled", "de", r"no language 'de'; choose from en, ko, zh-hans\."),
        ("image.pooled", "ko", r"image\.pooled of .* has no languages; leave out --language"),
        (None, "ko", r"give --stream too"),
    ],
)
def test_a_stream_or_language_there_is_not_is_named_with_those_there_are(
    tmp_path: Path, stream: str | None, language: str | None, message: str
) -> None:
    sae = an_sae("topk")
    source = trained(tmp_path / "sae", {"image": sae, "text": sae})
    with pytest.raises(MmfeatError, match=message):
        export_sae(source, tmp_path / "raw", stream, language)
    assert not (tmp_path / "raw").exists()


def test_no_sae_of_a_training_is_written_over(tmp_path: Path) -> None:
    saes: dict[str, SAE] = {"image": an_sae("topk"), "text": an_sae("topk")}
    source = trained(tmp_path / "sae", saes)
    other = tmp_path / "other"
    other.mkdir()
    (other / "metrics.jsonl").touch()
    for out in (source, source / "text", other):
        with pytest.raises(MmfeatError, match="give another folder for --out"):
            export_sae(source, out)
    (tmp_path / "file").touch()
    with pytest.raises(MmfeatError, match="is a file; give a folder"):
        export_sae(source, tmp_path / "file")
    load_sae(source)


def test_the_command_prints_what_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sae = an_sae("relu")
    source = trained(tmp_path / "sae", {"image": sae, "text": sae})
    out = str(tmp_path / "raw")
    arguments = ["export", "sae", str(source), "--out", out, "--stream", "text.pooled"]
    assert run(app, [*arguments, "--language", "ko", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "out": out,
        "architecture": "standard",
        "d_in": D_IN,
        "d_sae": D_SAE,
        "stream": "text.pooled",
        "languages": ["ko"],
    }
    assert run(app, arguments) == 1
    assert "choose from en, ko, zh-hans" in capsys.readouterr().err


def test_a_latent_without_a_direction_falls_silent() -> None:
    tensors = {
        "W_enc": torch.ones(2, 3),
        "b_enc": torch.ones(3),
        "threshold": torch.full((3,), 0.5),
        "W_dec": torch.tensor([[0.0, 0.0], [3.0, 4.0], [1.0 + 1e-7, 0.0]]),
        "b_dec": torch.ones(2),
    }
    folded = fold_norms(tensors)
    assert folded["W_enc"].tolist() == [[0, 5, 1], [0, 5, 1]]
    assert folded["b_enc"].tolist() == [0, 5, 1]
    assert folded["threshold"].tolist() == [0, 2.5, 0.5]
    assert torch.equal(folded["W_dec"][:2], torch.tensor([[0.0, 0.0], [0.6, 0.8]]))
    assert torch.equal(folded["W_dec"][2], tensors["W_dec"][2])  # a unit row keeps its bits
    assert folded["b_dec"] is tensors["b_dec"]
