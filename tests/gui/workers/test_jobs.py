from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import psutil
import pytest
from pytestqt.qtbot import QtBot

from mmfeat_gui.state.jobs import JobState, Order
from mmfeat_gui.workers.jobs import Jobs, start_demo
from tests.gui.workers.job_orders import children, training


@pytest.fixture
def ended(qtbot: QtBot, jobs: Jobs) -> Callable[[int], JobState]:
    """Wait until a job has ended, and return what is known of it."""

    def wait(number: int) -> JobState:
        qtbot.waitUntil(lambda: not jobs.states[number].runs, timeout=120_000)
        return jobs.states[number]

    return wait


def test_a_training_runs_in_a_process_of_its_own_and_gives_its_scores(
    jobs: Jobs, ended: Callable[[int], JobState], activations_path: Path, tmp_path: Path
) -> None:
    seen: list[JobState] = []
    jobs.changed.connect(seen.append)
    out = tmp_path / "sae with space"
    state = ended(jobs.start(training(activations_path, out, 400)))
    assert (state.status, state.sentence) == ("done", "")
    scores = json.loads((out / "scores.json").read_text())
    assert state.result["out"] == str(out)
    assert state.result["fvu"]["image.pooled"] == scores["image.pooled"]["fvu"]
    steps = [one.step for one in seen if one.step is not None]
    assert {(step.stage, step.total) for step in steps} == {("training SAE", 400)}
    assert steps[-1].done == 400
    assert steps[-1].note.startswith("loss ")
    assert not any(line.startswith("{") for line in state.lines)
    assert seen[0].status == "running"
    assert not state.log.exists()  # what matters of it is in the state


