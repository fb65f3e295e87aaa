"""The process of a job: commands of mmfeat, interrupted when the window lets go of them.

Its standard input is the leash. While it is open the commands run; when it closes, because the
user stops the job or the window is no more, they are interrupted as by Ctrl-C, and end in the
way in which the command line does. A byte frees them: they go on without the window, until they
are told in their folder to stop.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from mmfeat_gui.state.jobs import AND
from mmfeat_gui.workers.job_folder import JobFolder

FREE = b"f"
_NICE = 5  # the window comes first
_AGAIN = 5.0  # seconds after which an interrupt that nothing has heard comes again
_LOOK = 0.5  # seconds between two looks into the folder


def main(arguments: Sequence[str]) -> int:
    """Run commands in a folder, and return the first exit status that is not 0.

    Parameters
    ----------
    arguments : sequence of str
        The folder, and the commands, between which stands ``&&``.
    """
    if hasattr(os, "nice"):
        os.nice(_NICE)
    folder = JobFolder(Path(arguments[0]))
    lock = folder.hold()
    let_go = threading.Event()
    # Between commands, and in imports, which may swallow what is raised in them.
    signal.signal(signal.SIGINT, lambda *_: let_go.set())
    threading.Thread(target=_hold, args=(folder,), daemon=True).start()
    status = _run(arguments[1:], let_go)
    folder.leave_status(status)
    del lock  # kept until here
    return status


def _run(arguments: Sequence[str], let_go: threading.Event) -> int:
    from mmfeat.cli.app import app
    from mmfeat.cli.common import run

    for is_and, command in groupby(arguments, lambda word: word == AND):
        if is_and:
            continue
        if let_go.is_set():
            print("Interrupted before it began; run the same command again.", file=sys.stderr)
            return 1
        if status := run(app, list(command)):
            return status
    return 0


def _hold(folder: JobFolder) -> None:
    """Wait until the leash is closed, or until what was set free is told to stop."""
    if os.read(0, 1) == FREE:
        while not folder.hears("stop"):
            time.sleep(_LOOK)
    while True:
        _interrupt()
        until = time.monotonic() + _AGAIN
        while time.monotonic() < until:
            if folder.hears("end"):
                os._exit(1)
            time.sleep(_LOOK)


def _interrupt() -> None:
    if os.name == "posix":
        os.kill(os.getpid(), signal.SIGINT)  # reaches the main thread in the midst of a wait
    else:
        import _thread

        _thread.interrupt_main()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
