from __future__ import annotations

import pytest
import torch

from mmfeat.sae.architectures.batch_topk import BatchTopKSAE
from mmfeat.sae.architectures.topk import TopKSAE
from mmfeat.sae.codes import Codes, DenseCodes
from mmfeat.sae.selecting import SelectingSAE
from mmfeat.sae.settings import SupportSettings
from mmfeat.sae.sparse import SparseCodes
from mmfeat.sae.support import selection
from mmfeat.sae.support.balance import Balance

VIEWS = ("image.pooled", "text.pooled")


def selected(
    saes: list[SelectingSAE], rows: list[torch.Tensor], **support: float
) -> list[SparseCodes]:
    select = selection.Selection(SupportSettings(**support), torch.Generator().manual_seed(0))
    found = select(dict(zip(VIEWS, saes, strict=True)), dict(zip(VIEWS, rows, strict=True)))
    assert list(found) == list(VIEWS)
    return [codes for codes in found.values() if isinstance(codes, SparseCodes)]


@pytest.mark.parametrize("block", [1, 20, 1 << 20])
def test_a_pair_shares_the_support_of_the_summed_scores_and_keeps_its_own_values(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "_BLOCK", block)
    torch.manual_seed(0)
    image, text = TopKSAE(4, 9, 3), TopKSAE(4, 9, 3)
    text.gain.copy_(torch.rand(9) + 0.5)
    rows = [torch.randn(6, 4), torch.randn(6, 4)]
    pre = [sae.pre_activations(x).detach() for sae, x in zip((image, text), rows, strict=True)]
    found = selected([image, text], rows, shared=True)
    for row in range(6):
        score = [float(pre[0][row, i] + text.gain[i] * pre[1][row, i]) for i in range(9)]
        support = sorted(range(9), key=lambda i: -score[i])[:3]
        for codes, values in zip(found, pre, strict=True):
            expected = [max(float(values[row, i]), 0.0) if i in support else 0.0 for i in range(9)]
            torch.testing.assert_close(codes.dense()[row].detach(), torch.tensor(expected))


def test_a_mask_hides_the_same_latents_from_both_of_a_pair() -> None:
    torch.manual_seed(0)
    sae = TopKSAE(4, 50, 50)
    with torch.no_grad():
        sae.b_enc.fill_(100)  # all are active, but for the hidden
    rows = [torch.randn(400, 4), torch.randn(400, 4)]
    found = selected([sae, sae], rows, mask=0.2)
    image, text = (codes.dense() == 0 for codes in found)
    assert torch.equal(image, text)
    assert abs(float(image.float().mean()) - 0.2) < 0.02
    assert image.any(0).all()  # another set for each pair
    torch.testing.assert_close(
        found[1].dense()[~text], sae.pre_activations(rows[1])[~text], rtol=0, atol=1e-4
    )


def test_a_hidden_latent_is_silent_even_where_fewer_than_k_remain() -> None:
    sae = TopKSAE(4, 10, 9)
    with torch.no_grad():
        sae.b_enc.fill_(100)
    x = torch.randn(200, 4)
    codes = selected([sae, sae], [x, x], mask=0.5)[0]
    assert abs(float((codes.values > 0).sum()) / 2000 - 0.5) < 0.03
    codes.values.sum().backward()
    assert sae.b_enc.grad is not None
    assert float(sae.b_enc.grad.sum()) == float((codes.values > 0).sum())


def test_the_threshold_is_learnt_from_what_a_row_selects_by_itself() -> None:
    torch.manual_seed(0)
    rows = [torch.randn(30, 4), torch.randn(30, 4)]
    expected = BatchTopKSAE(4, 9, 3)
    for x in rows:
        expected.observe(expected.pre_activations(x).detach())
    for support in ({}, {"shared": True}, {"mask": 0.3}):
        sae = BatchTopKSAE(4, 9, 3)
        sae.load_state_dict({**expected.state_dict(), "threshold": torch.zeros(())})
        selected([sae, sae], rows, **support)
        assert float(sae.threshold) == pytest.approx(float(expected.threshold), rel=1e-5)


def table(z: torch.Tensor) -> Codes:
    return DenseCodes(z, z)


def test_the_gain_rises_where_a_latent_fires_too_seldom_over_concepts() -> None:
    sae = TopKSAE(4, 4, 1)
    balance = Balance(sae, 0.1)
    # Latent 0 fires for the one concept with six variants, 1 and 2 for one concept each.
    concept = torch.tensor([7] * 6 + [8, 9])
    codes = torch.zeros(8, 4)
    codes[:6, 0] = codes[6, 1] = codes[7, 2] = 1.0
    rate = torch.full((4,), 0.25)
    log_gain = torch.zeros(4)
    for _ in range(30):
        balance.observe([table(codes)], concept)
        rate = 0.98 * rate + 0.02 * torch.tensor([1 / 3, 1 / 3, 1 / 3, 0.0])
        log_gain += 0.1 * ((0.25 - rate) / 0.25).clamp(-1, 1)
    log_gain -= log_gain.mean()
    torch.testing.assert_close(sae.gain, log_gain.exp())
    assert sae.gain[3] > 1 > sae.gain[0]


def test_a_balanced_dictionary_uses_its_latents_alike() -> None:
    torch.manual_seed(0)
    sae = TopKSAE(8, 32, 4)
    x = torch.randn(2000, 8) @ torch.diag(torch.linspace(0.2, 3, 8))
    pre = sae.pre_activations(x).detach()
    concept = torch.arange(2000)
    before = (sae.activate(pre) > 0).float().mean(0)
    balance = Balance(sae, 0.02)
    for _ in range(400):
        balance.observe([table(sae.activate(pre))], concept)
    after = (sae.activate(pre) > 0).float().mean(0)
    assert before.std() > 3 * after.std()


def test_a_latent_that_nothing_wakes_does_not_wind_up_its_gain() -> None:
    sae = TopKSAE(4, 4, 1)
    balance = Balance(sae, 0.05)
    codes = torch.zeros(8, 4)
    codes[:, 0] = 1.0
    for _ in range(2000):
        balance.observe([table(codes)], torch.arange(8))
    assert torch.isfinite(sae.gain).all()
    assert sae.gain.log().abs().max() <= 3.0001
