"""Guards Python against a fault of PySide6.

PySide6 6.12 is built for interpreters in which ``None`` is immortal (Python 3.12 and later,
PEP 683) and returns it without taking a reference. On Python 3.11 each call of Qt that returns
``None`` thus takes one reference too many, and after some ten thousand calls, a few seconds of
drawing, the interpreter ends with "deallocating None".
"""

from __future__ import annotations

import ctypes
import sys

from PySide6.QtCore import QPoint

_CALLS = 64
_MANY = 1 << 40


def keep_none_alive() -> bool:
    """Give ``None`` references enough for ever, if calls of Qt lose them.

    Returns
    -------
    bool
        Whether that was needed.
    """
    point = QPoint()
    before = sys.getrefcount(None)
    for _ in range(_CALLS):
        point.setX(0)
    if before - sys.getrefcount(None) < _CALLS // 2:
        return False
    # The count is the first field of every object of CPython, and `id` is its address.
    ctypes.c_ssize_t.from_address(id(None)).value += _MANY
    return True
