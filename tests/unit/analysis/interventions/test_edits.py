from __future__ import annotations

import numpy as np
import pytest
import torch

from mmfeat.analysis.interventions.edits import Change, FeatureEdit, clamp, swap
from mmfeat.errors import MmfeatError
from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.interop import TrainedSAE
from mmfeat.sae.standardisation import Standardisation

D, F, K = 6, 16, 4


def sae(seed: int) -> TopKSAE:
    torch.manual_seed(seed)
    made = TopKSAE(D, F, K)
    with torch.no_grad():
        made.b_enc.normal_(0, 0.1)
        made.b_dec.normal_()
        made.gain.uniform_(0.5, 2)
    return made.requires_grad_(False).eval()


@pytest.fixture
def trained() -> TrainedSAE:
    """Two SAEs with decoders of their own; captions in three languages."""
    rng = np.random.default_rng(0)
    streams = {
        name: Standardisation(
            rng.normal(size=(groups, D)).astype(np.float32),
            rng.uniform(0.5, 2, groups).astype(np.float32),
        )
        for name, groups in (("image.patch", 1), ("text.pooled", 3))
    }
    return TrainedSAE({"image": sae(1), "text": sae(2)}, streams, {})


def brute(
    trained: TrainedSAE, stream: str, x: np.ndarray, group: int, change: Change
) -> np.ndarray:
    """One row at a time, in float64: reconstruct the changed code, add the error of the old."""
    own, stats = trained.sae_of(stream), trained.streams[stream]
    w_enc, b_enc, w_dec, b_dec, gain = (
        tensor.double().numpy() for tensor in (own.W_enc, own.b_enc, own.W_dec, own.b_dec, own.gain)
    )
    mean, scale = stats.mean[group].astype(float), float(stats.scale[group])
    row = (x.astype(float) - mean) * scale
    pre = row @ w_enc + b_enc
    on = np.argsort(-pre * gain)[:K]
    z = np.zeros(F)
    z[on] = np.maximum(pre[on], 0)
    new = z.copy()
    for i, feature in enumerate(change.features):
        if change.kind == "ablate":
            new[feature] = 0
        elif change.kind == "clamp":
            new[feature] = change.values[i]
        elif change.kind == "add":
            new[feature] += change.values[i]
        elif change.kind == "scale":
            new[feature] *= change.values[i]
    error = row - (z @ w_dec + b_dec)
    return (new @ w_dec + b_dec + error) / scale + mean


X = np.random.default_rng(3).normal(size=(7, D)).astype(np.float32)
CHANGES = [
    Change("ablate", tuple(range(F))),
    Change("clamp", (5,), (8.0,)),
    Change("clamp", (5, 2, 11), (8.0, -1.5, 0.25)),
    Change("add", (0, 15), (2.0, -3.0)),
    Change("scale", (3, 4, 5, 6), (2.0, 0.5, -1.0, 10.0)),
    Change("noop", (1, 2)),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.kind)
def test_rows_are_those_of_the_brute_force_formula(trained: TrainedSAE, change: Change) -> None:
    language = np.array([0, 2, 1, 1, 0, 2, 2])
    for stream, group in (("image.patch", np.zeros(7, int)), ("text.pooled", language)):
        given: np.ndarray | int = 0 if stream == "image.patch" else group
        found = FeatureEdit(trained, stream, given, change)(torch.from_numpy(X))
        wanted = [brute(trained, stream, x, int(g), change) for x, g in zip(X, group, strict=True)]
        np.testing.assert_allclose(found.numpy(), wanted, atol=2e-5)


def test_a_noop_is_the_identity_to_the_bit(trained: TrainedSAE) -> None:
    found = FeatureEdit(trained, "image.patch", 0, Change("noop", tuple(range(F))))
    assert torch.equal(found(torch.from_numpy(X)), torch.from_numpy(X))


def test_what_the_sae_does_not_explain_is_kept(trained: TrainedSAE) -> None:
    """All features gone, what is left is the error, the bias and the mean."""
    everything = Change("ablate", tuple(range(F)))
    found = FeatureEdit(trained, "image.patch", 0, everything)(torch.from_numpy(X)).numpy()
    own, stats = trained.saes["image"], trained.streams["image.patch"]
    rows = trained.standardise("image.patch", X, np.zeros(7, np.int64))
    error = rows - own.decode(*own.encode(rows))
    assert float(error.norm()) > 1
    left = (error + own.b_dec).numpy() / stats.scale + stats.mean
    np.testing.assert_allclose(found, left, atol=1e-5)


