"""Interference, dose-response and additivity against plain float64 and against known SAEs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmfeat.analysis.superposition import additivity, dose_response, interference
from mmfeat.sae.architectures.relu import ReLUSAE
from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.interop import TrainedSAE
from mmfeat.sae.standardisation import Standardisation

STREAM = "image.pooled"


@pytest.mark.parametrize("cells", [1, 500, 1 << 20])
def test_interference_is_that_of_all_cosines(cells: int) -> None:
    rng = np.random.default_rng(0)
    decoder = rng.normal(size=(70, 9)) * rng.uniform(0.1, 5, (70, 1))
    decoder[8] = -decoder[3] + 0.01
    unit = decoder / np.linalg.norm(decoder, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, 0)
    found = interference(decoder, cells)
    np.testing.assert_allclose(found.largest, np.abs(cosine).max(1), atol=1e-6)
    assert found.largest[8] > 0.99  # opposite rows interfere
    np.testing.assert_allclose(found.rms, np.sqrt((cosine**2).sum(1) / 69), rtol=1e-9)
    spectrum = np.linalg.svd(unit, compute_uv=False) ** 2
    expected = spectrum.sum() ** 2 / (spectrum**2).sum()
    assert found.effective_dimension == pytest.approx(expected)


def test_random_directions_interfere_by_one_over_the_dimension() -> None:
    decoder = np.random.default_rng(1).normal(size=(2000, 50))
    found = interference(decoder)
    assert (found.rms**2).mean() == pytest.approx(1 / 50, rel=0.02)
    assert found.effective_dimension == pytest.approx(50, rel=0.05)
    orthogonal = interference(np.eye(12))
    assert orthogonal.effective_dimension == pytest.approx(12)
    np.testing.assert_allclose(orthogonal.largest, 0, atol=1e-7)


def test_one_feature_and_none_have_no_interference() -> None:
    assert np.isnan(interference(np.eye(3)[:1]).largest).all()
    none = interference(np.zeros((0, 3)))
    assert none.rms.shape == (0,) and np.isnan(none.effective_dimension)


def trained(sae: TopKSAE | ReLUSAE, scale: float = 1.0) -> TrainedSAE:
    stats = Standardisation(np.full((1, sae.d_in), 0.5, np.float32), np.array([scale], np.float32))
    sae.eval().requires_grad_(False)
    return TrainedSAE({"image": sae, "text": sae}, {STREAM: stats}, {})


def relu_on_axes(bias: float) -> TrainedSAE:
    sae = ReLUSAE(6, 6)
    with torch.no_grad():
        sae.W_dec.copy_(torch.eye(6))
        sae.W_enc.copy_(torch.eye(6))
        sae.b_enc.fill_(bias)
    return trained(sae)


ROWS = np.full((4, 6), 1.5, np.float32)  # 1 when standardised
GROUP = np.zeros(4, np.int64)


def test_a_linear_code_responds_in_proportion_and_adds_up() -> None:
    sae = relu_on_axes(0.0)
    fit = dose_response(sae, STREAM, ROWS, GROUP, np.array([0, 3]), np.array([2.0, 5.0]))
    np.testing.assert_allclose(fit, 1, rtol=1e-6)
    pairs = np.array([[0, 1], [4, 2]])
    score = additivity(sae, STREAM, ROWS, GROUP, pairs, np.full((2, 2), 3.0))
    np.testing.assert_allclose(score, 1, rtol=1e-6)


def test_a_threshold_bends_the_response_as_a_fit_by_hand_says() -> None:
    sae = relu_on_axes(-2.0)  # rows are at 1: nothing fires before t = 1
    fit = dose_response(sae, STREAM, ROWS[:1], GROUP[:1], np.array([1]), np.array([4.0]), doses=5)
    t = np.array([0.0, 1, 2, 3, 4])
    r = np.corrcoef(t, [0, 0, 1, 2, 3])[0, 1]
    assert fit[0] == pytest.approx(r**2, rel=1e-6)
    silent = dose_response(sae, STREAM, ROWS, GROUP, np.array([1]), np.array([0.5]))
    assert np.isnan(silent[0])


def test_rows_that_respond_differently_lower_the_fit() -> None:
    sae = relu_on_axes(-2.0)
    rows = np.stack([ROWS[0], ROWS[0] + 1]).astype(np.float32)  # at 1 and 2
    fit = dose_response(sae, STREAM, rows, GROUP[:2], np.array([1]), np.array([4.0]), doses=5)
    t = np.arange(5.0)
    z = np.stack([np.maximum(1 + t - 2, 0), np.maximum(2 + t - 2, 0)])
    centred = z - z.mean(1, keepdims=True)
    slope = (centred @ (t - 2)).sum() / (2 * ((t - 2) ** 2).sum())
    error = ((centred - slope * (t - 2)) ** 2).sum()
    assert fit[0] == pytest.approx(1 - error / (centred**2).sum(), rel=1e-6)


def test_features_that_compete_for_one_place_do_not_add_up() -> None:
    sae = TopKSAE(6, 6, k=1)
    with torch.no_grad():
        sae.W_dec.copy_(torch.eye(6))
        sae.W_enc.copy_(torch.eye(6))
        sae.b_enc.zero_()
    rows = np.full((3, 6), 0.5, np.float32)  # 0 when standardised
    score = additivity(
        trained(sae), STREAM, rows, GROUP[:3], np.array([[0, 1]]), np.array([[3.0, 2.0]])
    )
    # Alone they fire at 3 and 2; together the first fires at 3 and the second not at all.
    assert score[0] == pytest.approx(1 - 2**2 / 3**2)


def test_directions_are_those_of_the_decoder_on_standardised_rows() -> None:
    torch.manual_seed(0)
    sae = trained(TopKSAE(8, 20, k=3), scale=2.0)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5, 8)).astype(np.float32)
    group, features = np.zeros(5, np.int64), np.arange(20)
    fit = dose_response(sae, STREAM, rows, group, features, np.full(20, 3.0), doses=4)
    own = sae.sae_of(STREAM)
    d = own.W_dec.numpy().astype(np.float64)
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    for feature in range(20):
        z = np.zeros((5, 4))
        for row in range(5):
            for at, t in enumerate(np.linspace(0, 3, 4)):
                x = (rows[row] - 0.5) * 2 + t * d[feature]
                values, latents = own.encode(torch.from_numpy(x).float()[None])
                on = latents[0] == feature
                z[row, at] = float(values[0][on].sum())
        centred = z - z.mean(1, keepdims=True)
        t = np.linspace(0, 3, 4) - 1.5
        slope = (centred @ t).sum() / (5 * (t**2).sum())
        expected = 1 - ((centred - slope * t) ** 2).sum() / (centred**2).sum()
        assert fit[feature] == pytest.approx(expected, abs=1e-4)
