from __future__ import annotations

import torch

from mmfeat.sae.support.balance import Balance
from mmfeat.sae.support.shared import masked, shared_codes
from mmfeat.sae.topk import TopKSAE


def test_a_pair_shares_the_support_of_the_summed_scores_and_keeps_its_own_values() -> None:
    torch.manual_seed(0)
    image, text = TopKSAE(4, 9, 3), TopKSAE(4, 9, 3)
    text.gain.copy_(torch.rand(9) + 0.5)
    pre = {"image.pooled": torch.randn(6, 9), "text.pooled": torch.randn(6, 9)}
    found = shared_codes({"image.pooled": image, "text.pooled": text}, pre)
    for row in range(6):
        score = [
            float(pre["image.pooled"][row, i] + text.gain[i] * pre["text.pooled"][row, i])
            for i in range(9)
        ]
        support = sorted(range(9), key=lambda i: -score[i])[:3]
        for view, values in pre.items():
            expected = [max(float(values[row, i]), 0.0) if i in support else 0.0 for i in range(9)]
            torch.testing.assert_close(found[view][row], torch.tensor(expected))


def test_a_mask_hides_the_same_latents_from_both_of_a_pair() -> None:
    pre = {name: torch.rand(400, 50) + 1 for name in ("image.pooled", "text.pooled")}
    hidden = masked(pre, 0.2, torch.Generator().manual_seed(0))
    image, text = (values < 0 for values in hidden.values())
    assert torch.equal(image, text)
    assert abs(float(image.float().mean()) - 0.2) < 0.02
    assert image.any(0).all()  # another set for each pair
    kept = hidden["text.pooled"][~text]
    assert torch.equal(kept, pre["text.pooled"][~text])


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
        balance.observe(codes, concept)
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
        balance.observe(sae.activate(pre), concept)
    after = (sae.activate(pre) > 0).float().mean(0)
    assert before.std() > 3 * after.std()


def test_a_latent_that_nothing_wakes_does_not_wind_up_its_gain() -> None:
    sae = TopKSAE(4, 4, 1)
    balance = Balance(sae, 0.05)
    codes = torch.zeros(8, 4)
    codes[:, 0] = 1.0
    for _ in range(2000):
        balance.observe(codes, torch.arange(8))
    assert torch.isfinite(sae.gain).all()
    assert sae.gain.log().abs().max() <= 3.0001
