"""The Qt application: style, fonts, signals, and pictures of the window."""

from __future__ import annotations

import signal
import sys
from importlib.resources import files
from pathlib import Path

from PySide6.QtCore import (
    QEventLoop,
    QMessageLogContext,
    QTimer,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from mmfeat_gui.resources.strings import tr
from mmfeat_gui.views import theme
from mmfeat_gui.views.fonts import application_font
from mmfeat_gui.views.main_window import MainWindow

_LOOK_MS = 20
_STILL = 3  # looks at a window that did not change


def _report(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    # Said of every window without a screen; it means nothing.
    if "propagateSizeHints" not in message:
        print(message, file=sys.stderr)


def make_application() -> QApplication:
    """Return the application, with fonts for many scripts."""
    found = QApplication.instance()
    application = found if isinstance(found, QApplication) else QApplication(["mmfeat-gui"])
    application.setApplicationName("mmfeat")
    application.setDesktopFileName("mmfeat")
    qInstallMessageHandler(_report)
    application.setWindowIcon(QIcon(str(files("mmfeat_gui.resources") / "mmfeat.svg")))
    application.setStyle("Fusion")
    application.setFont(application_font())
    application.paletteChanged.connect(theme.use_clear_frames)
    theme.use_clear_frames(application.palette())
    return application


def quit_on_signals(application: QApplication) -> None:
    """Close the window on Ctrl-C and SIGTERM, as its close button would."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: application.closeAllWindows())
    # Python sees a signal only when it runs: let it run now and then.
    heartbeat = QTimer(application)
    heartbeat.timeout.connect(lambda: None)
    heartbeat.start(300)


def take_picture(
    window: MainWindow,
    path: Path,
    size: tuple[int, int],
    file: Path | None,
    feature: int | None,
    item: str | None,
    beside: Path | None,
) -> str:
    """Write a picture of the window once all is loaded and drawn.

    Returns
    -------
    str
        Empty, or a sentence on what could not be shown or written.
    """
    refusals: list[str] = []
    window.context.refused.connect(refusals.append)
    window.resize(*size)
    window.show()
    try:
        if file is not None:  # an atlas or a session
            window.open_file(file, feature, item, beside, resized=False)
        # Opening asks for the first page, and for the atlas beside it.
        _wait_until_still(window)
        if refusals:
            return refusals[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        if not window.grab().save(str(path), "PNG"):
            return tr("error.picture", file=path)
        return ""
    except OSError as error:
        return tr("error.picture", file=f"{path} ({error.strerror})")
    finally:
        window.close()


def _wait_until_still(window: MainWindow) -> None:
    """Run what is posted until all is loaded and drawn as finely as it will be."""
    before: object = None
    still = 0
    while still < _STILL:
        loop = QEventLoop()
        QTimer.singleShot(_LOOK_MS, loop.quit)
        loop.exec()
        # Maps are drawn finely, and text is arranged, a while after they change.
        coming = any(
            timer.isActive() and (timer.isSingleShot() or not timer.interval())
            for timer in window.findChildren(QTimer)
        )
        now = [panel.content_size() for panel in window.bench.front()]
        still = 0 if window.busy or coming or now != before else still + 1
        before = now
