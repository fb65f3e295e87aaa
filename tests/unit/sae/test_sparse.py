from __future__ import annotations

import pytest
import torch

from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.codes import DenseCodes
from mmfeat.sae.sparse import SparseCodes, Support
from mmfeat.sae.top import top

ROWS, D_IN, D_SAE = 7, 5, 12


def case() -> tuple[TopKSAE, torch.Tensor, SparseCodes, torch.Tensor]:
    """Rows whose supports differ in size, one of them empty."""
    torch.manual_seed(0)
    sae = TopKSAE(D_IN, D_SAE, 3).double()
    with torch.no_grad():
        sae.b_enc.normal_()
        sae.b_dec.normal_()
    x = torch.randn(ROWS, D_IN, dtype=torch.float64)
    chosen = torch.rand(ROWS, D_SAE) < 0.4
    chosen[3] = False
    row, latents = chosen.nonzero(as_tuple=True)
    pre = sae.pre_activations(x).detach()[row, latents]
    codes = SparseCodes.encoded(sae, x, pre, Support(latents, chosen.sum(1), D_SAE))
    dense = sae.pre_activations(x).relu() * chosen
    return sae, x, codes, dense


def test_sparse_codes_are_the_dense_ones() -> None:
    sae, _, codes, z = case()
    dense = DenseCodes(z, z)
    torch.testing.assert_close(codes.dense(), z)
    torch.testing.assert_close(codes.decode(sae), z @ sae.W_dec + sae.b_dec)
    assert int(codes.active()) == int(dense.active()) == int((z > 0).sum())
    torch.testing.assert_close(codes.squared_norms(), dense.squared_norms())
    torch.testing.assert_close(codes.products(codes), z @ z.T)
    torch.testing.assert_close(dense.products(codes), z @ z.T)
    torch.testing.assert_close(codes.products(dense), z @ z.T)
    torch.testing.assert_close(codes.first(5).dense()[:, :5], z[:, :5])
    assert not codes.first(5).dense()[:, 5:].any()
    weight, group = torch.rand(ROWS, dtype=torch.float64), torch.tensor([0, 1, 1, 0, 2, 2, 0])
    expected = torch.zeros(3, D_SAE, dtype=torch.float64)
    for r in range(ROWS):
        expected[group[r]] += weight[r] * (z[r] > 0)
    torch.testing.assert_close(codes.activity(weight, group, 3), expected)
    torch.testing.assert_close(dense.activity(weight, group, 3), expected)


def test_gradients_of_sparse_codes_are_those_of_dense_ones() -> None:
    sae, x, codes, z = case()
    x_hat = z @ sae.W_dec + sae.b_dec
    products = z @ z.flip(0).T
    weights = torch.randn(ROWS, ROWS, dtype=torch.float64)
    expected = torch.autograd.grad(
        (x - x_hat).square().sum() + (weights * products).sum(), list(sae.parameters())
    )
    flipped = SparseCodes(
        codes.dense().flip(0)[(z > -1).nonzero(as_tuple=True)],
        Support.of_rows(torch.arange(D_SAE).expand(ROWS, -1), D_SAE),
    )
    found = torch.autograd.grad(
        (x - codes.decode(sae)).square().sum() + (weights * codes.products(flipped)).sum(),
        list(sae.parameters()),
    )
    for (name, _), a, b in zip(sae.named_parameters(), found, expected, strict=True):
        assert b.abs().max() > 0, name
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12, msg=name)


def test_what_is_decoded_twice_is_computed_once() -> None:
    sae, _, codes, _ = case()
    other = TopKSAE(D_IN, D_SAE, 3).double()
    assert codes.decode(sae) is codes.decode(sae)
    assert not torch.equal(codes.decode(other), codes.decode(sae))


@pytest.mark.parametrize(
    ("n", "k"),
    [(8, 3), (512, 16), (520, 16), (2048, 1), (40, 40), (4096, 32), (1029, 4), (2047, 2)],
)
def test_top_finds_the_k_highest(n: int, k: int) -> None:
    torch.manual_seed(0)
    for score in (
        torch.randn(50, n),
        torch.randn(50, n).round(),  # many are equal
        torch.arange(50.0 * n).view(50, n) % n,
        torch.zeros(50, n),
    ):
        found = top(score, k)
        assert found.shape == (50, k)
        assert all(len(set(row)) == k for row in found.tolist())
        taken = score.gather(1, found).sort(1, descending=True).values
        assert torch.equal(taken, score.sort(1, descending=True).values[:, :k])


def test_supports_of_blocks_follow_each_other() -> None:
    torch.manual_seed(0)
    latents = torch.rand(9, D_SAE).topk(3).indices
    whole = Support.of_rows(latents, D_SAE)
    joined = Support.joined([Support.of_rows(part, D_SAE) for part in latents.split(4)])
    entries = whole.row * D_SAE + whole.latents
    batch = Support.of_batch(entries[torch.randperm(27)], 9, D_SAE)
    for found in (joined, batch):
        assert torch.equal(found.start, whole.start) and torch.equal(found.row, whole.row)
    assert torch.equal(joined.latents, whole.latents)
    assert torch.equal(batch.latents.view(9, 3), latents.sort(1).values)
