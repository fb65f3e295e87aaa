from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmfeat.analysis.scaling import Scaling, fit, scaling
from mmfeat.analysis.sweep_runs import Run, read_runs
from mmfeat.errors import MmfeatError
from mmfeat.sae.settings import TrainSettings

ALPHA, BETA = 0.35, 0.5
LOSS = ALPHA * BETA / (ALPHA + BETA)
FEATURES = BETA / (ALPHA + BETA)
UNIT = 1e6  # compute of a step of a latent


def loss_of(d_sae: int, steps: int, floor: float) -> float:
    return floor + 0.04 * (d_sae / 2000) ** -ALPHA + 0.03 * (steps / 1000) ** -BETA


def a_run(d_sae: int, steps: int, loss: float, lr: float = 1e-3, seed: int = 0) -> Run:
    compute = UNIT * d_sae * steps
    return Run("", d_sae, steps, lr, seed, compute, 0.5, loss, {"image.pooled": loss}, 16.0, 0.1)


def grid(
    side: int, noise: float, seed: int, floor: float = 0.0, rates: tuple[float, ...] = (1e-3,)
) -> list[Run]:
    """Runs of known exponents: sizes and steps double; the best rate goes as N^-0.3 S^-0.2."""
    rng = np.random.default_rng(seed)
    runs = []
    for i, j, lr in product(range(side), range(side), rates):
        d_sae, steps = 512 << i, 250 << j
        away = np.log(lr / 1e-3 * (d_sae / 2000) ** 0.3 * (steps / 1000) ** 0.2)
        penalty = 0.05 * away**2 if len(rates) > 1 else 0.0
        loss = loss_of(d_sae, steps, floor) * np.exp(penalty + noise * rng.standard_normal())
        runs.append(a_run(d_sae, steps, float(loss), lr))
    return runs


@pytest.mark.parametrize("floor", [0.0, 0.02])
def test_losses_without_noise_give_their_exponents(floor: float) -> None:
    found = fit(grid(5, 0.0, 0, floor))
    assert found.loss.value == pytest.approx(LOSS, abs=1e-3)
    assert found.features.value == pytest.approx(FEATURES, abs=1e-3)
    assert found.steps.value == pytest.approx(1 - FEATURES, abs=1e-3)
    assert found.surface.floor == pytest.approx(floor, abs=2e-4)
    assert found.features.high - found.features.low < 1e-2
    assert found.lr is None
    assert found.notes == []


def coverage(found: list[Scaling]) -> dict[str, float]:
    truth = {"loss": LOSS, "features": FEATURES, "steps": 1 - FEATURES}
    return {
        key: float(np.mean([getattr(f, key).low <= x <= getattr(f, key).high for f in found]))
        for key, x in truth.items()
    }


def test_intervals_of_noisy_losses_hold_the_true_exponents() -> None:
    found = [fit(grid(4, 0.02, seed)) for seed in range(100)]
    assert min(coverage(found).values()) >= 0.9
    assert np.median([f.loss.high - f.loss.low for f in found]) < 0.06
    assert np.median([f.features.high - f.features.low for f in found]) < 0.35
    assert np.mean([f.loss.value for f in found]) == pytest.approx(LOSS, abs=0.01)
    assert np.mean([f.features.value for f in found]) == pytest.approx(FEATURES, abs=0.04)


def test_intervals_hold_the_true_exponents_above_a_floor_too() -> None:
    found = [fit(grid(6, 0.01, seed, 0.02)) for seed in range(25)]
    assert min(coverage(found).values()) >= 0.88
    assert np.mean([f.surface.floor for f in found]) == pytest.approx(0.02, abs=0.003)
    assert np.median([f.loss.high - f.loss.low for f in found]) < 0.08


def test_the_best_learning_rate_goes_along_the_frontier() -> None:
    rates = (2.5e-4, 5e-4, 1e-3, 2e-3, 4e-3)
    truth = -0.3 * FEATURES - 0.2 * (1 - FEATURES)
    found = [fit(grid(4, 0.01, seed, 0.0, rates)).lr for seed in range(20)]
    assert np.mean([lr.value for lr in found]) == pytest.approx(truth, abs=0.02)
    assert np.mean([lr.low <= truth <= lr.high for lr in found]) >= 0.85
    assert np.median([lr.high - lr.low for lr in found]) < 0.1


def test_learning_rates_that_do_not_enclose_the_best_give_no_exponent() -> None:
    runs = [
        a_run(run.d_sae, run.steps, run.loss * lr**-0.3, lr)
        for run in grid(3, 0.01, 0)
        for lr in (1e-3, 2e-3, 4e-3)
    ]
    found = fit(runs)
    assert found.lr is None
    assert found.loss is not None
    assert any(note.startswith("The best learning rate is not found") for note in found.notes)


