from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from scipy.optimize import linear_sum_assignment

from mmfeat.errors import MmfeatError
from mmfeat.sae.batch import PairBatch
from mmfeat.sae.settings import load_settings
from mmfeat.sae.step import learning_rate
from mmfeat.sae.trainer import train_sae

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
    none, ones = torch.full((128,), -1), torch.ones(128)
    number = torch.arange(128)
    return PairBatch(rows, dict.fromkeys(rows, none), dict.fromkeys(rows, ones), number, number)


def settings(**changes: object):
    values = {
        "sae.d_sae": 64,
        "sae.k": 3,
        "optimiser.steps": 1500,
        "optimiser.lr": 3e-3,
        "batch.size": 128,
        **changes,
    }
    return load_settings(None, values)


def test_a_known_dictionary_is_recovered(tmp_path: Path) -> None:
    sae = train_sae(planted, D_IN, settings(), tmp_path)["image"]
    similarity = atoms() @ sae.W_dec.detach().T
    row, column = linear_sum_assignment(-similarity.numpy())
    matched = similarity[row, column]
    assert float(matched.mean()) > 0.95
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 1500
    assert lines[-1]["loss"] < 0.1 * lines[0]["loss"]


REMEDIES = {
    "sae.architecture": "batch-topk",
    "sae.encoders": "modality",
    "batch.second_caption": False,
    "support.balance": 0.02,
    "support.mask": 0.1,
    "loss.contrastive": 0.1,
    "optimiser.resample_every": 150,
}


