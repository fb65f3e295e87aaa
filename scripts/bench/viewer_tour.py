"""A scripted tour of the viewer, and how late a timer comes while it is made."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEventLoop, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QColor, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QLabel, QWidget

from mmfeat_gui.resources import strings
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.query import Limit, Order
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.views.application import make_application
from mmfeat_gui.views.fonts import font_for
from mmfeat_gui.views.main_window import MainWindow

_TICK = 5  # ms
_LONG = 50  # ms
_NAMED = 12  # of the longest blocks are told with what was done
_SAMPLES = {
    "ar": "صورة", "fa": "نقاشی", "ja": "かなカナ漢字", "ko": "한국어 그림", "ru": "рисунок",
    "zh": "白色背景", "en": "drawing", "tr": "çizim",
}  # fmt: skip
_IDLE = 5.0  # seconds

Step = tuple[str, float, Callable[[], object]]  # what it is, seconds to leave it, and the act


class Watchdog:
    """A timer that notes how late it comes, and during which step.

    Attributes
    ----------
    late : list of (float, str)
        Milliseconds, and the step.
    worked : list of float
        Milliseconds that this thread computed meanwhile: what of it other programs cannot cause.
    """

    def __init__(self) -> None:
        self.late: list[tuple[float, str]] = []
        self.worked: list[float] = []
        self.step = ""
        self._before, self._worked = time.perf_counter(), time.thread_time()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Begin, and forget what was noted before."""
        self.late, self.worked = [], []
        self._before, self._worked = time.perf_counter(), time.thread_time()
        self._timer.start(_TICK)

    def stop(self) -> None:
        """End."""
        self._timer.stop()

    def _tick(self) -> None:
        now, worked = time.perf_counter(), time.thread_time()
        self.late.append((max(0.0, (now - self._before) * 1000 - _TICK), self.step))
        self.worked.append((worked - self._worked) * 1000)
        self._before, self._worked = now, worked


def tour(atlas: Path, seconds: float) -> dict[str, Any]:
    """Make the tour, again and again until the time is over, and return what blocked.

    Parameters
    ----------
    atlas : Path
        What is looked at.
    seconds : float
        How long.

    Returns
    -------
    dict
        ``gui_block_ms_p99``, ``gui_block_ms_max``, how many blocks were longer than 50 ms and
        the longest with their steps; ``gui_worked_ms``: what of a block this thread computed;
        ``idle_block_ms_p99``: a window in which nothing happens, which tells how busy the machine
        is; ``font_block_ms``: drawing each script for the first time.
    """
    make_application()
    fonts = _first_use_of_fonts()
    watchdog = Watchdog()
    window = MainWindow(Settings())
    window.show()
    windows = [window]
    watchdog.start()
    _wait(_IDLE)
    idle = float(np.percentile([own for own, _ in watchdog.late], 99))
    watchdog.start()
    end = time.perf_counter() + seconds
    laps = 0
    while time.perf_counter() < end:
        for name, pause, act in _steps(windows, atlas):
            watchdog.step = name
            # As an event of its own, like what a user does.
            QTimer.singleShot(0, act)
            _wait(pause)
            if time.perf_counter() > end:
                break
        laps += 1
    watchdog.stop()
    for shown in windows:
        shown.close()
    late = np.array([own for own, _ in watchdog.late])
    longest = sorted(watchdog.late, reverse=True)[:_NAMED]
    return {
        "gui_block_ms_p99": float(np.percentile(late, 99)),
        "gui_block_ms_median": float(np.median(late)),
        "gui_block_ms_max": float(late.max()),
        "gui_blocks_over_50_ms": int((late > _LONG).sum()),
        "gui_worked_ms_p99": float(np.percentile(watchdog.worked, 99)),
        "gui_worked_ms_max": max(watchdog.worked),
        "idle_block_ms_p99": idle,
        "gui_block_longest": [f"{name}: {own:.0f} ms" for own, name in longest],
        "tour_s": seconds,
        "tour_laps": laps,
        "font_block_ms_max": max(fonts),
        "font_block_ms_median": statistics.median(fonts),
    }


def _wait(seconds: float) -> None:
    loop = QEventLoop()
    QTimer.singleShot(int(seconds * 1000), loop.quit)
    loop.exec()