def test_the_frontier_is_the_least_loss_of_every_compute() -> None:
    floor = 0.02
    surface = fit(grid(5, 0.0, 0, floor)).surface
    compute = np.array([1e12, 4e12])
    loss, size, steps = surface.frontier(compute)
    np.testing.assert_allclose(UNIT * size * steps, compute, rtol=1e-9)
    for at, budget in enumerate(compute):
        sizes = np.geomspace(100, 50_000, 20_001)
        losses = [loss_of(n, budget / UNIT / n, floor) for n in sizes]
        assert loss[at] == pytest.approx(min(losses), rel=1e-4)
        assert size[at] == pytest.approx(sizes[int(np.argmin(losses))], rel=0.01)


def test_seeds_are_averaged_and_the_best_learning_rate_is_kept() -> None:
    runs = []
    for run in grid(3, 0.0, 0):
        for lr, factor in ((1e-3, 1.2), (2e-3, 1.0)):
            for seed, spread in ((0, 0.9), (1, 1.1)):
                runs.append(a_run(run.d_sae, run.steps, run.loss * factor * spread, lr, seed))
    found = fit(runs)
    assert len(found.runs) == 36
    assert len(found.best) == 9
    for run in found.best:
        assert run.lr == 2e-3
        assert run.loss == pytest.approx(loss_of(run.d_sae, run.steps, 0.0))
        assert run.fvu == {"image.pooled": pytest.approx(run.loss)}


@pytest.mark.parametrize(("grows", "what"), [("d_sae", "features"), ("steps", "steps")])
def test_a_loss_that_does_not_fall_has_no_frontier(grows: str, what: str) -> None:
    runs = [
        a_run(r.d_sae, r.steps, 0.1 * (getattr(r, grows) / 1000) ** 0.1) for r in grid(3, 0.0, 0)
    ]
    runs = [
        a_run(r.d_sae, r.steps, r.loss * (r.steps if grows == "d_sae" else r.d_sae) ** -0.4)
        for r in runs
    ]
    found = fit(runs)
    assert found.loss is found.features is found.steps is found.surface is None
    assert any(f"does not fall with more {what}," in note for note in found.notes)


def test_a_frontier_beside_the_sweep_is_said_to_be_extrapolated() -> None:
    # Far too few steps for sizes like these: what is optimal is smaller than all of them.
    runs = [a_run(512 << (i + 9), 250 << j, 0.0) for i, j in product(range(4), range(4))]
    runs = [a_run(r.d_sae, r.steps, loss_of(r.d_sae, r.steps, 0.0)) for r in runs]
    (note,) = fit(runs).notes
    assert "the frontier is extrapolated" in note


def write_sweep(folder: Path, sizes: list[int], steps: list[int], **changes: Any) -> Path:
    entries = []
    for d_sae, count in product(sizes, steps):
        values = {"sae": {"d_sae": d_sae}, "optimiser": {"steps": count}, **changes}
        settings = TrainSettings.model_validate(values).model_dump(mode="json")
        name = f"{d_sae}-{count}"
        entries.append(
            {"name": name, "folder": name, "d_in": 8, "train_rows": 512_000, "settings": settings}
        )
        (folder / name).mkdir(parents=True)
        loss = loss_of(d_sae, count, 0.0)
        scores = {
            "image.pooled": {"fvu": {"all": loss}, "l0": {"all": 10.0}, "dead": {"all": 0.5}},
            "text.pooled": {
                "fvu": {"en": loss, "ko": 3 * loss},
                "l0": {"en": 12, "ko": 16.0},
                "dead": {"en": 0, "ko": 0.2},
            },
        }
        (folder / name / "scores.json").write_text(json.dumps(scores))
    (folder / "sweep.json").write_text(json.dumps({"runs": entries}))
    return folder


def test_a_run_is_what_its_settings_and_scores_say(tmp_path: Path) -> None:
    write_sweep(tmp_path, [64], [2000], batch={"size": 512})
    ((run,), unfinished) = read_runs(tmp_path)
    loss = loss_of(64, 2000, 0.0)
    assert unfinished == 0
    assert (run.name, run.d_sae, run.steps, run.lr) == ("64-2000", 64, 2000, 1e-3)
    # Encoder and decoder, 2 forward and 4 backward, for both rows of a pair.
    assert run.compute == 2 * (2 + 4) * 2000 * 512 * 2 * 8 * 64
    assert run.epochs == 2.0
    assert run.fvu == {
        "image.pooled": pytest.approx(loss),
        "text.pooled": pytest.approx(2 * loss),
    }
    assert run.loss == pytest.approx(1.5 * loss)
    assert run.l0 == 12.0
    assert run.dead == pytest.approx(0.3)


