from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import psutil
import pytest
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state.jobs import JobState, Order
from mmfeat_gui.workers.job_folder import JobFolder
from mmfeat_gui.workers.jobs import Jobs, start_demo

TINY = (
    *("--set", "sae.d_sae=64", "--set", "sae.k=4", "--set", "batch.size=64"),
    *("--recipe", "naive-topk"),
)


def training(activations: Path, out: Path, steps: int) -> Order:
    command = ("train", "--activations", str(activations), "--out", str(out), *TINY)
    return Order("train", ((*command, "--set", f"optimiser.steps={steps}"),), out)


@pytest.fixture
def jobs(qtbot: QtBot, tmp_path: Path) -> Iterator[Jobs]:
    strings.use("en")
    made = Jobs(tmp_path / "logs")
    yield made
    for number in list(made.states):
        made.stop(number)
        made.stop(number)
    qtbot.waitUntil(lambda: not made.busy, timeout=30_000)
    qtbot.waitUntil(lambda: "mmfeat-jobs" not in [thread.name for thread in threading.enumerate()])


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


def children() -> list[psutil.Process]:
    """Return the processes of jobs that this one has begun."""
    found = psutil.Process().children()
    alive = [one for one in found if one.status() != psutil.STATUS_ZOMBIE]
    return [one for one in alive if "mmfeat_gui.workers.leash" in one.cmdline()]


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


Kept = Callable[[Path, int], psutil.Process]


@pytest.fixture
def kept(qtbot: QtBot, jobs: Jobs, activations_path: Path) -> Iterator[Kept]:
    """Begin a training and let it go on; return its process."""
    left: list[psutil.Process] = []

    def keep(out: Path, steps: int) -> psutil.Process:
        number = jobs.start(training(activations_path, out, steps))
        qtbot.waitUntil(lambda: jobs.states[number].step is not None, timeout=60_000)
        left.extend(children())
        jobs.keep_all()
        qtbot.waitUntil(lambda: not jobs.busy)
        return left[-1]

    yield keep
    for process in left:
        if process.is_running():
            process.kill()


@pytest.fixture
def later(tmp_path: Path) -> Jobs:
    """The jobs of a program that was begun later."""
    return Jobs(tmp_path / "logs")


def found(later: Jobs) -> JobState:
    """Return the one job that a later program finds."""
    later.list_kept(later.find_kept())
    (state,) = later.states.values()
    assert state.free
    return state


def test_a_job_that_was_kept_is_found_again_with_its_progress_and_its_results(
    qtbot: QtBot, kept: Kept, later: Jobs, activations_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "sae"
    kept(out, 4000)
    state = found(later)
    assert state.order == training(activations_path, out, 4000)
    assert state.status == "running" and state.log.is_file() and str(state.log) in state.sentence
    assert later.running == []  # it does not hang on this program
    assert state.step is not None and state.step.total == 4000
    later.list_kept(later.find_kept())
    assert len(later.states) == 1
    later.keep_all()
    later.stop_all()
    qtbot.waitUntil(lambda: not later.busy, timeout=60_000)
    state = later.states[state.number]
    assert (state.status, state.sentence) == ("done", "")
    assert state.result["out"] == str(out)
    assert Jobs(tmp_path / "logs").find_kept()  # until it is taken out of the list
    later.forget(state.number)
    assert Jobs(tmp_path / "logs").find_kept() == [] and not state.log.exists()


def test_a_job_that_was_found_again_can_be_stopped_and_says_so_to_the_next_program(
    qtbot: QtBot, kept: Kept, later: Jobs, tmp_path: Path
) -> None:
    process = kept(tmp_path / "sae", 50_000)
    state = found(later)
    later.stop(state.number)
    qtbot.waitUntil(lambda: later.states[state.number].status == "stopping")
    qtbot.waitUntil(lambda: not later.busy, timeout=30_000)
    for own in (later.states[state.number], found(Jobs(tmp_path / "logs"))):
        assert own.status == "stopped"
        assert own.sentence.startswith("Interrupted: finished files are whole")
    assert psutil.wait_procs([process], timeout=30)[0] == [process]
    assert not (tmp_path / "sae" / "cfg.json").exists()


def test_a_job_that_does_not_hear_is_ended_at_once(
    qtbot: QtBot, later: Jobs, tmp_path: Path
) -> None:
    folder = tmp_path / "logs" / "deaf"
    folder.mkdir(parents=True)
    JobFolder(folder).remember(Order("train", (("train",),)))
    (folder / "log.txt").write_text("")
    (folder / "result.jsonl").write_text("")
    process = subprocess.Popen([sys.executable, "-c", DEAF, str(folder)], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"f")
    process.stdin.close()
    qtbot.waitUntil(lambda: "deaf" in (folder / "log.txt").read_text(), timeout=30_000)
    state = found(later)
    later.stop(state.number)
    qtbot.waitUntil(lambda: later.states[state.number].status == "stopping")
    qtbot.wait(1500)
    assert process.poll() is None
    later.stop(state.number)
    qtbot.waitUntil(lambda: not later.busy, timeout=30_000)
    assert process.wait(10) == 1
    state = later.states[state.number]
    assert state.status == "stopped" and state.sentence.startswith("Ended at once")


DEAF = """
import signal, sys, threading, time
from pathlib import Path
from mmfeat_gui.workers import leash
from mmfeat_gui.workers.job_folder import JobFolder
folder = JobFolder(Path(sys.argv[1]))
lock = folder.hold()
signal.signal(signal.SIGINT, signal.SIG_IGN)
threading.Thread(target=leash._hold, args=(folder,), daemon=True).start()
folder.log.write_text("deaf")
time.sleep(600)
"""


def test_a_job_that_vanished_is_not_taken_for_another_process(
    qtbot: QtBot, kept: Kept, later: Jobs, tmp_path: Path
) -> None:
    process = kept(tmp_path / "sae", 50_000)
    process.kill()
    psutil.wait_procs([process], timeout=30)
    state = found(later)
    assert state.status == "failed" and "ended without a word" in state.sentence
    assert not later.busy


def test_what_is_no_job_in_the_folder_is_left_out(later: Jobs, tmp_path: Path) -> None:
    parent = tmp_path / "logs"
    for name, text in (
        ("rubbish", "{"),
        ("list", "[1]"),
        ("words", '{"kind": "train", "commands": 3, "out": null}'),
        ("kind", '{"kind": "no such kind", "commands": [], "out": null}'),
        ("deep", "[" * 100_000),
        ("path", '{"kind": "train", "commands": [["train"]], "out": 3}'),
    ):
        (parent / name).mkdir(parents=True)
        (parent / name / "order.json").write_text(text)
    (parent / "a file").write_text("x")
    (parent / "log alone").mkdir()
    (parent / "log alone" / "log.txt").write_text("x")
    assert later.find_kept() == []
    assert Jobs(tmp_path / "nowhere").find_kept() == []


def test_of_a_long_log_the_last_lines_are_read(later: Jobs, tmp_path: Path) -> None:
    folder = JobFolder(tmp_path / "logs" / "long")
    folder.path.mkdir(parents=True)
    folder.remember(Order("train", (("train",),)))
    line = json.dumps({"stage": "training SAE", "done": 7, "total": 9, "note": "é" * 50})
    with folder.log.open("w", encoding="utf-8") as log:
        for _ in range(100_000):
            log.write(line + "\n")
        log.write("the end\n")
    folder.result.write_text("")
    folder.leave_status(0)
    state = found(later)
    assert state.status == "done" and state.lines == ("the end",)
    assert state.step is not None and state.step.done == 7


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
