"""SAEs in the layouts of other programs, read from files written here number by number."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mmfeat.errors import MmfeatError
from mmfeat.sae.export import export_sae
from mmfeat.sae.interop import load_sae, save_sae

D_IN, D_SAE, K = 6, 12, 3


def sae_lens(folder: Path, architecture: str, **changes: Any) -> dict[str, torch.Tensor]:
    """Write a SAELens folder with decoder rows of many norms; return its tensors in float64."""
    torch.manual_seed(0)
    tensors = {
        "W_enc": torch.randn(D_IN, D_SAE),
        "W_dec": torch.randn(D_SAE, D_IN) * torch.linspace(0.2, 2, D_SAE)[:, None],
        "b_dec": torch.randn(D_IN),
    }
    vectors = ("b_gate", "b_mag", "r_mag") if architecture == "gated" else ("b_enc",)
    tensors |= {name: torch.randn(D_SAE) / 2 for name in vectors}
    config: dict[str, Any] = {"architecture": architecture, "d_in": D_IN, "d_sae": D_SAE}
    if architecture == "jumprelu":
        tensors["threshold"] = torch.linspace(-0.5, 1, D_SAE)
    if architecture == "topk":
        config["k"] = K
    config |= {"dtype": "float32", "metadata": {"sae_lens_version": "6.54.12"}, **changes}
    dtype = getattr(torch, config["dtype"])
    tensors = {name: values.to(dtype).contiguous() for name, values in tensors.items()}
    write(folder, config, tensors, "sae_weights")
    return {name: values.double() for name, values in tensors.items()}


def sparsify(folder: Path, **changes: Any) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    weight = torch.randn(D_SAE, D_IN)
    tensors = {
        "encoder.weight": weight,
        "encoder.bias": torch.randn(D_SAE) / 2,
        "W_dec": weight * torch.linspace(0.2, 2, D_SAE)[:, None],
        "b_dec": torch.randn(D_IN),
    }
    config = {
        "activation": "topk",
        "expansion_factor": 2,
        "normalize_decoder": True,
        "num_latents": 0,
        "k": K,
        "multi_topk": True,
        "skip_connection": False,
        "transcode": False,
        "d_in": D_IN,
        **changes,
    }
    write(folder, config, tensors, "sae")
    return {name: values.double() for name, values in tensors.items()}


def write(folder: Path, config: object, tensors: dict[str, torch.Tensor], name: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "cfg.json").write_text(json.dumps(config), encoding="utf-8")
    save_file(tensors, folder / f"{name}.safetensors")


def kept(pre: torch.Tensor) -> torch.Tensor:
    """Return the k highest of each row, by sorting."""
    return torch.where(pre >= pre.sort(1).values[:, -K, None], pre, 0).relu()


def check(folder: Path, x: torch.Tensor, codes: torch.Tensor, rebuilt: torch.Tensor) -> None:
    """Check codes along unit rows, and reconstructions."""
    sae = load_sae(folder).sae_of("image.pooled")
    values, latents = sae.encode(x.float())
    dense = torch.zeros(codes.shape).scatter(1, latents, values)
    assert 0.05 < (codes > 0).double().mean() < 0.95
    torch.testing.assert_close(dense.double(), codes, atol=3e-5, rtol=1e-5)
    torch.testing.assert_close(sae.decode(values, latents).double(), rebuilt, atol=3e-5, rtol=1e-5)
    torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.ones(D_SAE))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("pre_bias", [None, True, False])
@pytest.mark.parametrize("architecture", ["topk", "topk rescaled", "jumprelu", "standard", "gated"])
def test_a_saelens_folder_acts_as_its_tensors_say(
    tmp_path: Path, architecture: str, pre_bias: bool | None, dtype: str
) -> None:
    architecture, _, rescaled = architecture.partition(" ")
    changes: dict[str, Any] = {} if pre_bias is None else {"apply_b_dec_to_input": pre_bias}
    if rescaled:
        changes["rescale_acts_by_decoder_norm"] = True
    w = sae_lens(tmp_path, architecture, dtype=dtype, **changes)
    x = torch.randn(80, D_IN, dtype=torch.float64) * 1.5
    # Absent, the pre-encoder bias is on.
    product = (x - w["b_dec"] if pre_bias is not False else x) @ w["W_enc"]
    norms = w["W_dec"].norm(dim=1)
    if architecture == "gated":
        on = product + w["b_gate"] > 0
        codes = on * (product * w["r_mag"].exp() + w["b_mag"]).relu()
    else:
        pre = product + w["b_enc"]
        if rescaled:
            codes = kept(pre * norms) / norms
        elif architecture == "topk":
            codes = kept(pre)
        elif architecture == "jumprelu":
            codes = pre.relu() * (pre > w["threshold"])
        else:
            codes = pre.relu()
    check(tmp_path, x, codes * norms, codes @ w["W_dec"] + w["b_dec"])


@pytest.mark.parametrize("num_latents", [0, D_SAE])
def test_a_sparsify_folder_acts_as_its_tensors_say(tmp_path: Path, num_latents: int) -> None:
    w = sparsify(tmp_path, num_latents=num_latents, expansion_factor=2 if not num_latents else 5)
    x = torch.randn(80, D_IN, dtype=torch.float64) * 1.5
    codes = kept((x - w["b_dec"]) @ w["encoder.weight"].T + w["encoder.bias"])
    check(tmp_path, x, codes * w["W_dec"].norm(dim=1), codes @ w["W_dec"] + w["b_dec"])
    assert load_sae(tmp_path).architecture == "topk"


def test_an_sae_without_means_acts_on_raw_rows_of_the_streams_that_are_chosen(
    tmp_path: Path,
) -> None:
    sparsify(tmp_path)
    rows, group = np.ones((4, D_IN), np.float32), np.array([0, 1, 2, 1])
    loaded = load_sae(tmp_path)
    assert dict(loaded.streams) == {}
    with pytest.raises(MmfeatError, match=r"no mean and scale of text\.pooled; it has none"):
        loaded.encode("text.pooled", rows, group)
    loaded = load_sae(tmp_path, ["image.pooled", "text.pooled"], languages=3)
    assert len(loaded.streams["image.pooled"].scale) == 1
    assert np.array_equal(loaded.standardise("text.pooled", rows, group).numpy(), rows)
    with pytest.raises(MmfeatError, match="'audio' is no stream"):
        load_sae(tmp_path, ["audio"])


def test_streams_that_are_chosen_do_not_replace_those_of_the_sae(tmp_path: Path) -> None:
    sparsify(tmp_path / "theirs")
    own = load_sae(tmp_path / "theirs", ["image.pooled"])
    save_sae(tmp_path / "ours", own.saes, own.streams, {"streams": ["image.pooled"]})
    assert list(load_sae(tmp_path / "ours", ["text.pooled"]).streams) == ["image.pooled"]
    # Ours, which names its streams, is not whole without them.
    (tmp_path / "ours" / "streams.safetensors").unlink()
    with pytest.raises(MmfeatError, match=r"streams\.safetensors is missing"):
        load_sae(tmp_path / "ours")


def test_a_foreign_sae_can_be_written_as_ours(tmp_path: Path) -> None:
    w = sparsify(tmp_path / "theirs")
    export_sae(tmp_path / "theirs", tmp_path / "ours")
    x = torch.randn(80, D_IN, dtype=torch.float64)
    codes = kept((x - w["b_dec"]) @ w["encoder.weight"].T + w["encoder.bias"])
    check(tmp_path / "ours", x, codes * w["W_dec"].norm(dim=1), codes @ w["W_dec"] + w["b_dec"])
    assert dict(load_sae(tmp_path / "ours").streams) == {}
    with pytest.raises(MmfeatError, match="nothing to fold in; leave out --stream"):
        export_sae(tmp_path / "theirs", tmp_path / "raw", "image.pooled")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "transcoder"}, r"'transcoder' is unknown here; .* standard\."),
        ({"architecture": ["topk"]}, r"the architecture \['topk'\] is unknown"),
        ({"normalize_activations": "layer_norm"}, "normalises activations by 'layer_norm'"),
        ({"normalize_activations": "expected_average_only_in"}, "normalises activations by"),
        ({"activation_fn_str": "topk"}, r"before 6\.0, with the activation 'topk'"),
        ({"apply_b_dec_to_input": "false"}, "apply_b_dec_to_input is 'false', neither true nor"),
        ({"rescale_acts_by_decoder_norm": 1}, "rescale_acts_by_decoder_norm is 1, neither"),
        ({"k": 0}, "k is 0, which is not within 1 and d_sae 12"),
        ({"k": 10**400}, r"k is 10{17}\.\.\.0+, which is not within"),
        ({"k": None}, "damaged SAE"),
        ({"k": float("nan")}, "damaged SAE"),
        ({"d_in": 10**300}, r"W_enc is 6 x 12, not 10{17}\.\.\.0+ x 12; copy"),
        ({"d_sae": 2**40}, "W_enc is 6 x 12, not 6 x 1099511627776"),
        ({"d_sae": -1, "k": 1}, "k is 1, which is not within"),
        ({"d_in": 0}, "W_enc is 6 x 12, not 0 x 12"),
        ({"d_in": "wide"}, "damaged SAE"),
        ({"metadata": [1]}, "damaged SAE"),
    ],
)
def test_a_saelens_folder_that_is_none_of_ours_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    sae_lens(tmp_path, "topk")
    config = json.loads((tmp_path / "cfg.json").read_text())
    (tmp_path / "cfg.json").write_text(json.dumps(config | changes))
    with pytest.raises(MmfeatError, match=message) as caught:
        load_sae(tmp_path)
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transcode": True}, "it is a transcoder"),
        ({"skip_connection": True}, "it is an SAE with a skip connection"),
        ({"signed": True}, "it is an SAE with signed latents"),
        ({"activation": "groupmax"}, "the activation 'groupmax' is unknown here"),
        ({"k": 13}, "k is 13, which is not within 1 and d_sae 12"),
        ({"expansion_factor": 10**200}, r"encoder\.weight is 12 x 6, not 60+\.\.\.0+ x 6"),
        ({"expansion_factor": float("inf")}, "damaged SAE"),
        ({"num_latents": 13}, r"encoder\.weight is 12 x 6, not 13 x 6"),
        ({"d_in": None}, "damaged SAE"),
    ],
)
def test_a_sparsify_folder_that_is_none_of_ours_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    sparsify(tmp_path, **changes)
    with pytest.raises(MmfeatError, match=message):
        load_sae(tmp_path)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("W_skip", torch.zeros(2), r"such an SAE does not have \('W_skip'\)"),
        ("threshold", torch.zeros(D_SAE), r"does not have \('threshold'\)"),
        ("b_enc", None, "b_enc is missing, not 12"),
        ("W_dec", torch.zeros(D_IN, D_SAE), "W_dec is 6 x 12, not 12 x 6"),
        ("b_dec", torch.full((D_IN,), torch.nan), "weights are not all finite"),
        ("b_enc", torch.full((D_SAE,), torch.inf), "weights are not all finite"),
        ("W_dec", torch.full((D_SAE, D_IN), 1e30), "weights are not all finite"),
        (
            "W_enc",
            torch.full((D_IN, D_SAE), 1e300, dtype=torch.float64),
            "weights are not all finite",
        ),
        ("W_enc", torch.ones(D_IN, D_SAE, dtype=torch.int32), "not floating-point numbers"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    tmp_path: Path, name: str, values: torch.Tensor | None, message: str
) -> None:
    sae_lens(tmp_path, "topk")
    file = tmp_path / "sae_weights.safetensors"
    tensors = load_file(file)
    tensors.pop(name, None)
    if values is not None:
        tensors[name] = values
    save_file(tensors, file)
    with pytest.raises(MmfeatError, match=message):
        load_sae(tmp_path)


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["ae.pt", "pytorch_model.bin", "sae.PKL", "last.ckpt"])
def test_nothing_is_unpickled(tmp_path: Path, name: str) -> None:
    folder, trace = tmp_path / "sae", tmp_path / "trace"
    sae_lens(folder, "topk")
    (folder / name).write_bytes(pickle.dumps(Bomb(trace)))
    load_sae(folder)  # beside safetensors it does not matter
    (folder / "sae_weights.safetensors").unlink()
    message = f"{name} is a pickle, and nothing is unpickled here; .* sae_weights.safetensors"
    for place in (folder, folder / name):
        with pytest.raises(MmfeatError, match=message):
            load_sae(place)
    (folder / "sae_weights.safetensors").write_bytes((folder / name).read_bytes())
    with pytest.raises(MmfeatError, match="damaged SAE"):
        load_sae(folder)
    assert not trace.exists()
    pickle.loads((folder / name).read_bytes())
    assert trace.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "damaged SAE"),
        ("{}", "cfg.json has no 'd_in'"),
        ('{"d_in": 6, "d_sae": 12}', "cfg.json has no 'architecture'"),
        ('{"a": ' * 100_000, "damaged SAE"),
        ('{"d_in": 1' + "0" * 5000 + "}", "damaged SAE"),
        ("\udcff", "damaged SAE"),
    ],
)
def test_a_cfg_that_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    sae_lens(tmp_path, "topk")
    (tmp_path / "cfg.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(MmfeatError, match=message) as caught:
        load_sae(tmp_path)
    assert len(str(caught.value)) < 400 + len(str(tmp_path))