def test_only_the_chosen_rows_are_changed(trained: TrainedSAE) -> None:
    rows = np.array([False, True, False, False, True, True, False])
    language, change = np.array([0, 2, 1, 1, 0, 2, 2]), Change("clamp", (5,), (8.0,))
    x = torch.from_numpy(X)
    whole = FeatureEdit(trained, "text.pooled", language, change)(x)
    some = FeatureEdit(trained, "text.pooled", language, change, rows)
    found = some(x)
    assert torch.equal(found[~rows], x[~rows])
    torch.testing.assert_close(found[rows], whole[rows])
    assert some.activations(x).shape == (3, 1)


def test_activations_are_those_of_the_code(trained: TrainedSAE) -> None:
    edit = FeatureEdit(trained, "text.pooled", 1, Change("noop", (9, 0, 3)))
    values, latents = trained.encode("text.pooled", X, np.ones(7, np.int64))
    dense = torch.zeros(7, F).scatter(1, latents, values)
    torch.testing.assert_close(edit.activations(torch.from_numpy(X)), dense[:, [9, 0, 3]])


def test_half_precision_comes_back_as_it_was(trained: TrainedSAE) -> None:
    edit = FeatureEdit(trained, "image.patch", 0, Change("clamp", (5,), (8.0,)))
    x = torch.from_numpy(X).bfloat16()
    assert edit(x).dtype == torch.bfloat16
    torch.testing.assert_close(edit(x), edit(x.float()).bfloat16())


def test_gradients_flow_after_a_call_in_inference_mode(trained: TrainedSAE) -> None:
    edit = FeatureEdit(trained, "image.patch", 0, Change("scale", (5,), (2.0,)))
    with torch.inference_mode():
        edit(torch.from_numpy(X))
    x = torch.from_numpy(X).requires_grad_()
    edit(x).sum().backward()
    assert x.grad is not None and bool((x.grad != 0).any())


def test_a_clamp_is_in_multiples_of_the_maximum() -> None:
    maximum = np.array([0.5, 0.0, 4.0])
    assert clamp([2, 0], -3, maximum) == Change("clamp", (2, 0), (-12.0, -1.5))
    assert clamp([0], 100, maximum).values == (50.0,)
    with pytest.raises(MmfeatError, match="clamped to 101 times its maximum; give a multiple"):
        clamp([0], 101, maximum)
    with pytest.raises(MmfeatError, match="Feature 1 never fires"):
        clamp([1], 5, maximum)


def test_swapped_features_have_the_activations_of_the_other_row(trained: TrainedSAE) -> None:
    values, latents = trained.encode("image.patch", X, np.zeros(7, np.int64))
    dense = torch.zeros(7, F).scatter(1, latents, values)
    chosen = latents[1, :2].tolist()
    change = swap(chosen, dense[1].numpy())
    assert change.kind == "clamp"
    found = FeatureEdit(trained, "image.patch", 0, change)(torch.from_numpy(X[:1]))
    stats = trained.streams["image.patch"]
    step = (dense[1, chosen] - dense[0, chosen]) @ trained.saes["image"].W_dec[chosen]
    np.testing.assert_allclose(found[0], X[0] + step.numpy() / stats.scale, atol=1e-5)
    assert swap([1, 2], np.array([9.0, 0.0, 3.0])).values == (0.0, 3.0)


def test_what_does_not_fit_is_refused(trained: TrainedSAE) -> None:
    with pytest.raises(MmfeatError, match="takes 2 values, not 1"):
        Change("clamp", (1, 2), (3.0,))
    with pytest.raises(MmfeatError, match="takes 0 values"):
        Change("ablate", (1,), (3.0,))
    with pytest.raises(MmfeatError, match="changed twice"):
        Change("ablate", (1, 1))
    with pytest.raises(MmfeatError, match="give a finite one"):
        Change("add", (1,), (float("nan"),))
    with pytest.raises(MmfeatError, match=f"no feature {F}; give one from 0 to {F - 1}"):
        FeatureEdit(trained, "image.patch", 0, Change("ablate", (F,)))
    with pytest.raises(MmfeatError, match="no mean and scale of image.pooled"):
        FeatureEdit(trained, "image.pooled", 0, Change("ablate", (1,)))
    with pytest.raises(MmfeatError, match="3 means of text.pooled"):
        FeatureEdit(trained, "text.pooled", 3, Change("ablate", (1,)))
    edit = FeatureEdit(trained, "text.pooled", np.zeros(3, int), Change("ablate", (1,)))
    with pytest.raises(MmfeatError, match="made for 3 rows of text.pooled and is given 7"):
        edit(torch.from_numpy(X))
