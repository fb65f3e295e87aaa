"""Random acts on the viewer: actions, keys, the mouse, sizes, colours, and files to open."""

from __future__ import annotations

import gc
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QColor, QPalette, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QFileDialog,
    QInputDialog,
    QLineEdit,
    QMenu,
    QWidget,
)

from mmfeat_gui.resources import strings
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.views.windows import open_window, windows

# What would end the run, or ask the system for something outside it.
_LEFT_OUT = {"quit", "close"}
_MOST_WINDOWS = 3
_NAMES = (
    *("Up", "Down", "Left", "Right", "Tab", "Backtab", "Return", "Escape", "Space", "PageUp"),
    *("PageDown", "Home", "End", "Delete", "Backspace", "Plus", "Minus", "F6", "F1"),
    *"ABLPHST1237",
)
_KEYS = [getattr(Qt.Key, f"Key_{name}") for name in _NAMES]
_MODIFIERS = [
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
]
_ENDING = {Qt.Key.Key_W, Qt.Key.Key_Q}
_TEXTS = ("cat", "#3", "고양이", "قطة", "", "ñ\u0301🙂", "a" * 300, "shared>1", "(", "\u202eabc")
_BUTTONS = [Qt.MouseButton.LeftButton] * 6 + [Qt.MouseButton.RightButton] * 2
_BUTTONS += [Qt.MouseButton.BackButton, Qt.MouseButton.MiddleButton]


class Monkey(QObject):
    """Does one random thing after the other.

    Parameters
    ----------
    seed : int
        The same seed does the same things, as far as threads allow.
    files : sequence of Path
        What it may open.
    settings : Settings
        Of the windows it opens.

    Attributes
    ----------
    done : list of str
        What it did.
    """

    def __init__(self, seed: int, files: Sequence[Path], settings: Settings) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self._files = list(files)
        self._settings = settings
        self._seen: list[QWidget] = []  # windows in the order in which they came
        self.done: list[str] = []
        self._moves: list[tuple[int, Callable[[MainWindow], str]]] = [
            (30, self._act),
            (24, self._click),
            (14, self._press_keys),
            (8, self._drag),
            (8, self._turn_wheel),
            (6, self._type),
            (3, self._resize),
            (2, self._open),
            (2, self._change_colours),
            (4, self._rest),
        ]
        # What waits for an answer in an event loop of its own is answered here.
        self._answering = QTimer(self)
        self._answering.timeout.connect(self._answer)
        self._answering.start(15)

    def run(self, count: int) -> None:
        """Do so many things."""
        weights = [weight for weight, _ in self._moves]
        for _ in range(count):
            window = self._window()
            move = self._random.choices(self._moves, weights)[0][1]
            self.done.append(f"{move.__name__}: begun")
            self.done[-1] = f"{move.__name__}: {move(window)}"
            QApplication.processEvents()
        self._answering.stop()

    def _window(self) -> MainWindow:
        """Return one of the windows shown; open one if there is none, close some of many."""
        shown = [one for one in QApplication.topLevelWidgets() if _is_shown(one)]
        for one in shown:
            if one not in self._seen:
                self._seen.append(one)
        shown = [one for one in self._seen if one in shown]
        if not shown:
            return open_window(self._settings)
        while len(shown) > _MOST_WINDOWS:
            one = shown.pop()
            self._seen.remove(one)
            one.close()
            one.deleteLater()
        return self._random.choice(shown)  # type: ignore[return-value]

    def _widget(self, window: MainWindow) -> QWidget:
        found = [
            widget
            for widget in (window, *window.findChildren(QWidget))
            if widget.isVisible() and widget.isEnabled() and widget.width() > 2 < widget.height()
        ]
        return self._random.choice(found)

    def _place(self, widget: QWidget) -> QPoint:
        return QPoint(
            self._random.randrange(widget.width()), self._random.randrange(widget.height())
        )

    # Acts -----------------------------------------------------------------------------

    def _act(self, window: MainWindow) -> str:
        keys = [
            key
            for key, action in window.actions_by_key.items()
            if action.isEnabled() and key not in _LEFT_OUT
        ]
        key = self._random.choice(keys)
        window.actions_by_key[key].trigger()
        return key

    def _click(self, window: MainWindow) -> str:
        widget = self._widget(window)
        name = type(widget).__name__
        click = QTest.mouseDClick if self._random.random() < 0.15 else QTest.mouseClick
        modifier = self._random.choice(_MODIFIERS)
        click(widget, self._random.choice(_BUTTONS), modifier, self._place(widget))
        return name

    def _drag(self, window: MainWindow) -> str:
        widget = self._widget(window)
        name = type(widget).__name__
        left, modifier = Qt.MouseButton.LeftButton, self._random.choice(_MODIFIERS)
        QTest.mousePress(widget, left, modifier, self._place(widget))
        for _ in range(self._random.randrange(1, 8)):
            if not _is_there(widget):
                return name
            QTest.mouseMove(widget, self._place(widget))
        if _is_there(widget):
            QTest.mouseRelease(widget, left, modifier, self._place(widget))
        return name

    def _turn_wheel(self, window: MainWindow) -> str:
        widget = self._widget(window)
        at = QPointF(self._place(widget))
        event = QWheelEvent(
            at,
            widget.mapToGlobal(at),
            QPoint(),
            QPoint(0, self._random.choice((-360, -120, 120, 360))),
            Qt.MouseButton.NoButton,
            self._random.choice(_MODIFIERS),
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, event)
        return type(widget).__name__

    def _press_keys(self, window: MainWindow) -> str:
        key, modifier = self._random.choice(_KEYS), self._random.choice(_MODIFIERS)
        if key in _ENDING:
            return "left out"
        QTest.keyClick(window.focusWidget() or window, key, modifier)
        return f"{key!r} {modifier!r}"

    def _type(self, window: MainWindow) -> str:
        lines = [line for line in window.findChildren(QLineEdit) if line.isVisible()]
        if not lines:
            return "nowhere"
        line, text = self._random.choice(lines), self._random.choice(_TEXTS)
        line.setFocus()
        line.setText(text)
        line.textEdited.emit(text)
        if self._random.random() < 0.5 and _is_there(line):
            QTest.keyClick(line, Qt.Key.Key_Return)
        return text[:20]

    def _resize(self, window: MainWindow) -> str:
        size = self._random.randrange(300, 1900), self._random.randrange(200, 1300)
        window.resize(*size)
        return str(size)

    def _open(self, window: MainWindow) -> str:
        path = self._random.choice(self._files)
        if self._random.random() < 0.3 and window.context.summary is not None:
            window.open_beside(path)
        else:
            window.open_atlas(path)
        return path.name

    def _change_colours(self, window: MainWindow) -> str:
        palette = QApplication.style().standardPalette()
        if self._random.random() < 0.5:
            palette = QPalette(QColor(60, 60, 60), QColor(30, 30, 30))
        QApplication.setPalette(palette)
        return "colours"

    def _rest(self, window: MainWindow) -> str:
        QTest.qWait(self._random.choice((1, 5, 30, 120)))
        return "rest"

    def _answer(self) -> None:
        """Leave what waits for an answer: a menu, or a dialog, sometimes after some keys."""
        popup = QApplication.activePopupWidget()
        if popup is not None:
            if isinstance(popup, QMenu) and self._random.random() < 0.2:
                QTest.keyClick(popup, Qt.Key.Key_Down)
            popup.close()
            return
        dialog = QApplication.activeModalWidget()
        if dialog is None:
            return
        if isinstance(dialog, QInputDialog) and self._random.random() < 0.7:
            dialog.setTextValue(self._random.choice(_TEXTS))
            dialog.accept()
        elif isinstance(dialog, QDialog):
            if not isinstance(dialog, QFileDialog):
                for _ in range(self._random.randrange(3)):
                    target = dialog.focusWidget() or dialog
                    QTest.keyClick(target, self._random.choice((Qt.Key.Key_Tab, Qt.Key.Key_Down)))
            dialog.reject()
        else:
            dialog.close()


