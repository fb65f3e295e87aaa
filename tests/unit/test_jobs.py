"""Steps in processes of their own: what one meets does not touch the others."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from mmfeat.errors import MmfeatError
from mmfeat.jobs import Cluster, Processes, Step, run


@dataclass(kw_only=True)
class Write(Step):
    """Writes its process id, or ends in some way."""

    text: str = "well"

    def record(self) -> str:
        if self.text == "no input":
            raise MmfeatError("There is no input.")
        return self.text

    def work(self) -> dict[str, Any]:
        if self.text == "sentence":
            raise MmfeatError("A sentence.")
        if self.text == "exception":
            raise ValueError("odd")
        if self.text == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.text == "long":
            time.sleep(60)
        out = self.folder / "out.txt"
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(f"{self.text} {os.getpid()}")
        return {"files": [str(out)], "given": self.text}


def step(folder: Path, text: str, *then: Step, name: str = "") -> Write:
    name = name or text
    return Write(name=name, folder=folder / name, text=text, then=list(then))


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_what_fails_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    good = step(tmp_path, "well", step(tmp_path, "after"), step(tmp_path, "no input"))
    bad = [step(tmp_path, text) for text in ("sentence", "exception", "killed")]
    bad[0].then.append(step(tmp_path, "never"))
    said: list[str] = []
    run([*bad, good], Processes(2), said.append)
    after, without = good.then
    assert [s.status for s in (good, after, without, *bad)] == ["done"] * 2 + ["failed"] * 4
    assert good.result["given"] == "well" and good.result["seconds"] < 30
    first, second = (
        (s.folder / "out.txt").read_text().split()[-1] for s in (good, after)
    )  # fmt: skip
    assert len({first, second, str(os.getpid())}) == 3
    assert without.result["error"] == "There is no input."
    assert bad[0].result["error"] == "A sentence."
    assert bad[1].result["error"].startswith("ValueError: odd; see ")
    assert "raise ValueError" in (bad[1].folder / "traceback.txt").read_text()
    assert "ended without a result, with status -9" in bad[2].result["error"]
    (never,) = bad[0].then
    assert never.status == "not begun" and not never.folder.exists()
    assert never.result["error"] == "The sentence failed: A sentence."
    assert len(said) == 6 and said[-1].startswith("[7/7] ")
    assert not any((s.folder / "done.json").exists() for s in bad)


def test_a_result_is_reused_while_its_record_and_files_hold(tmp_path: Path) -> None:
    def again(text: str = "well") -> Write:
        one = step(tmp_path, text, name="one")
        run([one], Processes(1), str)
        return one

    out = tmp_path / "one" / "out.txt"
    assert again().status == "done"
    before = out.stat().st_mtime_ns
    kept = again()
    assert kept.status == "reused" and kept.result["given"] == "well"
    assert out.stat().st_mtime_ns == before
    assert again("other").status == "done" and out.read_text().startswith("other")
    out.unlink()
    assert again("other").status == "done" and out.exists()
    (tmp_path / "one" / "done.json").write_text("{")
    assert again("other").status == "done"
    assert json.loads((tmp_path / "one" / "done.json").read_text())["record"] == "other"


def test_an_interrupt_ends_what_is_running(tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run([step(tmp_path, "long"), step(tmp_path, "well")], Processes(2), interrupt)
    assert time.monotonic() - started < 40
    assert not (tmp_path / "long").exists()


@dataclass(kw_only=True)
class Interrupting(Write):
    """Is interrupted while its process is being started: when it is pickled for it."""

    def __getstate__(self) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        return self.__dict__


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_an_interrupt_while_steps_begin_is_not_lost_and_leaves_nobody(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    steps = [
        step(tmp_path, "long"),
        Interrupting(name="i", folder=tmp_path / "i", text="long"),
    ]
    with pytest.raises(KeyboardInterrupt):
        run(steps, Processes(2), lambda line: None)
    left = [
        p for p in set(psutil.Process().children()) - before if "tracker" not in str(p.cmdline())
    ]
    assert left == []
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        ("local", {"slurm_partitoin": "gpu"}, "Unknown argument 'partitoin' for executor 'slurm'"),
        ("local", {"timeout_min": "soon"}, 'Parameter "timeout_min" expected type'),
        ("nowhere", {}, "doesn't know any executor named nowhere"),
    ],
)
def test_wrong_parameters_of_a_cluster_are_named(
    tmp_path: Path, kind: str, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(MmfeatError, match=message):
        Cluster(kind, tmp_path, parameters, 1)
