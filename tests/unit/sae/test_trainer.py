from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from scipy.optimize import linear_sum_assignment

from mmfeat.errors import MmfeatError
from mmfeat.sae.batch import PairBatch
from mmfeat.sae.settings import load_settings
from mmfeat.sae.trainer import auxiliary_loss, learning_rate, train_sae

D_IN, ATOMS = 24, 32


def atoms() -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.nn.functional.normalize(torch.randn(ATOMS, D_IN, generator=generator), dim=1)


def planted(step: int) -> PairBatch:
    """Pairs that share three of the atoms, with amplitudes of their own."""
    generator = torch.Generator().manual_seed(step)
    chosen = torch.rand(128, ATOMS, generator=generator).topk(3, dim=1).indices
    rows = {}
    for stream in ("image.pooled", "text.pooled"):
        code = torch.zeros(128, ATOMS).scatter(
            1, chosen, 2 + torch.rand(128, 3, generator=generator)
        )
        rows[stream] = code @ atoms()
    none = torch.full((128,), -1)
    return PairBatch(rows, none, none)


def settings(**changes: object):
    values = {
        "sae.d_sae": 64,
        "sae.k": 3,
        "optimiser.steps": 1500,
        "optimiser.lr": 3e-3,
        "optimiser.batch_size": 128,
        **changes,
    }
    return load_settings(None, values)


def test_a_known_dictionary_is_recovered(tmp_path: Path) -> None:
    sae = train_sae(planted, D_IN, settings(), tmp_path)
    similarity = atoms() @ sae.W_dec.detach().T
    row, column = linear_sum_assignment(-similarity.numpy())
    matched = similarity[row, column]
    assert float(matched.mean()) > 0.95
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 1500
    assert lines[-1]["loss"] < 0.1 * lines[0]["loss"]


def test_an_interrupted_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = train_sae(planted, D_IN, settings(**{"optimiser.steps": 700}), tmp_path / "a")

    class Stop(Exception):
        pass

    def until_600(step: int) -> PairBatch:
        if step == 600:
            raise Stop
        return planted(step)

    with pytest.raises(Stop):
        train_sae(until_600, D_IN, settings(**{"optimiser.steps": 700}), tmp_path / "b")
    steps = []

    def noted(step: int) -> PairBatch:
        steps.append(step)
        return planted(step)

    resumed = train_sae(noted, D_IN, settings(**{"optimiser.steps": 700}), tmp_path / "b")
    assert steps[0] == 500  # the last checkpoint
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert (tmp_path / "a" / "metrics.jsonl").read_text() == (
        tmp_path / "b" / "metrics.jsonl"
    ).read_text()


def test_a_loss_that_is_not_finite_stops_with_a_sentence(tmp_path: Path) -> None:
    def broken(step: int) -> PairBatch:
        batch = planted(step)
        if step == 3:
            batch.rows["image.pooled"][0, 0] = float("nan")
        return batch

    with pytest.raises(MmfeatError, match=r"no longer finite at step 3; lower optimiser\.lr"):
        train_sae(broken, D_IN, settings(), tmp_path)


def test_the_learning_rate_falls_linearly_over_the_last_fifth() -> None:
    options = settings(**{"optimiser.steps": 1000, "optimiser.lr": 0.5}).optimiser
    assert learning_rate(0, options) == learning_rate(800, options) == 0.5
    assert learning_rate(900, options) == pytest.approx(0.25)
    assert learning_rate(1000, options) == 0


def test_the_auxiliary_loss_is_one_when_dead_latents_explain_nothing() -> None:
    from mmfeat.sae.topk import TopKSAE

    torch.manual_seed(0)
    sae = TopKSAE(D_IN, 8, 2)
    with torch.no_grad():
        sae.b_enc.fill_(-1e3)
    x = torch.randn(10, D_IN)
    dead = torch.tensor([True] * 3 + [False] * 5)
    assert auxiliary_loss(sae, x, x, dead, 2).item() == pytest.approx(1.0)
    assert auxiliary_loss(sae, x, x, torch.zeros(8, dtype=torch.bool), 2).item() == 0


def test_a_checkpoint_of_other_data_is_not_gone_on_from(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def until_600(step: int) -> PairBatch:
        if step == 600:
            raise Stop
        return planted(step)

    options = settings(**{"optimiser.steps": 700})
    with pytest.raises(Stop):
        train_sae(until_600, D_IN, options, tmp_path, key="one corpus")
    steps: list[int] = []

    def noted(step: int) -> PairBatch:
        steps.append(step)
        raise Stop

    with pytest.raises(Stop):
        train_sae(noted, D_IN, options, tmp_path, key="another corpus")
    assert steps == [0]


@pytest.mark.parametrize("name", ["checkpoint.pt", "metrics.jsonl"])
def test_what_a_kill_cut_off_is_no_obstacle(tmp_path: Path, name: str) -> None:
    options = settings(**{"optimiser.steps": 20})
    (tmp_path / name).write_bytes(b'{"step": 5, "lo')
    train_sae(planted, D_IN, options, tmp_path)
    assert json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])["step"] == 20