def _first_use_of_fonts() -> list[float]:
    """Draw a word of each script; return how long each took, in milliseconds."""
    taken = []
    for language, text in _SAMPLES.items():
        label = QLabel(text)
        label.setFont(font_for(language, label.font()))
        begun = time.perf_counter()
        label.grab()
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def _steps(windows: list[MainWindow], atlas: Path) -> Iterator[Step]:
    """Yield one lap: everything that a user does, in the present window."""
    window = windows[-1]
    context = window.context
    store = context.store
    rng = np.random.default_rng(len(windows))
    yield "open", 4, lambda: window.open_atlas(atlas)
    count = len(context.summary.table) if context.summary is not None else 1
    items = context.summary.n_items if context.summary is not None else 1
    for feature in rng.integers(0, count, 12).tolist():
        yield "page", 0.4, lambda own=feature: context.go(Place("feature", own))
    page = window.bench.panel("page")
    for _ in range(10):
        yield "scroll page", 0.1, lambda: _scroll(page, 200)
    for item in rng.integers(0, items, 4).tolist():
        yield "item", 0.5, lambda own=item: context.go(Place("item", own))
    yield "back", 0.3, window.go_back
    yield "forward", 0.3, window.go_forward
    yield "map in front", 0.4, lambda: window.bring("map")
    canvas = getattr(window.bench.panel("map"), "canvas", None)
    if canvas is not None:
        for number in range(24):
            at = QPointF(120 + 9 * number, 150)
            yield "zoom map", 0.04, lambda own=at: canvas.zoom(1.25, own)
        for _ in range(24):
            yield "pan map", 0.04, lambda: canvas.pan(11, 5)
        for number in range(24):
            at = QPoint(30 + 13 * number, 40 + 7 * number)
            yield "hover map", 0.06, lambda own=at: QTest.mouseMove(canvas, own)
        yield "whole map", 0.4, canvas.fit
        yield "lasso", 0.6, lambda: _lasso(canvas)
        yield "undo lasso", 0.3, store.undo
        yield "redo lasso", 0.3, store.redo
    query = store.state.query
    for end in range(1, 5):
        text = "flag"[:end]
        yield (
            "type a filter",
            0.25,
            lambda own=text: store.change(
                "undo.filter", merge="text", query=replace(query, text=own)
            ),
        )
    for low in range(1, 10):
        limited = query.limited(Limit("n_languages", low))
        yield (
            "drag a slider",
            0.08,
            lambda own=limited: store.change("undo.filter", merge="limit", query=own),
        )
    for column in ("energy_image", "n_languages", "title"):
        ordered = replace(query, order=(Order(column, True),))
        yield "sort", 0.4, lambda own=ordered: store.change("undo.sort", query=own)
    yield "clear filters", 0.4, lambda: store.change("undo.filter", query=query.cleared())
    table = window.bench.panel("table")
    for _ in range(10):
        yield "scroll table", 0.08, lambda: _scroll(table, 2_000)
    for panel in window.bench.panels:
        yield f"panel {panel.key}", 1.2, lambda own=panel.key: window.bring(own)
    for _ in range(6):
        yield "undo", 0.15, store.undo
    for colouring in ("shared", "n_languages", "modality_score"):
        yield (
            "colour the map",
            0.5,
            lambda own=colouring: store.change("undo.colouring", colouring=own),
        )
    yield "dark", 0.6, lambda: QApplication.setPalette(_dark())
    yield "light", 0.6, lambda: QApplication.setPalette(QApplication.style().standardPalette())
    for size in ((1000, 700), (1440, 900)):
        yield "resize", 0.5, lambda own=size: window.resize(*own)
    other = "ko" if strings.language() == "en" else "en"
    yield "another language", 3, lambda: _switch(windows, other)


def _scroll(parent: QWidget, by: int) -> None:
    """Scroll the first thing in a panel that can be scrolled, and back at its end."""
    for area in parent.findChildren(QAbstractScrollArea):
        bar = area.verticalScrollBar()
        if area.isVisible() and bar.maximum() > 0:
            at = bar.value() + by
            bar.setValue(at if at <= bar.maximum() else 0)
            return


def _lasso(canvas: QWidget) -> None:
    """Draw a lasso with the mouse."""
    canvas.set_tool("lasso")
    width, height = canvas.width(), canvas.height()
    ring = [
        QPoint(int(width * (0.5 + 0.4 * np.cos(a))), int(height * (0.5 + 0.4 * np.sin(a))))
        for a in np.linspace(0, 6, 40).tolist()
    ]
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=ring[0])
    for at in ring:
        QTest.mouseMove(canvas, at)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=ring[-1])
    canvas.set_tool("pan")


def _dark() -> QPalette:
    palette = QPalette()
    roles = QPalette.ColorRole
    for role, shade in (
        (roles.Window, 40),
        (roles.Base, 30),
        (roles.AlternateBase, 46),
        (roles.Button, 55),
        (roles.WindowText, 230),
        (roles.Text, 230),
        (roles.ButtonText, 230),
    ):
        palette.setColor(role, QColor(shade, shade, shade))
    return palette


def _switch(windows: list[MainWindow], language: str) -> None:
    """Show the window in another language: another window takes its place."""
    from mmfeat_gui.views.windows import switch_language

    windows[-1] = switch_language(windows[-1], language)
