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
from mmfeat_gui.views.fonts import application_font
from mmfeat_gui.views.main_window import MainWindow


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
    atlas: Path | None,
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
        if atlas is not None:
            loop = QEventLoop()
            window.settled.connect(loop.quit)
            window.open_atlas(atlas, feature, item, beside)
            # Opening asks for the first page, and for the atlas beside it.
            while window.busy:
                loop.exec()
        if refusals:
            return refusals[0]
        _let_layouts_settle(window)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not window.grab().save(str(path), "PNG"):
            return tr("error.picture", file=path)
        return ""
    except OSError as error:
        return tr("error.picture", file=f"{path} ({error.strerror})")
    finally:
        window.close()


def _let_layouts_settle(window: MainWindow) -> None:
    """Run what is posted until the page changes size no more."""
    before: object = None
    for _ in range(20):
        QApplication.processEvents()
        now = [panel.content_size() for panel in window.bench.front()]
        if now == before:
            return
        before = now
