"""Round trips with the real packages: SAELens and EleutherAI's sparsify."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mmfeat.errors import MmfeatError
from mmfeat.sae.architectures.batch_topk import BatchTopKSAE
from mmfeat.sae.architectures.gated import GatedSAE
from mmfeat.sae.architectures.jump_relu import JumpReLUSAE
from mmfeat.sae.architectures.matryoshka import MatryoshkaSAE
from mmfeat.sae.architectures.relu import ReLUSAE
from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.base import SAE
from mmfeat.sae.export import export_sae
from mmfeat.sae.interop import Standardisation, load_sae, save_sae

D_IN, D_SAE, K = 24, 96, 8
CLOSE = {"atol": 1e-5, "rtol": 1e-5}
LANGUAGES = ["en", "ko"]


@pytest.fixture(scope="module")
def sae_lens() -> Any:
    return pytest.importorskip("sae_lens")


@pytest.fixture(scope="module")
def sparsify() -> Any:
    os.environ.setdefault("SPARSIFY_DISABLE_TRITON", "1")  # its kernels need a GPU
    return pytest.importorskip("sparsify")


def stirred(module: torch.nn.Module) -> Any:
    """Give every parameter values of its own, decoder rows norms of their own."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, values in sorted(module.named_parameters()):
            values.copy_(torch.randn(values.shape, generator=generator) / D_IN**0.5)
            if name == "W_dec":
                values.mul_(torch.linspace(0.3, 2, D_SAE)[:, None])
            elif name == "threshold":
                values.abs_()
    return module


def rows(n: int = 200) -> Tensor:
    return torch.randn(n, D_IN, generator=torch.Generator().manual_seed(1)) * 2