def test_a_second_caption_is_one_more_row(tmp_path: Path) -> None:
    write_sweep(tmp_path, [64], [2000], batch={"size": 512, "second_caption": True})
    assert read_runs(tmp_path)[0][0].compute == 12 * 2000 * 512 * 3 * 8 * 64


def test_unfinished_and_multi_epoch_runs_are_said(tmp_path: Path) -> None:
    write_sweep(tmp_path, [64, 128, 256, 512], [500, 1000, 2000])
    (tmp_path / "512-2000" / "scores.json").unlink()
    found = scaling(tmp_path)
    assert len(found.runs) == 11
    assert found.unfinished == 1
    assert found.multi_epoch
    assert found.notes[0] == "1 of 12 runs are unfinished and left out."
    assert found.notes[1].startswith("3 of 11 runs are multi-epoch (up to 2 epochs)")


def test_a_single_pass_is_not_multi_epoch(tmp_path: Path) -> None:
    write_sweep(tmp_path, [64, 128, 256], [250, 500, 1000])
    found = scaling(tmp_path)
    assert max(run.epochs for run in found.runs) == 1.0
    assert not found.multi_epoch


def test_too_few_runs_are_one_sentence(tmp_path: Path) -> None:
    write_sweep(tmp_path, [64, 128, 256], [500, 1000, 2000])
    (tmp_path / "64-500" / "scores.json").unlink()
    with pytest.raises(
        MmfeatError,
        match=r"8 runs are finished \(1 more are unfinished\), of 3 sizes and 3 numbers of steps "
        r"in 8 combinations; a scaling law needs 3 sae.d_sae, 3 optimiser.steps and 9 comb",
    ):
        scaling(tmp_path)


def test_runs_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    write_sweep(tmp_path, [64, 128, 256], [500, 1000, 2000])
    sweep = json.loads((tmp_path / "sweep.json").read_text())
    sweep["runs"][0]["settings"]["sae"]["k"] = 8
    sweep["runs"][1]["settings"]["seed"] = 5
    sweep["runs"][2]["d_in"] = 9
    (tmp_path / "sweep.json").write_text(json.dumps(sweep))
    with pytest.raises(MmfeatError, match=r"differ in d_in, sae\.k; a scaling law compares"):
        read_runs(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"folder": "../elsewhere"}, "leads out of the sweep"),
        ({"folder": "/etc"}, "leads out of the sweep"),
        ({"folder": "64-1000"}, "two runs have one folder"),
        ({"train_rows": 0}, r"runs\.0\.train_rows: Input should be greater"),
        ({"d_in": 10**30}, r"runs\.0\.d_in"),
        ({"settings": {"optimiser": {"steps": 10**60}}}, "beyond any training"),
        ({"settings": {"sae": {"d_sae": -1}}}, r"runs\.0\.settings\.sae"),
    ],
)
def test_a_sweep_file_of_a_stranger_is_not_believed(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    write_sweep(tmp_path, [64], [500, 1000])
    sweep = json.loads((tmp_path / "sweep.json").read_text())
    sweep["runs"][0] |= change
    (tmp_path / "sweep.json").write_text(json.dumps(sweep))
    with pytest.raises(MmfeatError, match=message):
        read_runs(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "damaged"),
        ("[" * 100_000, "damaged"),
        ("[]", "damaged"),
        ("\udcff", "damaged"),
        ('{"image.pooled": {"fvu": {"all": NaN}, "l0": {}, "dead": {}}}', "finite number"),
        ('{"image.pooled": {"fvu": {"all": 1}, "l0": {"all": 1}, "dead": {"all": 2}}}', "dead.all"),
        (
            '{"image.pooled": {"fvu": {"all": 1}, "l0": {"all": 1}, "dead": {"all": 0}}}',
            "no fvu of text.pooled",
        ),
        (
            '{"image.pooled": {"fvu": {"all": 0}, "l0": {"all": 1}, "dead": {"all": 0}},'
            ' "text.pooled": {"fvu": {"en": 0}, "l0": {"en": 1}, "dead": {"en": 0}}}',
            "mean FVU of 0",
        ),
    ],
)
def test_scores_of_a_stranger_are_not_believed(tmp_path: Path, text: str, message: str) -> None:
    write_sweep(tmp_path, [64], [500])
    path = tmp_path / "64-500" / "scores.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(MmfeatError, match=message) as caught:
        read_runs(tmp_path)
    assert str(path) in str(caught.value)


def test_a_folder_without_a_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MmfeatError, match=r"is no sweep: it has no sweep\.json"):
        scaling(tmp_path)


def test_fitting_loads_no_torch() -> None:
    code = "import sys, mmfeat.analysis.scaling; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
