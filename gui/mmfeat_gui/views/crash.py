"""What happens when something goes wrong that nobody foresaw: a report, and the session kept."""

from __future__ import annotations

import contextlib
import sys
import threading
from types import TracebackType

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QApplication, QMessageBox

from mmfeat.errors import MmfeatError
from mmfeat_gui.resources.strings import tr
from mmfeat_gui.state.crash import keep_report, report_text
from mmfeat_gui.state.session import last_session_path, save_session
from mmfeat_gui.views.windows import windows


class Crash(QObject):
    """Catches exceptions that reach the top, from whatever thread; the window lives on.

    The report and the session are written here, on whatever thread: this may be the last that
    the process does.
    """

    _happened = Signal(str, str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.box: QMessageBox | None = None
        self._happened.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        """Take over from the interpreter's own reports."""
        sys.excepthook = self.caught
        threading.excepthook = lambda args: self.caught(
            args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
        )

    def caught(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Keep a report and the session, and ask for the dialog."""
        if issubclass(kind, KeyboardInterrupt):
            QApplication.closeAllWindows()
            return
        text = report_text(kind, error, trace)
        print(text, file=sys.stderr)
        path = keep_report(text)
        for window in windows():
            with contextlib.suppress(MmfeatError, OSError, RuntimeError):
                save_session(window.session(), last_session_path())
        self._happened.emit(text, "" if path is None else str(path))

    def _show(self, text: str, path: str) -> None:
        if self.box is not None:  # one at a time: an error may come with every frame
            return
        box = QMessageBox()
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setIcon(QMessageBox.Icon.Critical)
        box.setWindowTitle(tr("crash.title"))
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(tr("crash.text"))
        box.setInformativeText(tr("crash.kept", path=path) if path else tr("crash.not_kept"))
        box.setDetailedText(text)
        go_on = box.addButton(tr("crash.go_on"), QMessageBox.ButtonRole.AcceptRole)
        leave = box.addButton(tr("crash.leave"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(go_on)
        box.setEscapeButton(go_on)
        leave.clicked.connect(QApplication.closeAllWindows)
        box.finished.connect(self._forget)
        self.box = box
        box.open()

    def _forget(self) -> None:
        self.box = None
