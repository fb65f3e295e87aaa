from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from mmfeat.analysis.scoreboard import evaluate
from mmfeat.analysis.sweep_runs import read_runs
from mmfeat.errors import MmfeatError
from mmfeat.figures.scoreboard import summary, write_scoreboard
from mmfeat.sweep import sweep
from mmfeat_gui.resources import strings
from mmfeat_gui.state.runs import Log, board_of, find_runs, read_board

strings.use("en")


@pytest.fixture(scope="module")
def swept(activations_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    plan = folder / "plan.toml"
    plan.write_text(
        f'activations = "{activations_path}"\nrecipe = "naive-topk"\n'
        '[set]\n"optimiser.steps" = 60\n"batch.size" = 64\n"sae.k" = 4\n'
        '[grid]\n"sae.d_sae" = [32, 64]\n'
    )
    sweep(plan, folder / "sweep")
    return folder


def test_trainings_of_a_folder_are_found_with_their_settings_and_scores(swept: Path) -> None:
    found = find_runs(swept)
    truth, unfinished = read_runs(swept / "sweep")
    assert unfinished == 0
    assert found.sweeps == (swept / "sweep",)
    assert [run.name for run in found.runs] == [
        "sweep/sae.d_sae=32",
        "sweep/sae.d_sae=64",
    ]
    for run, own in zip(found.runs, truth, strict=True):
        assert run.finished
        assert run.recipe == "naive-topk"
        assert run.architecture == "topk"
        assert run.settings["d_sae"] == own.d_sae
        assert run.settings["steps"] == 60
        assert run.settings["k"] == 4
        assert run.scores["fvu"] == pytest.approx(own.loss)
        assert run.scores["l0"] == pytest.approx(own.l0)
        assert run.scores["dead"] == pytest.approx(own.dead)
        assert run.scores["fvu[text.pooled]"] == pytest.approx(own.fvu["text.pooled"])


def test_a_training_that_has_not_finished_says_what_the_sweep_planned(
    swept: Path, tmp_path: Path
) -> None:
    own = tmp_path / "sweep.json"
    own.write_text((swept / "sweep/sweep.json").read_text())
    (tmp_path / "sae.d_sae=64").mkdir()
    (tmp_path / "sae.d_sae=64/metrics.jsonl").write_text("")
    (run,) = find_runs(tmp_path).runs
    assert not run.finished
    assert (run.settings["d_sae"], run.settings["steps"]) == (64, 60)


def test_an_sae_of_two_encoders_is_one_training(sae_path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "two"
    for part in ("image", "text"):
        (folder / part).mkdir(parents=True)
        (folder / part / "cfg.json").write_text((sae_path / "cfg.json").read_text())
    (folder / "scores.json").write_text((sae_path / "scores.json").read_text())
    (run,) = find_runs(tmp_path).runs
    assert (run.name, run.settings["d_sae"]) == ("two", 96)


def test_damaged_files_are_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one/metrics.jsonl").write_bytes(b"\xff\xfe{")
    (tmp_path / "one/scores.json").write_text('{"image.pooled": {"fvu": {"all": "much"}}}')
    (tmp_path / "one/cfg.json").write_text("[" * 100_000)
    (tmp_path / "sweep.json").write_text('{"runs": 3}')
    (tmp_path / "board.csv").write_bytes(b"name,path,architecture,d_sae,\n\xff")
    found = find_runs(tmp_path)
    assert [(run.name, run.scores, run.settings) for run in found.runs] == [("one", {}, {})]
    assert found.sweeps == ()
    assert Log(tmp_path / "one/metrics.jsonl").read() is None
    with pytest.raises(MmfeatError, match=r"board.csv is no scoreboard"):
        read_board(tmp_path / "board.csv")
    with pytest.raises(MmfeatError, match="There is no folder"):
        find_runs(tmp_path / "none")


def line(step: int, loss: float, l0: tuple[float, float], dead: dict[str, float]) -> str:
    found = {
        "step": step,
        "loss": loss,
        "l0": {"image.pooled": l0[0], "text.pooled": l0[1]},
        "dead": {"image.pooled": {"all": 0.5}, "text.pooled": dead},
    }
    return json.dumps(found) + "\n"


def test_a_log_is_read_on_from_where_it_was_left(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    log = Log(path)
    assert log.read() is None  # not there yet
    path.write_text(line(50, 0.5, (8, 4), {"0": 0.1, "1": 0.3}))
    curve = log.read()
    assert curve is not None
    assert [curve.steps[0], curve.loss[0], curve.l0[0]] == [50, 0.5, 6]
    assert curve.dead[0] == pytest.approx((0.5 + 0.2) / 2)
    assert log.read() is None  # nothing new
    with path.open("a") as file:
        file.write(line(100, 0.4, (8, 8), {"0": 0.0})[:20])
    assert log.read() is None  # not a whole line
    with path.open("a") as file:
        file.write(line(100, 0.4, (8, 8), {"0": 0.0})[20:] + "no json\n")
    curve = log.read()
    assert curve is not None
    np.testing.assert_array_equal(curve.steps, [50, 100])
    np.testing.assert_array_equal(curve.l0, [6, 8])


def test_a_log_that_is_written_anew_is_read_from_its_start(tmp_path: Path) -> None:
    path, fresh = tmp_path / "metrics.jsonl", tmp_path / "fresh"
    path.write_text(line(50, 0.5, (8, 8), {"0": 0.0}) + line(100, 0.4, (8, 8), {"0": 0.0}))
    log = Log(path)
    assert log.read() is not None
    fresh.write_text("".join(line(step, 0.3, (8, 8), {"0": 0.0}) for step in (50, 60, 70, 80)))
    os.replace(fresh, path)
    curve = log.read()
    assert curve is not None
    np.testing.assert_array_equal(curve.steps, [50, 60, 70, 80])
    np.testing.assert_array_equal(curve.loss, [0.3] * 4)


def test_what_trainings_score_is_a_board(swept: Path) -> None:
    runs = find_runs(swept).runs
    board = board_of(runs)
    assert board.columns[:5] == ("name", "architecture", "recipe", "d_sae", "k")
    assert [row[3] for row in board.rows] == [32.0, 64.0]
    at = board.columns.index("fvu")
    assert [row[at] for row in board.rows] == [run.scores["fvu"] for run in runs]


def test_a_scoreboard_is_read_with_means_over_languages(
    activations_path: Path, sae_path: Path, tmp_path: Path
) -> None:
    rows = evaluate(activations_path, [sae_path])
    write_scoreboard(rows, tmp_path / "board.csv")
    truth = summary(rows[0])
    assert find_runs(tmp_path).boards == (tmp_path / "board.csv",)
    board = read_board(tmp_path / "board.csv")
    (row,) = board.rows
    found = dict(zip(board.columns, row, strict=True))
    assert found["name"] == "sae"
    assert found["fvu[text.pooled]"] == pytest.approx(truth["FVU, text"])
    assert found["l0[image.pooled]"] == pytest.approx(truth["L0, image"])
    assert found["r10_codes"] == pytest.approx(truth["R@10, codes"])
    assert found["atom_error[image]"] == pytest.approx(truth["atom error, image"])
    assert found["shared"] == pytest.approx(truth["shared"])
    assert found["seed_stability"] is None