def _is_shown(widget: QWidget) -> bool:
    return isinstance(widget, MainWindow) and widget.isVisible()


def _is_there(widget: QWidget) -> bool:
    """Return whether a widget was not deleted meanwhile, and can be seen."""
    from shiboken6 import isValid

    return isValid(widget) and widget.isVisible() and widget.width() > 2 < widget.height()


def close_all() -> None:
    """Close every window, and let everything go that waits to be deleted."""
    for one in QApplication.topLevelWidgets():
        if isinstance(one, QDialog) and one.isVisible():
            one.reject()
    for one in QApplication.topLevelWidgets():
        if isinstance(one, MainWindow):
            one.close()
            one.deleteLater()
    assert not windows()
    for _ in range(5):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()
        gc.collect()


def alive() -> dict[str, int]:
    """Count what a window may leave behind: widgets, threads, running timers, processes."""
    gc.collect()
    timers = 0
    for found in gc.get_objects():
        if issubclass(type(found), QTimer):  # a weak reference would lead to what it is of
            try:
                timers += found.isActive()
            except RuntimeError:  # deleted by Qt already
                continue
    return {
        "widgets": len(QApplication.allWidgets()),
        "threads": len([t for t in threading.enumerate() if t.name.startswith("mmfeat")]),
        "timers": timers,
        "processes": len(psutil.Process().children(recursive=True)),
    }


def widgets() -> str:
    """Return which widgets there are, by type, those without a parent first."""
    found = Counter(
        f"{'child ' if widget.parent() else ''}{type(widget).__name__}"
        for widget in QApplication.allWidgets()
    )
    return ", ".join(f"{count} {name}" for name, count in sorted(found.items()))


def reset_language() -> None:
    """Use English again, whatever was switched to."""
    from mmfeat_gui.views.windows import use_language

    use_language("en")
    assert strings.language() == "en"
