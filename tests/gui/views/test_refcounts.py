from __future__ import annotations

import subprocess
import sys

from mmfeat_gui.views import refcounts


def test_drawing_for_long_does_not_end_the_interpreter() -> None:
    """Without the guard PySide6 6.12 ends Python 3.11 after some ten thousand calls."""
    code = (
        "from PySide6.QtCore import QPoint\n"
        "from mmfeat_gui.views.refcounts import keep_none_alive\n"
        "keep_none_alive()\n"
        "point = QPoint()\n"
        "for _ in range(200_000):\n"
        "    point.setX(0)\n"
    )
    path = [entry for entry in sys.path if entry]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {path!r}\n{code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_guard_acts_only_where_references_are_lost() -> None:
    refcounts.keep_none_alive()
    before = sys.getrefcount(None)
    needed = refcounts.keep_none_alive()
    assert (sys.getrefcount(None) - before > 1 << 30) == needed
