"""The process of a job: commands of mmfeat, interrupted when the window lets go of them.

Its standard input is the leash. While it is open the commands run; when it closes, because the
user stops the job or the window is no more, they are interrupted as by Ctrl-C, and end in the
way in which the command line does. A byte frees them: they go on without the window.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from itertools import groupby

from mmfeat_gui.state.jobs import AND

FREE = b"f"
_NICE = 5  # the window comes first
_AGAIN = 5.0  # seconds after which an interrupt that nothing has heard comes again


def main(arguments: Sequence[str]) -> int:
    """Run commands, between which stands ``&&``; return the first exit status that is not 0."""
    if hasattr(os, "nice"):
        os.nice(_NICE)
    let_go = threading.Event()
    # Between commands, and in imports, which may swallow what is raised in them.
    signal.signal(signal.SIGINT, lambda *_: let_go.set())
    threading.Thread(target=_hold, daemon=True).start()
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


def _hold() -> None:
    """Wait until the leash is closed or set free."""
    if os.read(0, 1) == FREE:
        return
    while True:
        if os.name == "posix":
            os.kill(os.getpid(), signal.SIGINT)  # reaches the main thread in the midst of a wait
        else:
            import _thread

            _thread.interrupt_main()
        time.sleep(_AGAIN)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
