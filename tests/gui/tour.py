"""A tour of the viewer in a real window, by keys and the mouse alone; run by `test_tour`.

    DISPLAY=:1 QT_QPA_PLATFORM=xcb python -m tests.gui.tour ATLAS FOLDER

Every step checks what it did. Prints one line of JSON: the steps made, and what was seen.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QLineEdit, QListWidget, QWidget

from mmfeat_gui.resources import strings
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.views import theme
from mmfeat_gui.views.actions import plain
from mmfeat_gui.views.application import make_application
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.views.map_canvas import MapCanvas
from mmfeat_gui.views.windows import open_window, windows

_LEFT, _NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
_CONTROL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
_LIMIT = 60  # seconds for anything to come


def until(reached: Callable[[], object], what: str) -> None:
    """Let events run until something is true.

    Raises
    ------
    AssertionError
        If it does not become true.
    """
    end = time.monotonic() + _LIMIT
    while not reached():
        QTest.qWait(5)
        assert time.monotonic() < end, f"{what} did not come in {_LIMIT} s"


class Tour:
    """A person at the screen.

    Parameters
    ----------
    window : MainWindow
    folder : Path
        For pictures of the window.
    """

    def __init__(self, window: MainWindow, folder: Path) -> None:
        self.window = window
        self.folder = folder
        self.steps: list[str] = []

    # Hands ------------------------------------------------------------------------------

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = _NONE) -> None:
        """Press a key in the window that has the keyboard, as the window system would."""
        handle = QApplication.focusWindow() or self.window.windowHandle()
        QTest.keyClick(handle, key, modifiers, 10)

    def type(self, text: str) -> None:
        """Type a text."""
        for letter in text:
            handle = QApplication.focusWindow() or self.window.windowHandle()
            QTest.keyClick(handle, letter, _NONE, 10)

    def place(self, widget: QWidget, at: QPoint | None = None) -> QPoint:
        """Return a point of a widget in its window; its middle by default."""
        return widget.mapTo(widget.window(), at or widget.rect().center())

    def click(self, widget: QWidget, at: QPoint | None = None) -> None:
        """Click on a widget."""
        handle = widget.window().windowHandle()
        QTest.mouseMove(handle, self.place(widget, at), 10)
        QTest.mouseClick(handle, _LEFT, _NONE, self.place(widget, at), 10)

    def wake(self) -> None:
        """Give the window the keyboard again after a dialog, as a window manager does."""
        self.window.activateWindow()
        until(self.window.isActiveWindow, "the keyboard in the window")

    def settle(self) -> None:
        """Wait until everything asked for is there and drawn."""
        until(lambda: not self.window.busy, "what was asked for")
        QTest.qWait(60)

    def look(self, name: str) -> None:
        """Note a step, and take a picture of the screen."""
        self.settle()
        picture = self.window.screen().grabWindow(self.window.winId())
        assert picture.save(str(self.folder / f"{len(self.steps):02d}-{name}.png"))
        self.steps.append(name)

    def command(self, words: str, key: str) -> None:
        """Run an action by the command palette, with keys alone."""
        self.key(Qt.Key.Key_P, _CONTROL | _SHIFT)
        until(lambda: isinstance(QApplication.activeModalWidget(), QDialog), "the command palette")
        palette = QApplication.activeModalWidget()
        self.type(words)
        found = palette.findChild(QListWidget)
        until(lambda: _chosen(found) == key, f"{key} among the commands with {words!r}")
        self.key(Qt.Key.Key_Return)
        until(lambda: QApplication.activeModalWidget() is not palette, "the end of the palette")
        self.wake()

    # Steps ------------------------------------------------------------------------------

    def open(self, atlas: Path) -> None:
        """Ctrl+O, the path, Return."""

        def answer() -> None:
            dialog = QApplication.activeModalWidget()
            if not isinstance(dialog, QFileDialog):
                QTimer.singleShot(50, answer)
                return
            line = dialog.findChild(QLineEdit)
            line.setFocus()
            self.type(str(atlas))
            self.key(Qt.Key.Key_Return)

        QTimer.singleShot(100, answer)
        self.key(Qt.Key.Key_O, _CONTROL)
        until(lambda: self.window.summary is not None, "the atlas")
        self.wake()
        self.look("open")
        assert self.window.windowTitle().startswith(self.window.summary.name)

    def filter(self) -> None:
        """Type into the search line of the table."""
        table = self.window.summary.table
        every = len(table.rows)
        line = self.window.bench.panel("table").bar.search
        self.click(line)
        until(line.hasFocus, "the keyboard in the search line")
        self.type("a")
        until(lambda: len(table.rows) < every, "fewer rows")
        self.type("r")
        until(lambda: self.window.context.store.state.query.text == "ar", "the text in the query")
        self.settle()
        truth = [
            any("ar" in name.casefold() for name in table.names_of(feature).values())
            for feature in range(len(table))
        ]
        assert len(table.rows) == sum(truth), (len(table.rows), sum(truth))
        self.look("filter")

    def open_page(self) -> None:
        """From the rows to a page, by keys."""
        before = self.place_now()
        view = self.window.bench.panel("table").first_focus()
        self.click(view, QPoint(60, 60))
        until(lambda: self.place_now() != before, "another page")
        middle = self.place_now()
        self.key(Qt.Key.Key_Down)
        self.key(Qt.Key.Key_Return)
        until(lambda: self.place_now() != middle, "the page of the next row")
        shown = self.place_now()
        assert shown.index in self.window.summary.table.rows.tolist()
        self.look("page")

    def back(self) -> None:
        """Back with the keyboard, and forward again."""
        here = self.place_now()
        self.key(Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
        until(lambda: self.place_now() != here, "the page before")
        self.key(Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
        until(lambda: self.place_now() == here, "the page again")
        self.look("back")

    def clear(self) -> None:
        """Escape takes the filter away."""
        query = self.window.context.store.state.query
        assert query.filters
        self.click(self.window.bench.panel("table").first_focus(), QPoint(60, 60))
        for _ in range(3):
            if self.window.context.store.state.query.filters:
                self.key(Qt.Key.Key_Escape)
                QTest.qWait(50)
        assert not self.window.context.store.state.query.filters
        self.look("clear")

    def lasso(self) -> None:
        """Draw a lasso on the map, and undo it."""
        store = self.window.context.store
        self.window.bring("map")
        canvas = self.window.bench.panel("map").findChild(MapCanvas)
        canvas.setFocus()
        self.key(Qt.Key.Key_L)
        assert canvas.tool == "lasso"
        handle, size = self.window.windowHandle(), canvas.size()
        ring = [
            self.place(
                canvas,
                QPoint(
                    int(size.width() * (0.5 + 0.4 * math.cos(step / 6))),
                    int(size.height() * (0.5 + 0.4 * math.sin(step / 6))),
                ),
            )
            for step in range(38)
        ]
        QTest.mousePress(handle, _LEFT, _NONE, ring[0], 10)
        for at in ring[1:]:
            QTest.mouseMove(handle, at, 5)
        QTest.mouseRelease(handle, _LEFT, _NONE, ring[-1], 10)
        until(lambda: len(store.state.features) > 0, "what the lasso holds")
        chosen = store.state.features
        assert len(chosen) < len(self.window.summary.table)
        self.look("lasso")
        self.key(Qt.Key.Key_Z, _CONTROL)
        until(lambda: len(store.state.features) == 0, "the selection undone")
        self.key(Qt.Key.Key_Z, _CONTROL | _SHIFT)
        until(lambda: store.state.features == chosen, "the selection done again")
        self.key(Qt.Key.Key_Z, _CONTROL)
        self.look("undo")

    def dark(self) -> None:
        """Dark colours, by the command palette."""
        self.command(plain(tr("action.appearance_dark")).split()[0], "appearance_dark")
        until(lambda: theme.is_dark(self.window.palette()), "dark colours")
        self.look("dark")
        assert (
            self.window.grab().toImage().pixelColor(5, self.window.height() - 5).lightness() < 128
        )

    def korean(self) -> None:
        """The interface in Korean: another window in the place of this one."""
        before = self.window
        self.window.actions_by_key["language_ko"].trigger()
        until(lambda: any(one is not before for one in windows()), "the window in Korean")
        self.window = next(one for one in windows() if one is not before)
        until(lambda: self.window.summary is not None, "the atlas in it")
        self.wake()
        assert strings.language() == "ko"
        assert plain(self.window.actions_by_key["open"].text()) == plain(tr("action.open"))
        assert any("\uac00" <= letter <= "\ud7a3" for letter in tr("action.open"))
        self.look("korean")

    def place_now(self) -> object:
        """Return the page shown."""
        return self.window.context.store.state.place


def _chosen(found: QListWidget) -> object:
    item = found.currentItem()
    return None if item is None or item.isHidden() else item.data(Qt.ItemDataRole.UserRole)


def main() -> None:
    atlas, folder = Path(sys.argv[1]), Path(sys.argv[2])
    application = make_application()
    strings.use("en")
    window = open_window(Settings())
    window.resize(1280, 800)
    assert QTest.qWaitForWindowExposed(window, 30_000)
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window, 30_000)
    tour = Tour(window, folder)
    tour.open(atlas)
    tour.filter()
    tour.open_page()
    tour.back()
    tour.clear()
    tour.lasso()
    tour.dark()
    tour.korean()
    tour.window.close()
    until(lambda: not windows(), "the end")
    print(json.dumps({"platform": application.platformName(), "steps": tour.steps}))


if __name__ == "__main__":
    main()