@pytest.mark.parametrize("changes", [{}, REMEDIES], ids=["naive", "remedies"])
def test_an_interrupted_training_ends_with_the_same_weights(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    options = settings(**{"optimiser.steps": 700, **changes})
    whole = train_sae(planted, D_IN, options, tmp_path / "a")

    class Stop(Exception):
        pass

    def until_600(step: int) -> PairBatch:
        if step == 600:
            raise Stop
        return planted(step)

    with pytest.raises(Stop):
        train_sae(until_600, D_IN, options, tmp_path / "b")
    steps = []

    def noted(step: int) -> PairBatch:
        steps.append(step)
        return planted(step)

    resumed = train_sae(noted, D_IN, options, tmp_path / "b")
    assert steps[0] == 500  # the last checkpoint
    for modality in ("image", "text"):
        for name, value in whole[modality].state_dict().items():
            assert torch.equal(value, resumed[modality].state_dict()[name]), name
    assert (tmp_path / "a" / "metrics.jsonl").read_text() == (
        tmp_path / "b" / "metrics.jsonl"
    ).read_text()


def test_a_loss_that_is_not_finite_stops_with_a_sentence(tmp_path: Path) -> None:
    def broken(step: int) -> PairBatch:
        batch = planted(step)
        if step == 3:
            batch.rows["image.pooled"][0, 0] = float("nan")
        return batch

    with pytest.raises(
        MmfeatError, match=r"no longer finite or has exploded at step 3; lower optimiser\.lr"
    ):
        train_sae(broken, D_IN, settings(), tmp_path)


def test_the_learning_rate_falls_linearly_over_the_last_fifth() -> None:
    options = settings(**{"optimiser.steps": 1000, "optimiser.lr": 0.5}).optimiser
    assert learning_rate(0, options) == learning_rate(800, options) == 0.5
    assert learning_rate(900, options) == pytest.approx(0.25)
    assert learning_rate(1000, options) == 0


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


def test_the_learning_rate_rises_where_a_warmup_is_asked_for() -> None:
    options = settings(**{"optimiser.steps": 1000, "optimiser.lr": 0.5, "optimiser.warmup": 0.1})
    assert learning_rate(0, options.optimiser) == pytest.approx(0.005)
    assert learning_rate(49, options.optimiser) == pytest.approx(0.25)
    assert learning_rate(99, options.optimiser) == learning_rate(500, options.optimiser) == 0.5


def test_rows_that_weigh_nothing_change_nothing(tmp_path: Path) -> None:
    def cut(noise: float):
        def batches(step: int) -> PairBatch:
            batch = planted(step)
            weight = torch.ones(128)
            weight[64:] = 0
            rows = {name: rows.clone() for name, rows in batch.rows.items()}
            for values in rows.values():
                values[64:] += noise
            return PairBatch(
                rows, batch.language, dict.fromkeys(rows, weight), batch.item, batch.concept
            )

        return batches

    options = settings(**{"optimiser.steps": 20, "optimiser.aux_k": 0, "loss.translation": 1.0})
    a = train_sae(cut(0.0), D_IN, options, tmp_path / "a")
    b = train_sae(cut(5.0), D_IN, options, tmp_path / "b")
    assert torch.equal(a["image"].W_dec, b["image"].W_dec)


def test_a_step_has_the_gradient_of_the_loss_written_out(tmp_path: Path) -> None:
    """Adam's first step is lr times the sign of the gradient."""
    options = load_settings(
        None,
        {
            "sae.d_sae": 64,
            "sae.architecture": "relu",
            "sae.sparsity": 0.7,
            "optimiser.steps": 1,
            "optimiser.decay": 0.0,
            "optimiser.sparsity_warmup": 0.0,
            "optimiser.aux_k": 0,
            "loss.translation": 0.5,
        },
    )
    torch.manual_seed(options.seed)
    from mmfeat.sae.registry import build

    start = build(options.sae, D_IN)["image"]
    finished = train_sae(planted, D_IN, options, tmp_path)["image"]
    batch = planted(0)
    image, text = batch.rows.values()
    z = {name: (x @ start.W_enc + start.b_enc).relu() for name, x in batch.rows.items()}
    norms = start.W_dec.norm(dim=1)
    loss = torch.zeros(())
    for name, x in batch.rows.items():
        error = (x - z[name] @ start.W_dec - start.b_dec).square().sum(1)
        loss = loss + (error + 0.7 * (z[name] * norms).sum(1)).mean() / (2 * D_IN)
    for x, code in ((image, z["text.pooled"]), (text, z["image.pooled"])):
        cross = (x - code @ start.W_dec - start.b_dec).square().sum(1).mean()
        loss = loss + 0.5 * cross / (2 * D_IN)
    loss.backward()
    expected = start.b_dec - options.optimiser.lr * start.b_dec.grad.sign()
    # b_dec is untouched by the folding of decoder norms.
    torch.testing.assert_close(finished.b_dec, expected, atol=1e-4, rtol=0)


def test_dead_latents_are_counted_in_each_stream_and_language(tmp_path: Path) -> None:
    def batches(step: int) -> PairBatch:
        batch = planted(step)
        language = dict(batch.language)
        language["text.pooled"] = torch.arange(128) % 2
        return PairBatch(batch.rows, language, batch.weight, batch.item, batch.concept)

    train_sae(batches, D_IN, settings(**{"optimiser.steps": 50}), tmp_path)
    line = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert set(line["dead"]) == {"image.pooled", "text.pooled"}
    assert set(line["dead"]["image.pooled"]) == {"all"}
    assert set(line["dead"]["text.pooled"]) == {"0", "1"}


def test_tensorboard_gets_the_log_where_it_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train_sae(planted, D_IN, settings(**{"optimiser.steps": 150}), tmp_path)
    board = EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    shown = [(event.step, event.value) for event in board.Scalars("loss")]
    assert [step for step, _ in shown] == [50, 100, 150]
    assert [value for _, value in shown] == pytest.approx([line["loss"] for line in lines])
    assert "l0/image.pooled" in board.Tags()["scalars"]


def test_progress_says_how_the_loss_goes(tmp_path: Path) -> None:
    from contextlib import contextmanager

    told: list[tuple[int, str]] = []

    class Told:
        @contextmanager
        def stage(self, description: str, total: int | None):
            assert (description, total) == ("training SAE", 100)
            yield lambda steps, note="": told.append((steps, note))

    train_sae(planted, D_IN, settings(**{"optimiser.steps": 100}), tmp_path, progress=Told())
    loss = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])["loss"]
    assert sum(steps for steps, _ in told) == 100
    assert [note for _, note in told if note][-1] == f"loss {loss:.3f}"


def test_a_loss_that_explodes_names_the_last_good_state(tmp_path: Path) -> None:
    def growing(step: int) -> PairBatch:
        batch = planted(step)
        scale = 1.0 if step < 520 else 1e6
        rows = {view: x * scale for view, x in batch.rows.items()}
        return PairBatch(rows, batch.language, batch.weight, batch.item, batch.concept)

    with pytest.raises(MmfeatError, match=r"exploded at step 520;.*checkpoint\.pt\)") as caught:
        train_sae(growing, D_IN, settings(**{"optimiser.steps": 700}), tmp_path)
    assert str(tmp_path / "checkpoint.pt") in str(caught.value)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 500
