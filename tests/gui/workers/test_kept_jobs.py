"""Jobs that go on without the window, as a later program finds them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from mmfeat_gui.state.jobs import JobState, Order
from mmfeat_gui.workers.job_folder import JobFolder
from mmfeat_gui.workers.jobs import Jobs
from tests.gui.workers.job_orders import children, training

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
