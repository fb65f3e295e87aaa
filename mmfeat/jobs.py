"""Steps that run apart from each other: each in a process, or a job of a cluster, of its own.

The end of one, even by SIGKILL, ends no other and is told as a sentence. A step whose result is
there already is not run again.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mmfeat.errors import MmfeatError
from mmfeat.files import whole_file

DAY = 24 * 60  # minutes a job of a cluster may take, unless said otherwise
_POLL = 0.2  # seconds between looks at what is running
_ENDING = 10.0  # seconds that jobs have to end when they are taken back
_QUEUE = 1000  # jobs in a cluster's queue: arrays are seldom let to be longer


@dataclass(kw_only=True)
class Step(ABC):
    """A step, where its result goes, and what became of it.

    Attributes
    ----------
    name : str
        What it is called in messages.
    folder : Path
        A folder of its own, for ``done.json``, its result.
    then : list of Step
        Those that need it.
    status : str
        ``done``, ``reused``, ``failed`` or ``not begun``.
    result : dict
        What its work gave, and ``seconds``; or ``error``, a sentence.
    """

    name: str
    folder: Path
    then: list[Step] = field(default_factory=list)
    status: str = "not begun"
    result: dict[str, Any] = field(default_factory=dict)

    @abstractmethod
    def record(self) -> str:
        """Return what decides whether a result that is there still holds."""

    @abstractmethod
    def work(self) -> dict[str, Any]:
        """Do it and return its result, as JSON holds it, with the paths of its ``files``."""

    def found(self, record: str) -> dict[str, Any] | None:
        """Return the result that is there, if it is of this very work and whole."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "done.json").read_text("utf-8"))
            whole = found["record"] == record and all(Path(f).exists() for f in found["files"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if whole else None

    def perform(self, record: str) -> dict[str, Any]:
        """Work, and return and write down the result; or return why there is none."""
        started = time.perf_counter()
        try:
            result = self.work()
        except MmfeatError as error:
            result = {"error": str(error)}
        except Exception as error:
            log = self.folder / "traceback.txt"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(traceback.format_exc(), encoding="utf-8")
            result = {"error": f"{type(error).__name__}: {error}; see {log}."}
        result["seconds"] = round(time.perf_counter() - started, 1)
        if "error" not in result:
            with whole_file(self.folder / "done.json") as temporary:
                text = json.dumps({"record": record, **result}, ensure_ascii=False)
                temporary.write_text(f"{text}\n", encoding="utf-8")
        return result


class _Process:
    """A step in a process, which hands its result over a pipe that closes with it."""

    def __init__(self, step: Step, record: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._result, ours = context.Pipe(duplex=False)
        self._process = context.Process(target=_send, args=(ours, step, record))
        self._process.start()
        ours.close()

    def done(self) -> bool:
        return self._result.poll()

    def result(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._result.recv()
        except EOFError:
            self._process.join()
            raise MmfeatError(
                f"Its process ended without a result, with status {self._process.exitcode} (-9: "
                "killed, or out of memory); run the same command again."
            ) from None
        self._process.join()
        return found

    def cancel(self) -> None:
        self._process.terminate()
        self._process.join()


def _send(pipe: Connection, step: Step, record: str) -> None:
    pipe.send(step.perform(record))


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back until all that was begun is known, and from the processes begun.

    It reaches all processes of a terminal, also those still starting: blocked, they inherit it so
    and leave it to the one that began them, which cancels them. Another thread of this process may
    be told instead of this one, and then it would be raised here in the midst of a start; it is put
    down and raised afterwards.
    """
    if threading.current_thread() is not threading.main_thread():  # only that one is interrupted
        yield
        return
    came: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    blocks = hasattr(signal, "pthread_sigmask")  # not on Windows
    if blocks:
        resource_tracker.ensure_running()  # or the first process would let signals through again
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if blocks:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler or signal.default_int_handler)
        if came:
            signal.raise_signal(signal.SIGINT)


class Processes:
    """Each step in a process of its own on this machine.

    Parameters
    ----------
    limit : int
        How many are meant to run at a time; the caller keeps to it.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def submit(self, steps: Sequence[tuple[Step, str]]) -> list[Any]:
        """Begin steps with their records; return jobs, which say when they are ``done``."""
        jobs: list[_Process] = []
        try:
            with _interrupts_held():
                for step, record in steps:
                    jobs.append(_Process(step, record))
        except BaseException:
            self.cancel(jobs)
            raise
        return jobs

    def result(self, job: Any) -> dict[str, Any]:
        """Wait for a job and return what its step gave.

        Raises
        ------
        MmfeatError
            If it ended without a result.
        """
        result: dict[str, Any] = job.result()
        return result

    def cancel(self, jobs: Sequence[Any]) -> None:
        """End jobs."""
        for job in jobs:
            job.cancel()


class Cluster:
    """Each step in a job of submitit.

    Parameters
    ----------
    kind : str
        ``slurm``, or ``local`` for processes of this machine.
    folder : Path
        Where submitit keeps calls, results and logs.
    parameters : mapping
        What ``AutoExecutor.update_parameters`` takes, such as ``slurm_partition``,
        ``gpus_per_node`` and ``timeout_min`` (default `DAY`).
    limit : int
        How many run at a time where it is ``local``.

    Raises
    ------
    MmfeatError
        If submitit or the cluster is not here, or a parameter is not understood.
    """

    def __init__(self, kind: str, folder: Path, parameters: Mapping[str, Any], limit: int) -> None:
        try:
            import submitit
        except ImportError as error:
            raise MmfeatError(
                "A cluster needs submitit, which is not here; run pip install submitit."
            ) from error
        self.limit = limit if kind == "local" else _QUEUE
        self._folder = folder
        try:
            self._executor = submitit.AutoExecutor(folder / "%j", cluster=kind)
            self._executor.update_parameters(**{"timeout_min": DAY, **parameters})
        except (RuntimeError, NameError, AssertionError, ValueError, TypeError, OSError) as error:
            reason = str(error).partition("\n")[0].rstrip(".")
            raise MmfeatError(
                f"The cluster {kind} cannot be used: {reason}; mend its parameters."
            ) from error

    def submit(self, steps: Sequence[tuple[Step, str]]) -> list[Any]:
        """Hand steps in with their records, as one array; return jobs.

        Raises
        ------
        MmfeatError
            If the cluster does not take them.
        """
        from submitit.core.utils import FailedJobError

        try:
            with self._executor.batch():
                return [self._executor.submit(step.perform, record) for step, record in steps]
        except (FailedJobError, OSError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise MmfeatError(
                f"The cluster did not take the jobs: {reason}; mend its parameters."
            ) from error

    def result(self, job: Any) -> dict[str, Any]:
        """Wait for a job and return what its step gave.

        Raises
        ------
        MmfeatError
            If it ended without a result.
        """
        if job.exception() is not None:
            raise MmfeatError(
                f"Job {job.job_id} ended without a result: see {self._folder / str(job.job_id)}, "
                "and run the same command again."
            )
        result: dict[str, Any] = job.result()
        return result

    def cancel(self, jobs: Sequence[Any]) -> None:
        """Take jobs back, and give them some seconds to end."""
        for job in jobs:
            job.cancel(check=False)
        deadline = time.monotonic() + _ENDING
        while time.monotonic() < deadline and not all(job.done() for job in jobs):
            time.sleep(0.1)


def run(steps: Sequence[Step], runner: Processes | Cluster, say: Callable[[str], object]) -> None:
    """Run each step that has no result yet, and those that need it when it is done.

    Parameters
    ----------
    steps : sequence of Step
        Those that need no other.
    runner : Processes or Cluster
        Where they run.
    say : callable
        Is given a line for each that has ended.
    """
    total = sum(1 + len(step.then) for step in steps)
    todo = list(steps)
    ready: list[tuple[Step, str]] = []
    running: list[tuple[Step, Any]] = []
    ended = 0

    def end(step: Step, status: str, result: dict[str, Any]) -> None:
        nonlocal ended
        step.status, step.result = status, result
        if status == "failed":
            ended += len(step.then)
            for later in step.then:
                later.result = {"error": f"The {step.name} failed: {result['error']}"}
        else:
            todo.extend(step.then)
        ended += 1
        reason = f": {result['error']}" if status == "failed" else ""
        say(f"[{ended}/{total}] {step.name}: {status}{reason}")

    try:
        while todo or ready or running:
            while todo:
                step = todo.pop(0)
                try:
                    record = step.record()
                except MmfeatError as error:
                    end(step, "failed", {"error": str(error)})
                    continue
                if (found := step.found(record)) is not None:
                    end(step, "reused", found)
                else:
                    ready.append((step, record))
            room = runner.limit - len(running)
            if begun := ready[:room]:
                ready = ready[room:]
                jobs = runner.submit(begun)
                running += zip((step for step, _ in begun), jobs, strict=True)
            time.sleep(_POLL)
            for step, job in [pair for pair in running if pair[1].done()]:
                running = [pair for pair in running if pair[1] is not job]
                try:
                    result = runner.result(job)
                except MmfeatError as error:
                    result = {"error": str(error)}
                end(step, "failed" if "error" in result else "done", result)
    except BaseException:
        runner.cancel([job for _, job in running])
        raise
