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
from collections.abc import Sequence
from itertools import groupby

from mmfeat_gui.state.jobs import AND

FREE = b"f"
_NICE = 5  # the window comes first


def main(arguments: Sequence[str]) -> int:
    """Run commands, between which stands ``&&``; return the first exit status that is not 0."""
    threading.Thread(target=_hold, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(_NICE)
    try:
        from mmfeat.cli.app import app
        from mmfeat.cli.common import run

        for is_and, command in groupby(arguments, lambda word: word == AND):
            if not is_and and (status := run(app, list(command))):
                return status
    except KeyboardInterrupt:  # before a command could see to it
        print("Interrupted before it began; nothing was written.", file=sys.stderr)
        return 1
    return 0


def _hold() -> None:
    """Wait until the leash is closed or set free."""
    if os.read(0, 1) == FREE:
        return
    if os.name == "posix":
        os.kill(os.getpid(), signal.SIGINT)  # reaches the main thread in the midst of a wait
    else:
        import _thread

        _thread.interrupt_main()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