def codes_of(sae: SAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return dense codes and reconstructions of an SAE of ours."""
    values, latents = sae.encode(x)
    return torch.zeros(len(x), D_SAE).scatter(1, latents, values), sae.decode(values, latents)


def check_ours(folder: Path, x: Tensor, codes: Tensor, rebuilt: Tensor, norms: Tensor) -> None:
    """Check that what we load gives their codes, counted along unit rows, and the same rows."""
    own, own_rebuilt = codes_of(load_sae(folder).sae_of("image.pooled"), x)
    assert 0.02 < (codes > 0).float().mean() < 0.8
    torch.testing.assert_close(own, codes * norms, **CLOSE)
    torch.testing.assert_close(own_rebuilt, rebuilt, **CLOSE)


@pytest.mark.parametrize("pre_bias", [True, False])
@pytest.mark.parametrize("name", ["Standard", "TopK", "TopK rescaled", "JumpReLU", "Gated"])
@torch.inference_mode()
def test_what_saelens_writes_is_read(
    sae_lens: Any, tmp_path: Path, name: str, pre_bias: bool
) -> None:
    name, _, rescaled = name.partition(" ")
    options = {"k": K, "rescale_acts_by_decoder_norm": bool(rescaled)} if name == "TopK" else {}
    config = getattr(sae_lens, f"{name}SAEConfig")(
        d_in=D_IN, d_sae=D_SAE, apply_b_dec_to_input=pre_bias, **options
    )
    theirs = stirred(getattr(sae_lens, f"{name}SAE")(config))
    theirs.save_model(tmp_path)
    x = rows()
    codes = theirs.encode(x)
    norms = torch.ones(D_SAE) if rescaled else theirs.W_dec.norm(dim=1)
    check_ours(tmp_path, x, codes, theirs.decode(codes), norms)


@pytest.mark.parametrize("name", ["BatchTopK", "MatryoshkaBatchTopK", "JumpReLU", "TopK"])
def test_what_saelens_trains_is_read(sae_lens: Any, tmp_path: Path, name: str) -> None:
    options: dict[str, Any] = {} if name == "JumpReLU" else {"k": K}
    if name.startswith("Matryoshka"):
        options["matryoshka_widths"] = [16, 48, D_SAE]
    config = getattr(sae_lens, f"{name}TrainingSAEConfig")(d_in=D_IN, d_sae=D_SAE, **options)
    training = stirred(getattr(sae_lens, f"{name}TrainingSAE")(config))
    if hasattr(training, "topk_threshold"):
        training.topk_threshold.fill_(0.6)
    training.save_inference_model(tmp_path)
    theirs = sae_lens.SAE.load_from_disk(tmp_path)
    x = rows()
    with torch.inference_mode():
        codes = theirs.encode(x)
        norms = theirs.W_dec.norm(dim=1)
        if getattr(theirs.cfg, "rescale_acts_by_decoder_norm", False):
            norms = torch.ones(D_SAE)
        check_ours(tmp_path, x, codes, theirs.decode(codes), norms)


def ours(name: str) -> SAE:
    """Return a finished SAE with no tensor at its first value."""
    saes: dict[str, SAE] = {
        "topk": TopKSAE(D_IN, D_SAE, K),
        "batch-topk": BatchTopKSAE(D_IN, D_SAE, K),
        "matryoshka": MatryoshkaSAE(D_IN, D_SAE, K, (0.25, 1.0)),
        "relu": ReLUSAE(D_IN, D_SAE),
        "jumprelu": JumpReLUSAE(D_IN, D_SAE),
        "gated": GatedSAE(D_IN, D_SAE),
    }
    sae: Any = stirred(saes[name])
    if name != "relu":
        sae.after_step()  # unit decoder rows
    if hasattr(sae, "gain"):
        sae.gain.copy_(torch.linspace(0.5, 2, D_SAE))
    if name in ("batch-topk", "matryoshka"):
        sae.threshold.fill_(0.6)
    finished: SAE = sae.finished()
    return finished


NAMES = ["topk", "batch-topk", "matryoshka", "relu", "jumprelu", "gated"]


def written(folder: Path, sae: SAE) -> dict[str, Standardisation]:
    rng = np.random.default_rng(0)
    streams = {
        name: Standardisation(
            rng.normal(0, 2, (groups, D_IN)).astype(np.float32),
            rng.uniform(0.3, 3, groups).astype(np.float32),
        )
        for name, groups in (("image.pooled", 1), ("text.pooled", 2))
    }
    metadata = {"hook_name": "joint", "streams": list(streams), "languages": LANGUAGES}
    save_sae(folder, {"image": sae, "text": sae}, streams, metadata)
    return streams


@pytest.mark.parametrize("name", NAMES)
@torch.inference_mode()
def test_what_we_write_saelens_reads(sae_lens: Any, tmp_path: Path, name: str) -> None:
    sae, x = ours(name), rows()
    written(tmp_path, sae)
    theirs = sae_lens.SAE.load_from_disk(tmp_path)
    codes = theirs.encode(x)
    own, rebuilt = codes_of(sae, x)
    assert 0.02 < (own > 0).float().mean() < 0.8
    # A gain makes their codes of a TopK SAE others; along unit rows they are ours.
    torch.testing.assert_close(codes * theirs.W_dec.norm(dim=1), own, **CLOSE)
    torch.testing.assert_close(theirs.decode(codes), rebuilt, **CLOSE)
    if name != "topk":
        torch.testing.assert_close(codes, own, **CLOSE)
    assert theirs.cfg.metadata["hook_name"] == "joint"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("stream", "language"), [("image.pooled", None), ("text.pooled", "ko")])
@torch.inference_mode()
def test_a_folded_copy_acts_on_raw_rows_in_saelens(
    sae_lens: Any, tmp_path: Path, name: str, stream: str, language: str | None
) -> None:
    sae = ours(name)
    stats = written(tmp_path / "sae", sae)[stream]
    export_sae(tmp_path / "sae", tmp_path / "raw", stream, language)
    group = 0 if language is None else LANGUAGES.index(language)
    mean, scale = torch.from_numpy(stats.mean[group]), float(stats.scale[group])
    standardised = rows()
    raw = standardised / scale + mean
    own, rebuilt = codes_of(sae, standardised)
    theirs = sae_lens.SAE.load_from_disk(tmp_path / "raw")
    codes = theirs.encode(raw)
    # Raw rows are 1 / scale as long, and so are directions times codes.
    length = theirs.W_dec.norm(dim=1) * scale
    torch.testing.assert_close(codes * length, own, **CLOSE)
    torch.testing.assert_close(theirs.decode(codes), rebuilt / scale + mean, **CLOSE)


@pytest.mark.parametrize("options", [{"expansion_factor": 4}, {"num_latents": D_SAE}])
@torch.inference_mode()
def test_what_sparsify_writes_is_read(
    sparsify: Any, tmp_path: Path, options: dict[str, Any]
) -> None:
    theirs = stirred(sparsify.SparseCoder(D_IN, sparsify.SparseCoderConfig(k=K, **options)))
    theirs.save_to_disk(tmp_path)
    x = rows()
    values, latents, _ = theirs.encode(x)
    codes = torch.zeros(len(x), D_SAE).scatter(1, latents, values)
    rebuilt = theirs.decode(values, latents)
    check_ours(tmp_path, x, codes, rebuilt, theirs.W_dec.norm(dim=1))


@torch.inference_mode()
def test_an_sae_of_sparsify_reaches_saelens(sae_lens: Any, sparsify: Any, tmp_path: Path) -> None:
    config = sparsify.SparseCoderConfig(k=K, num_latents=D_SAE)
    source = stirred(sparsify.SparseCoder(D_IN, config))
    source.save_to_disk(tmp_path / "sparsify")
    export_sae(tmp_path / "sparsify", tmp_path / "sae_lens")
    x = rows()
    values, latents, _ = source.encode(x)
    codes = torch.zeros(len(x), D_SAE).scatter(1, latents, values)
    target = sae_lens.SAE.load_from_disk(tmp_path / "sae_lens")
    torch.testing.assert_close(target.encode(x), codes, **CLOSE)
    torch.testing.assert_close(target(x), source.decode(values, latents), **CLOSE)


def test_transcoders_of_both_are_refused(sae_lens: Any, sparsify: Any, tmp_path: Path) -> None:
    config = sparsify.SparseCoderConfig(k=K, num_latents=D_SAE, transcode=True)
    sparsify.SparseCoder(D_IN, config).save_to_disk(tmp_path / "sparsify")
    with pytest.raises(MmfeatError, match="a transcoder"):
        load_sae(tmp_path / "sparsify")
    options = {"d_in": D_IN, "d_sae": D_SAE, "d_out": D_IN, "apply_b_dec_to_input": False}
    sae_lens.Transcoder(sae_lens.TranscoderConfig(**options)).save_model(tmp_path / "sae_lens")
    with pytest.raises(MmfeatError, match="'transcoder' is unknown here"):
        load_sae(tmp_path / "sae_lens")