def test_the_command_that_is_shown_does_the_same_in_a_shell(
    activations_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "it's here"
    text = training(activations_path, out, 5).text
    assert text.startswith("mmfeat train --activations ")
    words = shlex.split(text)
    assert words[0] == "mmfeat"
    subprocess.run([sys.executable, "-m", *words], check=True, capture_output=True)
    assert json.loads((out / "cfg.json").read_text())["d_sae"] == 64


def test_a_stopped_training_is_interrupted_and_goes_on_from_its_checkpoint(
    qtbot: QtBot,
    jobs: Jobs,
    ended: Callable[[int], JobState],
    activations_path: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "sae"
    order = training(activations_path, out, 20_000)
    number = jobs.start(order)
    qtbot.waitUntil(lambda: (out / "checkpoint.pt").exists(), timeout=60_000)
    jobs.stop(number)
    state = ended(number)
    assert state.status == "stopped"
    assert state.sentence == (
        "Interrupted: finished files are whole; run the same command again to go on."
    )
    last = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])["step"]
    assert not (out / "cfg.json").exists()
    again = jobs.start(order)
    done: list[int] = []
    jobs.changed.connect(lambda state: done.append(0 if state.step is None else state.step.done))
    qtbot.waitUntil(lambda: max(done, default=0) > 0, timeout=60_000)
    first = min(step for step in done if step)
    assert first >= 500  # not from the beginning
    log = [json.loads(line)["step"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert log == sorted(set(log))
    assert log[0] == 50
    assert last >= 500
    jobs.stop(again)
    assert ended(again).status == "stopped"


def test_an_error_is_told_as_the_one_sentence_of_the_command(
    jobs: Jobs, ended: Callable[[int], JobState], corpus_path: Path, tmp_path: Path
) -> None:
    state = ended(jobs.start(training(corpus_path, tmp_path / "sae", 5)))
    assert state.status == "failed"
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(state.order.text)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert f"Error: {state.sentence}" == done.stderr.strip()


def test_bad_usage_is_told_in_one_sentence(jobs: Jobs, ended: Callable[[int], JobState]) -> None:
    state = ended(jobs.start(Order("train", (("train", "--out", "sae"),))))
    assert (state.status, state.sentence) == ("failed", "Missing option '--activations'.")


def test_a_process_that_is_killed_is_told_with_its_signal(
    qtbot: QtBot,
    jobs: Jobs,
    ended: Callable[[int], JobState],
    activations_path: Path,
    tmp_path: Path,
) -> None:
    number = jobs.start(training(activations_path, tmp_path / "sae", 50_000))
    qtbot.waitUntil(lambda: jobs.states[number].step is not None, timeout=60_000)
    (process,) = children()
    process.send_signal(signal.SIGKILL)
    state = ended(number)
    assert state.status == "failed"
    assert "SIGKILL" in state.sentence


def test_commands_of_a_job_follow_each_other_and_the_first_failure_ends_it(
    jobs: Jobs,
    ended: Callable[[int], JobState],
    activations_path: Path,
    sae_path: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "atlas.h5"
    build = ("atlas", "--activations", str(activations_path), "--sae", str(sae_path))
    order = Order("atlas", ((*build, "--out", str(out)), ("map", str(out))), out)
    assert " && mmfeat map " in order.text
    state = ended(jobs.start(order))
    assert state.status == "done"
    assert len(state.results) == 2
    with h5py.File(out) as file:
        assert file["maps/umap"].shape == (96, 2)
    broken = Order("atlas", (("map", str(tmp_path / "none.h5")), ("map", str(out))), out)
    state = ended(jobs.start(broken))
    assert state.status == "failed"
    assert state.results == ()
    assert "none.h5" in state.sentence


def test_several_jobs_run_at_once_and_one_that_ended_can_be_forgotten(
    qtbot: QtBot,
    jobs: Jobs,
    ended: Callable[[int], JobState],
    activations_path: Path,
    tmp_path: Path,
) -> None:
    numbers = [
        jobs.start(training(activations_path, tmp_path / name, 30)) for name in ("one", "two")
    ]
    assert [state.number for state in jobs.running] == numbers
    jobs.forget(numbers[0])  # not while it runs
    assert list(jobs.states) == numbers
    assert {ended(number).status for number in numbers} == {"done"}
    with qtbot.waitSignal(jobs.forgotten) as told:
        jobs.forget(numbers[0])
    assert told.args == [numbers[0]]
    assert list(jobs.states) == numbers[1:]


def test_a_question_aside_leaves_nothing_in_the_list(
    qtbot: QtBot, jobs: Jobs, corpus_path: Path
) -> None:
    question = Order("extract", (("info", str(corpus_path)),), aside=True)
    with qtbot.waitSignal(jobs.ended, timeout=60_000) as told:
        jobs.start(question)
    assert told.args[0].result["kind"] == "mmfeat-corpus"
    assert jobs.running == []
    assert jobs.states == {}


def test_a_job_that_is_kept_goes_on_without_the_window_and_writes_to_its_log(
    qtbot: QtBot,
    jobs: Jobs,
    activations_path: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "sae"
    number = jobs.start(training(activations_path, out, 1500))
    qtbot.waitUntil(lambda: jobs.states[number].step is not None, timeout=60_000)
    (process,) = children()
    jobs.keep_all()
    qtbot.waitUntil(lambda: not jobs.busy)
    state = jobs.states[number]
    assert state.status == "kept"
    assert str(state.log) in state.sentence
    qtbot.waitUntil(lambda: (out / "cfg.json").exists(), timeout=60_000)
    qtbot.waitUntil(
        lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE,
        timeout=60_000,
    )
    assert '"done": 1500' in state.log.read_text()


PROGRAM = """
import sys, time
from pathlib import Path
from PySide6.QtCore import QCoreApplication, QTimer
from mmfeat_gui.state.jobs import Order
from mmfeat_gui.workers.jobs import Jobs
application = QCoreApplication([])
jobs = Jobs(Path(sys.argv[1]))
jobs.start(Order("train", (tuple(sys.argv[3:]),), Path(sys.argv[2])))
application.exec()
"""


def test_no_job_outlives_a_program_that_was_killed(activations_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "sae"
    (command,) = training(activations_path, out, 50_000).commands
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "logs"), str(out), *command],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    until = time.monotonic() + 60
    while not (out / "metrics.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.05)
    (child,) = psutil.Process(program.pid).children()
    program.kill()
    program.wait()
    psutil.wait_procs([child], timeout=30)
    assert not child.is_running()
    (log,) = (tmp_path / "logs").glob("*/log.txt")
    assert "Interrupted: finished files are whole" in log.read_text()


KEEPING = """
def leave(state):
    if state.step is not None:
        jobs.keep_all()
        os._exit(0)
jobs.changed.connect(leave)
application.exec()
"""


def test_a_job_that_is_kept_outlives_a_program_that_ends_at_once(
    activations_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "sae"
    (command,) = training(activations_path, out, 1000).commands
    code = "import os" + PROGRAM.replace("application.exec()\n", "") + KEEPING
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "logs"), str(out), *command],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        check=True,
        timeout=60,
    )
    until = time.monotonic() + 60
    while not (out / "cfg.json").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert json.loads((out / "cfg.json").read_text())["d_sae"] == 64


def test_a_job_whose_log_cannot_be_written_there_is_run_all_the_same(
    qtbot: QtBot, tmp_path: Path, corpus_path: Path
) -> None:
    forbidden = tmp_path / "file"
    forbidden.write_text("in the way")
    jobs = Jobs(forbidden / "jobs")
    with qtbot.waitSignal(jobs.ended, timeout=60_000) as told:
        jobs.start(Order("info", (("info", str(corpus_path)),)))
    assert told.args[0].status == "done"


def test_the_demo_is_a_job_and_one_that_is_stopped_at_once_has_done_nothing(
    jobs: Jobs, ended: Callable[[int], JobState], tmp_path: Path
) -> None:
    number = start_demo(jobs, tmp_path / "demo")
    jobs.stop(number)
    assert jobs.states[number].order.text == shlex.join(
        ["mmfeat", "demo", "--out", str(tmp_path / "demo"), "--no-view"]
    )
    state = ended(number)
    assert state.status == "stopped"
    assert state.sentence.startswith("Interrupted")
    assert not (tmp_path / "demo/atlas.h5").exists()
